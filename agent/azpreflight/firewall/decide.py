"""From what the rehearsal saw of a flow to what the rules do to it. Pure.

An answer that came back proves that the rules let the flow through; a packet that a rule took proves that they do not.
Anything else proves nothing, and is said to be unknown.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from azpreflight.firewall.facts import Flow, FlowFacts, Outcome, Part
from azpreflight.firewall.naming import Index, Place, decider

TAKING = ("DROP", "REJECT", "TARPIT", "STEAL")
QUEUEING = ("NFQUEUE", "QUEUE")
TRANSLATING = ("DNAT", "REDIRECT", "NETMAP", "TPROXY")
ONLY_LOOKING = ("LOG", "NFLOG", "ULOG", "")
"""Targets after which the packet goes on as it was."""
_CHANCE = re.compile(
    r" -m (?:statistic|limit|hashlimit|recent|quota|time|connlimit|rateest|random|nth) "
    r"|\b(?:limit rate|limit name|numgen|quota|ct count|meta (?:hour|day|time))\b"
)
_TRANSLATION = re.compile(r"\b(?:dnat|redirect)\b")


def decide(
    flow: Flow,
    seen: "Mapping[str, Any]",
    index: Index,
    programs: "Mapping[str, str]",
    incomplete: Optional[str] = None,
) -> FlowFacts:
    """What the rules do to the flow. `incomplete` says why the copy of the rules is not whole, if so."""
    if seen["canary"] is not None:
        reason = f"the rehearsal is invalid: without any rule the flow ended with {seen['canary']}"
        return FlowFacts(flow, Outcome.UNKNOWN, reason=reason)
    queued = next((place for place in _places(seen, index) if _queues(place)), None)
    if queued is not None:
        reason = "a program that reads this queue decides"
        return FlowFacts(flow, Outcome.QUEUED, decider(queued, flow, programs), reason=reason)
    to = _diverted_to(flow, seen)
    if to is not None:
        by = [place for place in _places(seen, index, ("request",)) if _translates(place)]
        return FlowFacts(flow, Outcome.DIVERTED, decider(by[-1], flow, programs) if by else None, to)
    if seen["error"] is None:
        return _answered(flow, seen, index, programs, incomplete)
    return _unanswered(flow, seen, index, programs)


def _answered(
    flow: Flow, seen: "Mapping[str, Any]", index: Index, programs: "Mapping[str, str]", incomplete: Optional[str]
) -> FlowFacts:
    chance = next((place for place in _places(seen, index) if _by_chance(place)), None)
    if chance is not None:
        return FlowFacts(flow, Outcome.PROBABILISTIC, decider(chance, flow, programs))
    if incomplete is not None:
        return FlowFacts(flow, Outcome.UNKNOWN, reason=incomplete)
    return FlowFacts(flow, Outcome.ALLOWED)


def _unanswered(flow: Flow, seen: "Mapping[str, Any]", index: Index, programs: "Mapping[str, str]") -> FlowFacts:
    by, part = _taker(seen, index), _part(seen)
    if by is not None:
        outcome = Outcome.PROBABILISTIC if _by_chance(by) else Outcome.BLOCKED
        return FlowFacts(flow, outcome, decider(by, flow, programs, part), part=part)
    if seen["lost"] is not None or seen["error"] != "silent":
        how = "a packet vanished among the rules" if seen["error"] == "silent" else f"it ended with {seen['error']}"
        return FlowFacts(flow, Outcome.BLOCKED, part=part, reason=f"{how}, and no rule said that it was the one")
    return FlowFacts(flow, Outcome.UNKNOWN, reason="no answer came back, and no rule took a packet")


def _part(seen: "Mapping[str, Any]") -> Part:
    if seen["neighbours"]:
        return Part.NEIGHBOURS
    return Part.REPLY if seen["lost"] == "reply" else Part.REQUEST


def _taker(seen: "Mapping[str, Any]", index: Index) -> Optional[Place]:
    """The rule or policy that took a packet: nf_tables says so itself, of a legacy rule its target tells."""
    directions = (seen["lost"],) if seen["lost"] is not None else ("request", "reply")
    for direction in directions:
        taken = seen[direction]["taken"]
        place = index.place(taken) if taken is not None else None
        if place is not None:
            return place
        legacy = [place for place in _places(seen, index, (direction,)) if place.table.backend.value == "legacy"]
        taking = [place for place in legacy if place.target in TAKING]
        if taking:
            return taking[-1]
    return None


def _places(
    seen: "Mapping[str, Any]", index: Index, directions: "tuple[str, ...]" = ("request", "reply")
) -> "Iterator[Place]":
    """Where packets of the flow met a rule or a policy, in the order in which it was last heard."""
    for direction in directions:
        for event in seen[direction]["events"]:
            place = index.place(event)
            if place is not None:
                yield place


def _diverted_to(flow: Flow, seen: "Mapping[str, Any]") -> Optional[str]:
    if seen["destination"] is None or tuple(seen["destination"]) == (flow.address, flow.port):
        return None
    address, port = seen["destination"]
    return f"{address}:{port}"


def _queues(place: Place) -> bool:
    return place.target in QUEUEING if place.table.iptables else " queue" in f" {place.target}"


def _translates(place: Place) -> bool:
    return place.target in TRANSLATING if place.table.iptables else bool(_TRANSLATION.search(place.target))


def _by_chance(place: Place) -> bool:
    if place.number is None or (place.table.iptables and place.target in ONLY_LOOKING):
        return False
    return bool(_CHANCE.search(place.line))
