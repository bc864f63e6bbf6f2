"""What rules do to a flow, worked out from their text: for where the kernel cannot be asked. Pure.

Three answers: allowed, blocked, or cannot be told. A rule of which it cannot be told whether it matches leaves both
ways open; only if all ways end the same is something claimed. Rules in nft's own language are not understood at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from functools import lru_cache
from typing import NamedTuple, Optional

from azpreflight.firewall import parse_iptables_save
from azpreflight.firewall.facts import Flow
from azpreflight.firewall.rule_names import Place
from azpreflight.firewall.rules import Chain, Table
from azpreflight.firewall.static.match import Packet, Rule, matches, parse

PASSING_ON = frozenset(["", "LOG", "NFLOG", "ULOG", "TRACE", "MARK", "CONNMARK", "TCPMSS", "AUDIT", "CHECKSUM", "DSCP"])
"""Targets after which the next rule has its turn."""
ENDING_WELL = ("ACCEPT", "MASQUERADE", "SNAT")
"""Targets that let the packet out of its table, where it was going."""
Hook = tuple[tuple[str, str], ...]
"""Tables and chains in the order in which a packet meets them."""
OUT: Hook = (
    *((table, "OUTPUT") for table in ("raw", "mangle", "nat", "filter", "security")),
    *((table, "POSTROUTING") for table in ("mangle", "nat")),
)
IN: Hook = (
    *((table, "PREROUTING") for table in ("raw", "mangle", "nat")),
    *((table, "INPUT") for table in ("mangle", "filter", "security", "nat")),
)
NEW, ESTABLISHED, UNTRACKED = "NEW", "ESTABLISHED", "UNTRACKED"
ICMP6 = "ipv6-icmp"
DEPTH = 32
"""Chains within chains; iptables refuses loops, a text may have them."""


class End(Enum):
    """How a packet can leave a chain."""

    PASSED = "passed"
    DROPPED = "dropped"
    RETURNED = "returned"
    UNTOLD = "untold"


class Surroundings(NamedTuple):
    """How the guest sends to the flow's destination."""

    interface: str
    source: str

    @property
    def local(self) -> bool:
        """The destination is on this machine."""
        return self.interface == "lo"


class Opinion(NamedTuple):
    """What the text says of a flow."""

    ends: frozenset[End]
    """Only PASSED: it is allowed. Only DROPPED: it is blocked. Anything else: cannot be told."""
    by: Optional[Place]
    """The rule or policy that drops, if the ends are only DROPPED."""
    reply: bool
    """It is the answer that is dropped."""
    doubtful: tuple[Place, ...]
    """Rules on the way of which it cannot be told whether they match."""


def evaluate(flow: Flow, tables: Sequence[Table], environment: Surroundings, uid: int = 0) -> Opinion:
    """What the rules do to the flow's packets, one after the other, as connection tracking would see them."""
    doubtful: list[Place] = []
    unread = any(not table.iptables and table.matters for table in tables)
    ends = {End.PASSED, End.UNTOLD} if unread else {End.PASSED}
    for packet, hook, reply in packets(flow, environment, uid):
        for base in _bases(tables, hook, ":" in flow.address, packet):
            walk = _Walk(base.table, packet if base.table.name != "raw" else packet._replace(state=""), doubtful)
            left = walk.base(base.chain)
            if left == {End.DROPPED}:
                return Opinion(frozenset(left | ends - {End.PASSED}), walk.dropped_by, reply, tuple(doubtful))
            ends = (ends | left) - ({End.PASSED} - left)  # to pass it has to pass everywhere
    return Opinion(frozenset(ends), None, False, tuple(doubtful))


def packets(flow: Flow, at: Surroundings, uid: int) -> Iterator[tuple[Packet, Hook, bool]]:
    """The request, its answer, and for TCP what follows, at each hook that they pass; and whether it is the answer.

    What stays on this machine passes both hooks. Before IPv6 sends anything it asks for the next hop.
    """
    source, port = at.source or flow.address, flow.source_port or None
    if ":" in flow.address and not at.local:
        asking = Packet(ICMP6, source, flow.address, None, None, "", at.interface, UNTRACKED, None)
        told = Packet(ICMP6, flow.address, source, None, None, at.interface, "", UNTRACKED, None)
        yield from ((asking, OUT, False), (told, IN, True))
    request = Packet(flow.protocol, source, flow.address, port, flow.port, "", at.interface, NEW, uid)
    arriving = request._replace(incoming=at.interface, outgoing="", uid=None)
    leaving = Packet(flow.protocol, flow.address, source, flow.port, port, "", at.interface, ESTABLISHED, None)
    answer = leaving._replace(incoming=at.interface, outgoing="")
    exchange = [(request, OUT, False), (answer, IN, True)]
    if at.local:
        exchange = [(request, OUT, False), (arriving, IN, False), (leaving, OUT, True), (answer, IN, True)]
    yield from exchange
    if flow.protocol == "tcp":
        yield from ((one._replace(state=ESTABLISHED), hook, False) for one, hook, reply in exchange if not reply)


def _bases(tables: Sequence[Table], hook: Hook, ipv6: bool, packet: Packet) -> Iterator[Place]:
    """The base chains of a hook in their order; address translation sees the first packet of a connection alone."""
    family = "ip6" if ipv6 else "ip"
    for name, chain in hook:
        if name == "nat" and packet.state != NEW:
            continue
        for table in tables:
            if table.iptables and table.family == family and table.name == name and chain in table.chains:
                yield Place(table, table.chains[chain], None)


@lru_cache(maxsize=256)
def _rules(lines: tuple[str, ...]) -> tuple[Rule, ...]:
    """The rules of a chain, which every packet meets, taken apart once."""
    return tuple(parse(parse_iptables_save.specification(line)) for line in lines)


class _Walk:
    """One packet through one base chain and all chains below it."""

    def __init__(self, table: Table, packet: Packet, doubtful: list[Place]) -> None:
        self._table, self._packet, self._doubtful = table, packet, doubtful
        self.dropped_by: Optional[Place] = None

    def base(self, chain: Chain) -> set[End]:
        """How the packet can leave the table; a return at the top is the policy's turn."""
        ends = self._chain(chain, 0)
        if End.RETURNED in ends:
            ends.discard(End.RETURNED)
            ends.add(End.DROPPED if chain.policy == "DROP" else End.PASSED)
            if chain.policy == "DROP":
                self.dropped_by = self.dropped_by or Place(self._table, chain, None)
        return ends

    def _chain(self, chain: Chain, depth: int) -> set[End]:
        ends: set[End] = set()
        if depth > DEPTH:
            return {End.UNTOLD}
        for number, rule in enumerate(_rules(chain.lines), 1):
            truth = matches(rule, self._packet)
            if truth is False or rule.target in PASSING_ON:
                continue
            place = Place(self._table, chain, number)
            if truth is None:
                self._doubtful.append(place)
            left, goes_on = self._target(rule, place, depth)
            ends |= left
            if truth and not goes_on:
                return ends
        return ends | {End.RETURNED}

    def _target(self, rule: Rule, place: Place, depth: int) -> tuple[set[End], bool]:
        """How the packet can leave from here, and whether the next rule can have its turn."""
        if rule.target in ENDING_WELL:
            return {End.PASSED}, False
        if rule.target in ("DROP", "REJECT"):
            self.dropped_by = self.dropped_by or place
            return {End.DROPPED}, False
        if rule.target == "RETURN":
            return {End.RETURNED}, False
        below = self._table.chains.get(rule.target)
        if below is None:
            return {End.UNTOLD}, False
        ends = self._chain(below, depth + 1)
        if rule.goes:
            return ends, False
        return ends - {End.RETURNED}, End.RETURNED in ends
