"""Addresses and the default route, as /proc and the kernel's own answers show them."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

import pytest

from azpreflight.azure.addresses import WIRE_SERVER
from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather
from azpreflight.host import HostError, Interface
from azpreflight.model import Finding, Platform, Report, Run, Severity
from azpreflight.probes import network
from azpreflight.probes.network.collect import parse_ipv4, parse_ipv6
from azpreflight.probes.network.facts import DefaultRoute
from tests.support.fakes import FakeHost
from tests.support.machines.network import (
    BROKEN,
    BY_GATEWAY,
    DEFAULT,
    ETH0,
    HEALTHY,
    HOST_ROUTES,
    LEASE,
    LO,
    NO_IPV6_ROUTE,
    OTHER_LEASE,
    ROUTES_HEAD,
    RUN,
)

IPV6_DEFAULT = f"{'0' * 32} 00 {'0' * 32} 00 fe80{'0' * 24}1234 00000400 00000003 00000000 00450003     eth0\n"


def report(host: FakeHost, run: Run = RUN) -> Report:
    return assess(gather(host, (network.PROBE,), run), (network.PROBE,))


def findings(host: FakeHost, run: Run = RUN) -> dict[str, Finding]:
    return {result.check: finding for result in report(host, run).results for finding in result.findings}


def with_files(host: FakeHost, **files: str) -> FakeHost:
    return replace(host, files={**host.files, **files})


def test_a_vm_with_what_dhcp_gives_it_is_well() -> None:
    assert findings(HEALTHY) == {}
    facts = network.gather(HEALTHY, RUN)
    assert facts.default_routes == (DefaultRoute(4, "eth0", "10.0.0.1", 100),)
    assert (facts.nameservers, facts.unrouted, facts.managers) == (("168.63.129.16",), (), ("systemd-networkd",))


@pytest.mark.parametrize("check", BROKEN)
def test_each_check_speaks_of_its_own_fault_alone(check: str) -> None:
    assert list(findings(BROKEN[check])) == [check]


@pytest.mark.parametrize(
    ("interfaces", "message"),
    [
        ((LO,), "no network interface but lo exists"),
        ((LO, replace(ETH0, up=False)), "no network interface but lo is up: eth0 down"),
        (
            (LO, replace(ETH0, addresses=("169.254.7.8/16",))),
            "no interface has an IPv4 address beyond the link: eth0 up with 169.254.7.8/16",
        ),
        (
            (LO, replace(ETH0, addresses=()), Interface("eth1", False, None, 1500, ("10.0.1.4/24",))),
            "no interface has an IPv4 address beyond the link: eth0 up with no address; eth1 down with 10.0.1.4/24",
        ),
    ],
)
def test_the_message_says_what_there_is(interfaces: tuple[Interface, ...], message: str) -> None:
    finding = findings(replace(HEALTHY, interface_list=interfaces))["network-address"]
    assert (finding.message, finding.flow) == (message, "any")


@pytest.mark.parametrize(
    ("text", "host_route", "severity"),
    [
        (LEASE, True, None),
        (OTHER_LEASE, True, Severity.WARNING),
        (OTHER_LEASE, False, Severity.ERROR),
        (OTHER_LEASE.replace("10.0.0.4", "192.168.0.9"), False, None),
    ],
)
def test_option_245_counts_where_waagent_has_no_route_to_go_by(
    text: str, host_route: bool, severity: Optional[Severity]
) -> None:
    """And a lease that no interface has its address from does not count at all."""
    host = replace(HEALTHY, files={**HEALTHY.files, "/var/lib/dhcp/dhclient.leases": text})
    if not host_route:
        host = replace(host, routes={**host.routes, WIRE_SERVER: BY_GATEWAY})
    found = findings(host).get("network-wire-server")
    assert (found.severity if found is not None else None) == severity
    assert found is None or found.message.startswith("DHCP names 10.9.9.9 as the wire server of eth0 (option 245)")


def test_without_anything_that_asks_for_an_address_the_finding_says_so() -> None:
    host = replace(BROKEN["network-address"], files={"/proc/net/route": ROUTES_HEAD + DEFAULT})
    finding = findings(host)["network-address"]
    assert finding.message.endswith(", and nothing that configures interfaces has started")
    assert finding.commands == ()


def test_an_ipv6_address_alone_is_enough_only_outside_azure() -> None:
    host = replace(HEALTHY, interface_list=(LO, replace(ETH0, addresses=("2001:db8::4/64",))))
    assert list(findings(host)) == ["network-address"]
    assert findings(host, replace(RUN, platform=Platform.NONE)) == {}


def test_an_ipv6_default_route_alone_is_enough_only_outside_azure() -> None:
    host = with_files(BROKEN["network-default-route"], **{"/proc/net/ipv6_route": IPV6_DEFAULT})
    assert list(findings(host)) == ["network-default-route"]
    assert findings(host, replace(RUN, platform=Platform.NONE)) == {}


def test_another_table_that_leads_out_is_as_good_as_a_default_route() -> None:
    host = with_files(HEALTHY, **{"/proc/net/route": ROUTES_HEAD + HOST_ROUTES})
    assert findings(host) == {}


def test_without_a_default_route_the_platforms_own_host_routes_still_work() -> None:
    """Name service by 168.63.129.16 has a route of its own, so a name that cannot be looked up has another cause."""
    finding = findings(BROKEN["network-default-route"])["network-default-route"]
    assert (finding.flow, finding.breaks) == ("tcp *:443", ())


def test_without_any_route_the_platform_and_the_names_go_down_too() -> None:
    bare = replace(with_files(HEALTHY, **{"/proc/net/route": ROUTES_HEAD}), routes={})
    breaks = findings(bare)["network-default-route"].breaks
    assert {"tcp 168.63.129.16:80", "tcp 168.63.129.16:32526", "tcp 169.254.169.254:80"} <= set(breaks)
    assert {"udp 168.63.129.16:53", "name *"} <= set(breaks)


def test_a_name_server_on_the_link_is_not_explained_by_the_missing_route() -> None:
    servers = {"/etc/resolv.conf": "nameserver 10.0.0.5\nnameserver 10.1.0.5\n", "/run/systemd/resolve/resolv.conf": ""}
    finding = findings(with_files(BROKEN["network-default-route"], **servers))["network-default-route"]
    assert finding.breaks == ("udp 10.1.0.5:53", "tcp 10.1.0.5:53")


def test_a_route_that_rejects_is_no_way_out() -> None:
    rejected = "*\t00000000\t00000000\t0200\t0\t0\t0\t00000000\t0\t0\t0\n"
    assert list(parse_ipv4(ROUTES_HEAD + rejected)) == []
    assert list(parse_ipv6(NO_IPV6_ROUTE)) == []


def test_an_ipv6_router_is_read_from_its_hexadecimal_form() -> None:
    assert list(parse_ipv6(IPV6_DEFAULT)) == [DefaultRoute(6, "eth0", "fe80::1234", 1024)]


@pytest.mark.parametrize("rubbish", ["a\nb", "x\neth0 zz 0 3 0 0 0 0 0 0 0", "x\neth0 0 1234567890A 3 0 0 0 0 0 0 0"])
def test_rubbish_in_the_routing_table_cannot_be_judged(rubbish: str) -> None:
    with pytest.raises(HostError, match="not a routing table"):
        list(parse_ipv4(rubbish))
    with pytest.raises(HostError, match="not a routing table"):
        list(parse_ipv6(rubbish))


def test_without_proc_the_checks_are_unknown() -> None:
    results = report(replace(HEALTHY, files={})).results
    assert {result.reason for result in results} == {"cannot read /proc/net/route: no such file"}


def test_rubbish_name_servers_are_left_to_the_probe_for_names() -> None:
    host = with_files(HEALTHY, **{"/etc/resolv.conf": "nameserver rubbish\nnameserver\n nameserver 9.9.9.9\n"})
    assert network.gather(host, RUN).nameservers == ("168.63.129.16",)
