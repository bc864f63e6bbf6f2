"""Where this machine's own routing leads packets another way than the platform's network wants them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

import pytest

from azpreflight.azure.addresses import WIRE_SERVER
from azpreflight.guest.dhcp_leases import Lease
from azpreflight.host import MAIN, Interface, NamedLink, Outcome, Route, Routing, RoutingRule, TableRoute
from azpreflight.model import Run
from azpreflight.probes.network.detours import Detour, detour_of, led_alike
from azpreflight.probes.network.facts import NetworkFacts
from azpreflight.probes.network.uplink import uplink_of

DNS = "10.0.7.10"
MAIN_RULE = RoutingRule(32766, "lookup", MAIN)
DEFAULT = TableRoute(MAIN, "0.0.0.0/0", "unicast", "eth0", "10.0.0.1")
ETH0 = Interface("eth0", True, "00:0d:3a:12:34:56", 1500, ("10.0.0.4/24",))
LEASE = Lease("dhclient", "/var/lib/dhcp/dhclient.leases", "10.0.0.4", ("10.0.7.10",), "10.0.0.1")
FACTS = NetworkFacts(
    interfaces=(ETH0,),
    default_routes=(),
    internet=Route(Outcome.OK),
    nameservers=(),
    unrouted=(),
    managers=(),
    leases=(LEASE,),
    routing=Routing((MAIN_RULE,), (DEFAULT,), (NamedLink("eth0"),)),
)


def detour(
    route: Route,
    facts: NetworkFacts = FACTS,
    address: str = DNS,
    more: tuple[TableRoute, ...] = (),
    **routing: Any,
) -> Optional[Detour]:
    """What is said of an address that the kernel sends by this route, with more routes than the default one."""
    tables = replace(facts.routing, routes=(DEFAULT, *more), **routing)
    return detour_of(address, {address: route}, Run(needed={"network": replace(facts, routing=tables)}))


USUAL = Route(Outcome.OK, "eth0", "10.0.0.1", "10.0.0.4", "0.0.0.0/0", "dhcp", MAIN)
REPLACED = f"ip route replace {DNS}/32 via 10.0.0.1 dev eth0 src 10.0.0.4"


def test_the_usual_way_is_none() -> None:
    assert detour(USUAL) is None
    assert detour(Route(Outcome.OK, "lo")) is None
    assert detour(USUAL, replace(FACTS, interfaces=())) is None


def test_a_bridge_that_covers_the_virtual_network_is_named_and_beaten() -> None:
    bridge = TableRoute(MAIN, "10.0.0.0/16", "unicast", "docker0")
    found = detour(replace(USUAL, interface="docker0", gateway=None, prefix="10.0.0.0/16"), more=(bridge,))
    assert found is not None
    assert found.message == f"{DNS} leaves by docker0 (docker), whose 10.0.0.0/16 covers the virtual network's"
    assert found.commands == (f"ip route get {DNS}", REPLACED)
    assert "daemon.json" in found.fix
    assert not found.by_vpn


def test_a_rule_for_the_source_is_the_one_that_decided() -> None:
    rule, route = RoutingRule(100, "lookup", 200, source="10.0.0.4/32"), TableRoute(200, "0.0.0.0/0", "unicast", "tun0")
    found = detour(replace(USUAL, interface="tun0", gateway=None, table=200), more=(route,), rules=(rule, MAIN_RULE))
    assert found is not None
    assert found.message == f"{DNS} leaves by tun0 (a VPN), by the default route of table 200 (rule 100)"
    assert detour(USUAL, more=(route,), rules=(replace(rule, source="10.0.0.5/32"), MAIN_RULE)) is None


def test_a_policy_table_is_beaten_by_a_rule_and_not_by_a_route() -> None:
    rule, route = RoutingRule(5270, "lookup", 52), TableRoute(52, "10.0.7.0/24", "unicast", "tailscale0")
    by_vpn = replace(USUAL, interface="tailscale0", gateway=None, prefix="10.0.7.0/24", table=52)
    found = detour(by_vpn, more=(route,), rules=(rule, MAIN_RULE))
    assert found is not None
    assert found.message == f"{DNS} leaves by tailscale0 (Tailscale), by 10.0.7.0/24 of table 52 (rule 5270)"
    assert found.commands[1:] == ("ip rule add priority 5269 to 10.0.7.0/24 lookup main",)
    assert found.by_vpn
    whole = detour(
        replace(by_vpn, prefix="0.0.0.0/0"), more=(replace(route, prefix="0.0.0.0/0"),), rules=(rule, MAIN_RULE)
    )
    assert whole is not None
    assert whole.commands[1:] == (f"ip rule add priority 5269 to {DNS}/32 lookup main",)


@pytest.mark.parametrize("kind", ["blackhole", "unreachable", "prohibit"])
def test_what_rejects_is_named(kind: str) -> None:
    rule, route = RoutingRule(100, "lookup", 7), TableRoute(7, "10.0.0.0/8", kind)
    found = detour(Route(Outcome.UNREACHABLE), more=(route,), rules=(rule, MAIN_RULE))
    assert found is not None
    assert found.message == f"this machine rejects {DNS}: {kind} 10.0.0.0/8 of table 7 (rule 100)"
    assert found.commands[0] == "ip route show table 7"
    assert detour(Route(Outcome.UNREACHABLE)) is None, "no route at all is another matter"


def test_a_second_nic_may_have_servers_in_its_own_subnet() -> None:
    eth1 = Interface("eth1", True, None, 1500, ("10.0.7.4/24",))
    facts = replace(FACTS, interfaces=(ETH0, eth1))
    at_home = replace(USUAL, interface="eth1", gateway=None, prefix="10.0.7.0/24")
    assert detour(at_home, facts) is None
    assert detour(replace(at_home, gateway="10.0.7.1", prefix="0.0.0.0/0"), facts) is not None


def test_a_bond_carries_the_nics_address() -> None:
    bonded = replace(FACTS, routing=replace(FACTS.routing, links=(NamedLink("eth0", None, "bond0"),)))
    assert detour(replace(USUAL, interface="bond0"), bonded) is None


@pytest.mark.parametrize(
    ("leases", "source", "address", "said"),
    [
        ((LEASE,), "10.0.0.6", WIRE_SERVER, True),
        ((LEASE,), "10.0.0.6", DNS, True),
        ((LEASE,), "10.0.0.4", WIRE_SERVER, False),
        ((), "10.0.0.6", WIRE_SERVER, True),
        ((), "10.0.0.6", DNS, False),
    ],
)
def test_the_primary_address_is_the_one_that_is_answered(
    leases: tuple[Lease, ...], source: str, address: str, said: bool
) -> None:
    """Without a lease it is not known which one that is, and only the platform's own addresses are suspect."""
    two = replace(ETH0, addresses=("10.0.0.4/24", "10.0.0.6/24"))
    found = detour(replace(USUAL, source=source), replace(FACTS, interfaces=(two,), leases=leases), address)
    assert (found is not None) is said
    if found is not None:
        assert found.quiet
        assert found.commands[1].endswith("dev eth0 src 10.0.0.4")


def test_another_gateway_than_dhcps() -> None:
    found = detour(replace(USUAL, gateway="10.0.0.99"))
    assert found is not None
    assert found.message == f"{DNS} goes by the gateway 10.0.0.99, and Azure's DHCP gave 10.0.0.1"
    assert detour(replace(USUAL, gateway="10.0.0.99"), replace(FACTS, leases=())) is None


def test_the_uplink_without_a_lease_is_the_only_nic_that_is_nobodys() -> None:
    docker = Interface("docker0", True, None, 1500, ("172.17.0.1/16",))
    static = replace(FACTS, leases=(), interfaces=(ETH0, docker))
    found = uplink_of(static)
    assert found is not None
    assert (found.interface, found.address, found.gateway) == ("eth0", "10.0.0.4", "10.0.0.1")
    two = replace(static, interfaces=(ETH0, replace(ETH0, name="eth1", addresses=("10.0.1.4/24",))))
    assert uplink_of(two) is None


def test_name_servers_that_an_exit_node_takes_with_the_platform_are_lost_by_the_same_fault() -> None:
    """Not those that another route of the same table leads."""
    exit_node = TableRoute(52, "0.0.0.0/0", "unicast", "tailscale0")
    rules = (RoutingRule(5270, "lookup", 52), MAIN_RULE)
    taken = replace(FACTS, nameservers=(DNS, "100.64.0.53"), routing=Routing(rules, (exit_node, DEFAULT)))
    assert led_alike(WIRE_SERVER, taken) == taken.nameservers
    spared = replace(
        taken, routing=Routing(rules, (exit_node, TableRoute(52, f"{DNS}/32", "unicast", "eth0"), DEFAULT))
    )
    assert led_alike(WIRE_SERVER, spared) == ("100.64.0.53",)
    assert led_alike(WIRE_SERVER, replace(taken, routing=Routing())) == ()
