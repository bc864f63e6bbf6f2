"""Where marked packets go, by the tables that the kernel told."""

from __future__ import annotations

import pytest

from azpreflight.firewall.facts import Flow, FlowFacts, Outcome, Purpose
from azpreflight.host import Outcome as Routed
from azpreflight.host import Route, Routing, RoutingRule, TableRoute
from azpreflight.probes.network.facts import NetworkFacts
from azpreflight.probes.network.marks import other_way

MAIN, OTHER = 254, 77
MARKED = FlowFacts(Flow("tcp", "10.0.0.5", 53, Purpose.DNS), Outcome.ALLOWED, mark=7)
USUAL = TableRoute(MAIN, "0.0.0.0/0", "unicast", "eth0", "10.0.0.1")


def led(table: int, *routes: TableRoute) -> bool:
    """Whether a rule for the mark that looks up this table leads another way."""
    rules = (RoutingRule(1000, "lookup", table, mark=7, mask=0xFFFFFFFF), RoutingRule(32766, "lookup", MAIN))
    routing = Routing(rules, (USUAL, *routes))
    network = NetworkFacts((), (), Route(Routed.OK, "eth0"), (), (), (), routing=routing)
    return other_way(MARKED, network) is not None


@pytest.mark.parametrize(
    "route",
    [
        TableRoute(OTHER, "0.0.0.0/0", "unicast", "tun0", "10.0.0.1"),
        TableRoute(OTHER, "0.0.0.0/0", "unicast", "eth0", "10.0.0.9"),
        TableRoute(OTHER, "0.0.0.0/0", "unicast", "eth0", "10.0.0.1", "10.0.0.6"),
        TableRoute(OTHER, "0.0.0.0/0", "blackhole"),
    ],
)
def test_another_table_leads_another_way(route: TableRoute) -> None:
    """By the interface, the gateway or the source, or nowhere."""
    assert led(OTHER, route)


def test_the_same_route_by_another_rule_or_table_is_no_other_way() -> None:
    """Which rule looked it up is nothing that a packet shows."""
    assert not led(MAIN)
    assert not led(OTHER, TableRoute(OTHER, "0.0.0.0/0", "unicast", "eth0", "10.0.0.1", metric=5))
