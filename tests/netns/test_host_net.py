"""Routes, connections and hops in real network namespaces: what each kind of obstacle looks like from inside the VM."""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from collections.abc import Iterator
from typing import Callable, Optional, TypeVar

import pytest

from azpreflight.host import Hop, Outcome, Route, TcpAnswer
from azpreflight.host import network as net
from azpreflight.host.network_events import Watch
from tests.netns import namespaces, topology
from tests.netns.topology import APPLIANCE, GATEWAY, ONPREM, STORE, VM

pytestmark = pytest.mark.root

T = TypeVar("T")
CLONE_NEWNET = 0x40000000
PATIENCE = 2.0
"""Seconds for a connect: a SYN that is lost while a veth pair comes up is sent again after one."""
INTO_THE_TUNNEL = ("fabric", f"ip route replace default via {ONPREM}")
"""A user-defined route, or a default route learnt from the VPN: the on-premises network gets everything."""


def within(namespace: str, call: Callable[[], T], unprivileged: bool = False) -> T:
    """The result of a call in a thread that has entered the namespace, and given up all capabilities if asked."""
    results: list[T] = []

    def run() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        with (namespaces.DIRECTORY / namespace).open() as handle:
            assert libc.setns(handle.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        if unprivileged:
            version_3_of_this_thread = (ctypes.c_uint32 * 2)(0x20080522, 0)
            assert libc.capset(version_3_of_this_thread, (ctypes.c_uint32 * 6)()) == 0
        results.append(call())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    return results[0]


class Network:
    """The stand-in's wiring without its servers, and one open port on the internet."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names
        self._listener = within(names["internet"], lambda: socket.create_server((STORE, 443)))

    def close(self) -> None:
        self._listener.close()

    def arrange(self, *commands: tuple[str, str]) -> None:
        """Run shell commands, each in the namespace of a role."""
        for role, command in commands:
            namespaces.shell(self._names[role], command)

    def in_vm(self, call: Callable[[], T], unprivileged: bool = False) -> T:
        return within(self._names["vm"], call, unprivileged)

    def connect(self, address: str = STORE, port: int = 443, timeout: float = PATIENCE) -> TcpAnswer:
        return self.in_vm(lambda: net.connect(address, port, timeout))

    def hops(self, address: str = STORE, port: int = 443, timeout: float = 1.0) -> tuple[Hop, ...]:
        return self.in_vm(lambda: net.hops(address, port, timeout, range(1, 9)))

    def route(self, address: str) -> Route:
        return self.in_vm(lambda: net.route(address, net.NETLINK_TIMEOUT))


def built(ipv6: bool) -> Iterator[Network]:
    names = namespaces.new_names(topology.ROLES)
    namespaces.remove_stale()
    try:
        topology.build(names, ipv6)
        network = Network(names)
        network.connect()
        yield network
        network.close()
    finally:
        namespaces.remove(names.values())


@pytest.fixture
def network() -> Iterator[Network]:
    yield from built(ipv6=False)


@pytest.fixture
def dual_stack() -> Iterator[Network]:
    yield from built(ipv6=True)


def said(answer: TcpAnswer) -> tuple[Outcome, Optional[str], Optional[str]]:
    return answer.outcome, answer.offender, answer.icmp


def seen(hops: tuple[Hop, ...]) -> list[tuple[int, Outcome, Optional[str], Optional[str]]]:
    return [(hop.ttl, hop.outcome, hop.address, hop.icmp) for hop in hops]


def router(ttl: int, address: str) -> tuple[int, Outcome, Optional[str], Optional[str]]:
    return (ttl, Outcome.ERROR, address, "11/0")


# --- what stands in the way ---------------------------------------------------------------------------------------


def test_an_open_port_answers_behind_two_routers(network: Network) -> None:
    assert said(network.connect()) == (Outcome.OK, None, None)
    assert seen(network.hops()) == [
        router(1, GATEWAY),
        router(2, topology.EDGE),
        (3, Outcome.OK, STORE, None),
    ]


def test_a_closed_port_refuses_in_its_own_name(network: Network) -> None:
    assert said(network.connect(port=8443)) == (Outcome.REFUSED, None, None)
    assert seen(network.hops(port=8443))[-1] == (3, Outcome.REFUSED, STORE, None)


def test_a_router_that_prohibits_is_named(network: Network) -> None:
    network.arrange(INTO_THE_TUNNEL, ("appliance", "ip route replace prohibit default"))
    assert said(network.connect()) == (Outcome.PROHIBITED, APPLIANCE, "3/13")
    assert seen(network.hops()) == [
        router(1, GATEWAY),
        router(2, ONPREM),
        (3, Outcome.PROHIBITED, APPLIANCE, "3/13"),
    ]


def test_a_firewall_that_prohibits_is_a_router_first_and_then_says_no(network: Network) -> None:
    rule = "iptables -A FORWARD -p tcp --dport 443 -j REJECT --reject-with icmp-admin-prohibited"
    network.arrange(INTO_THE_TUNNEL, ("appliance", f"ip route replace default via 172.16.5.2; {rule}"))
    assert said(network.connect()) == (Outcome.PROHIBITED, APPLIANCE, "3/13")
    assert seen(network.hops())[2:] == [router(3, APPLIANCE), (4, Outcome.PROHIBITED, APPLIANCE, "3/13")]


def test_the_kernels_limit_on_icmp_errors_hides_no_hop(network: Network) -> None:
    """Linux sends six in a burst to one address, and then one a second."""
    limits = tuple((role, "echo 1000 > /proc/sys/net/ipv4/icmp_ratelimit") for role in topology.ROUTERS)
    network.arrange(INTO_THE_TUNNEL, *limits, ("appliance", "ip route replace unreachable default"))
    assert seen(network.hops()) == [
        router(1, GATEWAY),
        router(2, ONPREM),
        (3, Outcome.UNREACHABLE, APPLIANCE, "3/1"),
    ]


def test_a_silent_path_costs_the_timeout_and_no_more(network: Network) -> None:
    network.arrange(INTO_THE_TUNNEL)
    answer = network.connect(timeout=0.3)
    assert said(answer) == (Outcome.TIMEOUT, None, None)
    hops = network.hops(timeout=0.5)
    assert seen(hops)[:3] == [router(1, GATEWAY), router(2, ONPREM), (3, Outcome.TIMEOUT, None, None)]
    assert [hop.ttl for hop in hops] == list(range(1, 9))


def test_a_reset_by_a_firewall_comes_from_nearer_than_the_host(network: Network) -> None:
    """It poses as the host; only the number of hops gives it away."""
    rule = "iptables -A FORWARD -p tcp --dport 443 -j REJECT --reject-with tcp-reset"
    network.arrange(("fabric", rule))
    assert said(network.connect()) == (Outcome.REFUSED, None, None)
    assert seen(network.hops()) == [router(1, GATEWAY), (2, Outcome.REFUSED, STORE, None)]


def test_a_router_without_a_route_says_unreachable(network: Network) -> None:
    network.arrange(("edge", "ip route del default"))
    assert said(network.connect()) == (Outcome.UNREACHABLE, topology.EDGE, "3/0")


def test_a_routing_loop_is_unreachable(network: Network) -> None:
    network.arrange(("edge", "ip route replace default via 104.44.1.1"))
    answer = network.connect()
    assert (answer.outcome, answer.icmp) == (Outcome.UNREACHABLE, "11/0")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("REJECT", (Outcome.REFUSED, VM, "3/3")),
        ("REJECT --reject-with icmp-admin-prohibited", (Outcome.PROHIBITED, VM, "3/13")),
        ("REJECT --reject-with icmp-host-unreachable", (Outcome.UNREACHABLE, VM, "3/1")),
        ("REJECT --reject-with tcp-reset", (Outcome.REFUSED, None, None)),
        ("DROP", (Outcome.TIMEOUT, None, None)),
    ],
)
def test_the_guests_own_rules_show_the_guests_own_address(
    network: Network, target: str, expected: tuple[Outcome, Optional[str], Optional[str]]
) -> None:
    network.arrange(("vm", f"iptables -A OUTPUT -p tcp --dport 443 -j {target}"))
    assert said(network.connect(timeout=0.5)) == expected
    hops = network.hops(timeout=0.3)
    assert (hops[0].outcome, hops[0].icmp) == (expected[0], expected[2])


def test_a_next_hop_that_does_not_answer_is_not_taken_for_a_rule_of_the_guest(network: Network) -> None:
    """One ARP request instead of three, so that the kernel gives up after one second."""
    network.arrange(("vm", "echo 1 > /proc/sys/net/ipv4/neigh/eth0/mcast_solicit"))
    answer = network.connect("10.0.0.77", 443, 3.0)
    assert said(answer) == (Outcome.UNREACHABLE, None, None)
    assert answer.detail == "the next hop does not answer on the link"


@pytest.mark.parametrize(
    ("route", "outcome"),
    [
        ("del default", Outcome.UNREACHABLE),
        ("add unreachable 20.60.0.0/16", Outcome.UNREACHABLE),
        ("add blackhole 20.60.0.0/16", Outcome.UNREACHABLE),
        ("add prohibit 20.60.0.0/16", Outcome.PROHIBITED),
    ],
)
def test_the_local_routing_table_is_told_from_the_network(network: Network, route: str, outcome: Outcome) -> None:
    network.arrange(("vm", f"ip route {route}"))
    answer = network.connect()
    assert said(answer) == (outcome, None, None)
    assert (answer.detail or "").startswith("this machine's own kernel says E")
    assert seen(network.hops()) == [(1, outcome, None, None)]
    assert network.route(STORE).outcome is outcome


def test_nothing_of_it_needs_a_privilege(network: Network) -> None:
    network.arrange(INTO_THE_TUNNEL, ("appliance", "ip route replace prohibit default"))
    answer = network.in_vm(lambda: net.connect(STORE, 443, PATIENCE), unprivileged=True)
    hops = network.in_vm(lambda: net.hops(STORE, 443, 1.0, range(1, 9)), unprivileged=True)
    route = network.in_vm(lambda: net.route(STORE, net.NETLINK_TIMEOUT), unprivileged=True)
    assert said(answer) == (Outcome.PROHIBITED, APPLIANCE, "3/13")
    assert [hop.address for hop in hops] == [GATEWAY, ONPREM, APPLIANCE]
    assert route.gateway == GATEWAY


# --- IPv6 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ("", (Outcome.UNREACHABLE, topology.GATEWAY_IPV6, "1/0")),
        ("ip -6 route add prohibit 2001:db8::/32", (Outcome.PROHIBITED, topology.GATEWAY_IPV6, "1/1")),
    ],
)
def test_icmpv6_is_read_as_well(
    dual_stack: Network, route: str, expected: tuple[Outcome, Optional[str], Optional[str]]
) -> None:
    dual_stack.arrange(("fabric", route))
    assert said(dual_stack.connect("2001:db8::1")) == expected
    assert seen(dual_stack.hops("2001:db8::1")) == [(1, *expected)]


def test_ipv6_routers_are_hops(dual_stack: Network) -> None:
    dual_stack.arrange(("fabric", "ip -6 route add 2001:db8::/32 dev vpn"))
    first = dual_stack.hops("2001:db8::1", timeout=0.3)[0]
    assert (first.outcome, first.address, first.icmp) == (Outcome.ERROR, topology.GATEWAY_IPV6, "3/0")


def test_a_machine_without_ipv6_says_so_itself(network: Network) -> None:
    answer = network.connect("2001:db8::1")
    assert (answer.outcome, answer.offender) == (Outcome.UNREACHABLE, None)
    assert network.route("2001:db8::1").outcome is Outcome.UNREACHABLE


# --- interfaces and routes ----------------------------------------------------------------------------------------


def test_interfaces_have_their_addresses_with_prefix(dual_stack: Network) -> None:
    eth0 = next(interface for interface in dual_stack.in_vm(net.interfaces) if interface.name == "eth0")
    assert (eth0.up, eth0.mtu) == (True, 1500)
    assert {f"{VM}/24", f"{topology.VM_IPV6}/64"} <= set(eth0.addresses)
    assert eth0.mac is not None


def test_the_route_that_matched_is_told_with_its_origin(network: Network) -> None:
    assert network.route(STORE) == Route(Outcome.OK, "eth0", GATEWAY, VM, "0.0.0.0/0", "dhcp", 254)
    assert network.route("168.63.129.16").prefix == "168.63.129.16/32"
    assert network.route("10.0.0.5") == Route(Outcome.OK, "eth0", None, VM, "10.0.0.0/24", "kernel", 254)


def test_an_ipv6_route_is_told_as_well(dual_stack: Network) -> None:
    route = dual_stack.route("2001:db8::1")
    assert (route.gateway, route.prefix, route.origin) == (topology.GATEWAY_IPV6, "::/0", "boot")
    dual_stack.arrange(("vm", "ip -6 route add prohibit 2001:db8::/32"))
    assert dual_stack.route("2001:db8::1").outcome is Outcome.PROHIBITED


# --- what changes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "ip link set eth0 down",
        "ip addr add 10.9.8.7/32 dev eth0",
        "ip route add 192.0.2.0/24 dev eth0",
    ],
)
def test_a_network_that_changes_meanwhile_is_noticed_and_told_once(network: Network, change: str) -> None:
    def watched() -> tuple[bool, bool, tuple[str, ...], bool]:
        watch = Watch(())
        try:
            before = watch.network_changed()
            network.arrange(("vm", change))
            return before, watch.network_changed(), watch.wait(5.0), watch.network_changed()
        finally:
            watch.close()

    assert network.in_vm(watched) == (False, True, ("network",), False)


def test_more_changes_than_the_kernel_keeps_are_told_once_as_well(network: Network) -> None:
    """Some hundred messages fill the socket, and the rest are lost: the kernel says so before it gives what it has."""
    many = "for last in $(seq 250); do echo addr add 10.9.7.$last/32 dev eth0; done | ip -batch -"

    def watched() -> tuple[tuple[str, ...], bool]:
        watch = Watch(())
        try:
            for _ in range(4):
                network.arrange(("vm", many), ("vm", many.replace("addr add", "addr del")))
            return watch.wait(5.0), watch.network_changed()
        finally:
            watch.close()

    assert network.in_vm(watched) == (("network",), False)
