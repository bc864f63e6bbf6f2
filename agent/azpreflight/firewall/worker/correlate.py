"""Putting trace events together: which flow each packet belongs to, and whether one of its packets vanished.

A packet that went into a hook and did not come out was taken there, whether or not a rule said so. Packets are known
by their protocol and the guest's port, which address translation on the way out does not change, and after that by the
kernel's own id of the packet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Optional

from azpreflight.firewall.worker.trace import Event, Packet

REQUEST, REPLY = "request", "reply"
SOLICITATION, ADVERTISEMENT = 135, 136
EVENT_LIMIT = 128
"""Events kept of one direction; a flow through a deep ruleset of a firewall front end makes about 40."""


class Track:
    """What became of the packets of one direction of one flow."""

    def __init__(self, first: str, last: str) -> None:
        self._first, self._last = first, last
        self._inside = 0
        self.passed = False
        """True once a packet has come out."""
        self.events: dict[Event, None] = {}
        """Without repetition, in the order in which each was last heard."""
        self.taken: Optional[Event] = None
        """The rule or policy of nf_tables that dropped or queued a packet."""

    def add(self, event: Event) -> None:
        """One event of one packet."""
        if event.ours:
            if event.kind == "policy":
                self._inside += (event.chain == self._first) - (event.chain == self._last)
                self.passed = self.passed or event.chain == self._last
            return
        if event.kind == "rule" and event.rule == 0:
            return  # nf_tables' mark for the end of a chain
        plain = event._replace(packet=None, packet_id=0, mark=0)
        self.events.pop(plain, None)
        if len(self.events) < EVENT_LIMIT:
            self.events[plain] = None
        if event.verdict in ("drop", "queue"):
            self.taken = plain

    @property
    def lost(self) -> bool:
        """True while a packet has gone in and not come out."""
        return self._inside > 0 or self.taken is not None


class Story:
    """Both directions of one flow, and where its packets were really sent."""

    def __init__(self, local: bool, inward: bool = False) -> None:
        self.request = Track("output_first", "input_last" if local else "postrouting_last")
        self.reply = Track("output_first" if local else "prerouting_first", "input_last")
        if inward:
            self.request, self.reply = (
                Track("prerouting_first", "input_last"),
                Track("output_first", "postrouting_last"),
            )
        self.destination: Optional[tuple[str, int]] = None
        """As the last packet of the request showed it: another than asked for where a rule translates it."""
        self.source: Optional[str] = None
        """Likewise the address that it leaves with."""
        self.mark = 0
        """The mark that the request had when it was routed."""

    def add(self, direction: str, event: Event) -> None:
        """One event of one packet of this flow."""
        (self.request if direction == REQUEST else self.reply).add(event)
        if direction == REQUEST and event.packet is not None:
            self.destination = (event.packet.destination, event.packet.destination_port)
            self.source = event.packet.source if event.ours else self.source  # log messages of legacy tables come later
        if direction == REQUEST and event.chain == "output_last":
            self.mark = event.mark

    @property
    def lost(self) -> Optional[str]:
        """The direction in which a packet vanished."""
        if self.request.lost:
            return REQUEST
        return REPLY if self.reply.lost else None


class Router:
    """Gives each event to the story of its flow."""

    def __init__(self, stories: Mapping[tuple[str, int], Story]) -> None:
        self._stories = stories
        self.neighbours = Story(local=False)
        """IPv6 next hops are asked for by ICMPv6, which rules can block like anything else."""
        self._by_id: dict[int, tuple[Story, str]] = {}

    def take(self, events: Iterable[Event]) -> None:
        """Sort events into the stories; what belongs to no flow is left out."""
        for event in events:
            found = self._by_packet(event.packet) if event.packet is not None else None
            if found is not None and event.packet_id:
                self._by_id[event.packet_id] = found
            found = found or self._by_id.get(event.packet_id)
            if found is not None:
                found[0].add(found[1], event)

    def _by_packet(self, packet: Packet) -> Optional[tuple[Story, str]]:
        if packet.protocol == "icmp6":
            if packet.source_port not in (SOLICITATION, ADVERTISEMENT):
                return None
            return self.neighbours, REQUEST if packet.source_port == SOLICITATION else REPLY
        story = self._stories.get((packet.protocol, packet.source_port))
        if story is not None:
            return story, REQUEST
        story = self._stories.get((packet.protocol, packet.destination_port))
        return None if story is None else (story, REPLY)
