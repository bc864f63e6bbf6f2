"""Which rule and route decide, by tables of literals and by the kernel's own dumps, and whose interface it is."""

from __future__ import annotations

import struct
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Optional

import pytest

from azpreflight.host import LocalHost, NamedLink, Outcome, Route, Routing, RoutingRule, TableRoute
from azpreflight.host.routing import rule_of
from azpreflight.probes.network.owners import owner
from azpreflight.probes.network.policy import decide, longest, table_name

LOCAL, MAIN_RULE = RoutingRule(0, "lookup", 255), RoutingRule(32766, "lookup", 254)
DEFAULT = TableRoute(254, "0.0.0.0/0", "unicast", "eth0", "10.0.0.1")
LINK = TableRoute(254, "10.0.0.0/24", "unicast", "eth0")
BRIDGE = TableRoute(254, "10.0.0.0/16", "unicast", "br-2f1c0a9b7d34")
PLAIN = Routing((LOCAL, MAIN_RULE), (DEFAULT, LINK, BRIDGE))


def ruled(*rules: RoutingRule, routes: tuple[TableRoute, ...] = ()) -> Routing:
    """The plain tables with more rules before the main table's."""
    return replace(PLAIN, rules=(LOCAL, *rules, MAIN_RULE), routes=(*PLAIN.routes, *routes))


@pytest.mark.parametrize(
    ("address", "interface"), [("10.0.0.9", "eth0"), ("10.0.7.10", "br-2f1c0a9b7d34"), ("20.60.0.10", "eth0")]
)
def test_the_longest_prefix_of_the_first_table_decides(address: str, interface: str) -> None:
    decision = decide(PLAIN, address)
    assert decision is not None
    assert decision.route is not None
    assert (decision.rule, decision.route.interface) == (MAIN_RULE, interface)


@pytest.mark.parametrize(
    ("rule", "decides"),
    [
        (RoutingRule(100, "lookup", 52), True),
        (RoutingRule(100, "lookup", 52, destination="20.60.0.0/16"), True),
        (RoutingRule(100, "lookup", 52, destination="20.61.0.0/16"), False),
        (RoutingRule(100, "lookup", 52, mark=1, mask=255), False),
        (RoutingRule(100, "lookup", 52, mark=1, mask=255, inverted=True), True),
        (RoutingRule(100, "lookup", 52, source="10.0.0.4/32"), False),
        (RoutingRule(100, "lookup", 52, inward="docker0"), False),
        (RoutingRule(100, "lookup", 52, outward="tun0"), False),
        (RoutingRule(100, "lookup", 52, users=(1000, 2000)), False),
        (RoutingRule(100, "lookup", 52, narrowed=True), False),
        (RoutingRule(100, "lookup", 52, shortest=0), False),
        (RoutingRule(100, "nop", 0), False),
    ],
)
def test_a_rule_counts_where_it_speaks_of_the_packet(rule: RoutingRule, decides: bool) -> None:
    decision = decide(ruled(rule, routes=(TableRoute(52, "0.0.0.0/0", "unicast", "tun0"),)), "20.60.0.10")
    assert decision is not None
    assert decision.rule is (rule if decides else MAIN_RULE)


def test_goto_passes_over_rules_and_throw_leaves_the_table() -> None:
    jump, skipped = RoutingRule(10, "goto", target=200, table=0), RoutingRule(100, "prohibit", 0)
    thrown = RoutingRule(200, "lookup", 52)
    decision = decide(ruled(jump, skipped, thrown, routes=(TableRoute(52, "20.60.0.0/16", "throw"),)), "20.60.0.10")
    assert decision is not None
    assert decision.rule is MAIN_RULE


@pytest.mark.parametrize("kind", ["blackhole", "unreachable", "prohibit"])
def test_routes_and_rules_reject(kind: str) -> None:
    by_route = decide(ruled(RoutingRule(9, "lookup", 52), routes=(TableRoute(52, "20.60.0.0/16", kind),)), "20.60.0.10")
    by_rule = decide(ruled(RoutingRule(9, kind, 0)), "20.60.0.10")
    assert [found and found.rejects for found in (by_route, by_rule)] == [kind, kind]


@pytest.mark.parametrize(
    ("known", "agrees"),
    [
        (Route(Outcome.OK, "eth0"), True),
        (Route(Outcome.OK, "tun0"), False),
        (Route(Outcome.UNREACHABLE), False),
    ],
)
def test_nothing_is_said_where_the_kernel_disagrees(known: Route, agrees: bool) -> None:
    assert (decide(PLAIN, "20.60.0.10", known) is not None) is agrees


def test_nothing_is_said_of_tables_that_are_not_whole_nor_of_ipv6() -> None:
    assert decide(replace(PLAIN, complete=False), "20.60.0.10") is None
    assert decide(PLAIN, "fd00::1") is None


def test_the_lower_metric_wins() -> None:
    worse = replace(DEFAULT, interface="eth1", metric=100)
    found = longest(replace(PLAIN, routes=(worse, DEFAULT)), 254, IPv4Address("8.8.8.8"))
    assert found is DEFAULT
    assert [table_name(number) for number in (254, 52)] == ["main", "52"]


@pytest.mark.parametrize(
    ("name", "kind", "who"),
    [
        ("docker0", "bridge", "docker"),
        ("br-2f1c0a9b7d34", "bridge", "docker"),
        ("br0", "bridge", "a bridge of this machine"),
        ("tailscale0", "tun", "Tailscale"),
        ("office", "wireguard", "WireGuard"),
        ("corp", "tun", "a VPN"),
        ("eth0", None, None),
        ("enP1s1", None, None),
        ("br-lan", None, None),
    ],
)
def test_interfaces_belong_to_their_makers(name: str, kind: Optional[str], who: Optional[str]) -> None:
    assert owner(name, Routing(links=(NamedLink(name, kind),))) == who


def test_a_rule_of_the_kernel_is_read_whole() -> None:
    body = struct.pack("=BBBBBBBBI", 2, 32, 0, 0, 52, 0, 0, 1, 2)
    for number, value in ((1, bytes((20, 60, 0, 10))), (6, 5270), (10, 7), (16, 255), (15, 1052)):
        packed = value if isinstance(value, bytes) else struct.pack("=I", value)
        body += struct.pack("=HH", 4 + len(packed), number) + packed
    assert rule_of(body) == RoutingRule(
        5270, "lookup", 1052, destination="20.60.0.10/32", mark=7, mask=255, inverted=True
    )


def test_this_machine_tells_its_own() -> None:
    found = LocalHost().routing()
    assert [rule.table for rule in found.rules][:2] == [255, 254]
    assert "lo" in [link.name for link in found.links]
