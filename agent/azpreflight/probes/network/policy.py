"""Which rule and which route decide over an address, by the tables that the kernel told. Pure.

The kernel's own answer for an address names the table and the route; the rule that led there, and a route that
rejects, are found by walking the rules as the kernel does (ip-rule(8)). Where the walk and the kernel disagree, what
is not told here decided (a mark, a protocol, a VRF), and nothing is said of the rule.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import NamedTuple, Optional

from azpreflight.host import Outcome, Route, Routing, RoutingRule, TableRoute

REJECTING = ("blackhole", "unreachable", "prohibit")
"""What a route or a rule does that keeps packets in this machine."""
NAMES = {253: "default", 254: "main", 255: "local"}
"""Tables that have a name everywhere (/etc/iproute2/rt_tables)."""
MAX_STEPS = 1000
"""Rules that are walked: `goto` leads forward alone, so this is no more than a bound."""


class Decision(NamedTuple):
    """What decides over an address."""

    rule: RoutingRule
    route: Optional[TableRoute]
    """None where the rule itself rejects."""

    @property
    def rejects(self) -> Optional[str]:
        """blackhole, unreachable or prohibit; None where packets leave."""
        kind = self.rule.action if self.route is None else self.route.kind
        return kind if kind in REJECTING else None


def decide(routing: Routing, address: str, known: Optional[Route] = None, mark: int = 0) -> Optional[Decision]:
    """The rule and the route for packets with this mark that this machine's root sends to an IPv4 address.

    None where no route matches, not all routes are known, or `known`, the kernel's own answer, says otherwise.
    """
    if ":" in address or not routing.complete:
        return None
    source = known.source if known is not None and known.source is not None else None
    found = next(_decisions(routing, ipaddress.IPv4Address(address), mark, source), None)
    return found if found is not None and (known is None or _agree(found, known)) else None


def _agree(found: Decision, known: Route) -> bool:
    if found.rejects is not None or found.route is None:
        return known.outcome is not Outcome.OK
    return known.outcome is Outcome.OK and known.interface == found.route.interface


def _decisions(
    routing: Routing, address: ipaddress.IPv4Address, mark: int, source: Optional[str]
) -> Iterator[Decision]:
    lowest = 0
    for rule in routing.rules[:MAX_STEPS]:
        if rule.priority < lowest or not _speaks_of(rule, address, mark, source):
            continue
        if rule.action == "goto":
            lowest = rule.target
        elif rule.action in REJECTING:
            yield Decision(rule, None)
        elif rule.action == "lookup":
            route = longest(routing, rule.table, address, rule.shortest)
            if route is not None and route.kind != "throw":
                yield Decision(rule, route)


def longest(routing: Routing, table: int, address: ipaddress.IPv4Address, shortest: int = -1) -> Optional[TableRoute]:
    """The route of one table for an address: the longest prefix, then the lowest metric."""
    matching = [(route, ipaddress.ip_network(route.prefix)) for route in routing.routes if route.table == table]
    found = [(route, prefix.prefixlen) for route, prefix in matching if address in prefix]
    best = min(found, key=lambda item: (-item[1], item[0].metric), default=None)
    return best[0] if best is not None and best[1] > shortest else None


def _speaks_of(rule: RoutingRule, address: ipaddress.IPv4Address, mark: int, source: Optional[str]) -> bool:
    """Whether it means a packet of root's to this address with this mark; None: before a source is chosen.

    One that asks for what is not told here is taken for one that does not match.
    """
    if rule.narrowed or rule.outward is not None or rule.inward not in (None, "lo"):
        return False
    asks = (
        rule.source is None or rule.source.endswith("/0") or _is_in(source, rule.source),
        rule.destination is None or address in ipaddress.ip_network(rule.destination),
        (mark ^ rule.mark) & rule.mask == 0,
        rule.users is None or rule.users[0] == 0,
    )
    return all(asks) is not rule.inverted


def _is_in(address: Optional[str], prefix: str) -> bool:
    return address is not None and ":" not in address and ipaddress.ip_address(address) in ipaddress.ip_network(prefix)


def table_name(number: int) -> str:
    """main, default, or the number."""
    return NAMES.get(number, str(number))
