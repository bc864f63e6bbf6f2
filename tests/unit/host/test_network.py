"""What the kernel's messages are read as, and connections within loopback."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator

import pytest

from azpreflight.host import HostError, LocalHost, Outcome, Route, netlink, network


@pytest.fixture
def listener() -> Iterator[int]:
    """A port of loopback on which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    """A port of loopback on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_an_open_port_connects(listener: int) -> None:
    assert LocalHost().connect("127.0.0.1", listener, 1.0).outcome is Outcome.OK


def test_a_closed_port_refuses(closed_port: int) -> None:
    assert LocalHost().connect("127.0.0.1", closed_port, 1.0).outcome is Outcome.REFUSED


def test_a_full_backlog_is_silent_for_no_longer_than_the_timeout() -> None:
    """A listener that accepts nothing leaves the next handshake without an answer."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, socket.socket() as first:
        first.connect(server.getsockname())
        answer = LocalHost().connect("127.0.0.1", server.getsockname()[1], 0.05)
    assert answer == network.TcpAnswer(Outcome.TIMEOUT, 0.05)


def test_the_far_end_on_this_machine_answers_at_the_first_hop(listener: int) -> None:
    hops = LocalHost().hops("127.0.0.1", listener, 1.0)
    assert [(hop.ttl, hop.outcome, hop.address) for hop in hops] == [(1, Outcome.OK, "127.0.0.1")]


@pytest.mark.parametrize("address", ["", "nonsense", "10.0.0.256", "1.2.3.4.5", "a" * 300])
def test_rubbish_instead_of_an_address_cannot_be_looked_at(address: str) -> None:
    host = LocalHost()
    with pytest.raises(HostError, match="is not an address"):
        host.connect(address, 443, 0.1)
    with pytest.raises(HostError, match="is not an address"):
        host.route(address)


def test_loopback_is_listed_with_its_prefix() -> None:
    """Every network namespace has a loopback interface; it is up wherever tests run."""
    loopback = next(interface for interface in LocalHost().interfaces() if interface.name == "lo")
    assert (loopback.up, loopback.mac) == (True, None)
    assert "127.0.0.1/8" in loopback.addresses


def test_loopback_is_routed_to_itself() -> None:
    route = LocalHost().route("127.0.0.1")
    assert (route.outcome, route.interface, route.gateway) == (Outcome.OK, "lo", None)


@pytest.mark.parametrize(
    ("address", "netmask", "expected"),
    [
        ("10.0.0.4", "255.255.255.0", "10.0.0.4/24"),
        ("10.0.0.4", None, "10.0.0.4/32"),
        ("fe80::1%eth0", "ffff:ffff:ffff:ffff::", "fe80::1/64"),
    ],
)
def test_netmasks_become_prefix_lengths(address: str, netmask: str, expected: str) -> None:
    assert network.with_prefix(address, netmask) == expected


# --- netlink ------------------------------------------------------------------------------------------------------


def reply(family: int, length: int, kind: int, flags: int, *attributes: tuple[int, bytes]) -> bytes:
    """An RTM_NEWROUTE message as the kernel would write it, about a route made by DHCP."""
    body = struct.pack("=BBBBBBBBI", family, length, 0, 0, 254, 16, 0, kind, flags)
    for number, value in attributes:
        body += struct.pack("=HH", 4 + len(value), number) + value + bytes(-len(value) % 4)
    return struct.pack("=IHHII", 16 + len(body), 24, 0, 1, 0) + body


def refusal(code: int) -> bytes:
    """An NLMSG_ERROR message."""
    return struct.pack("=IHHII", 36, 2, 0, 1, 0) + struct.pack("=i", -code) + bytes(16)


LOOPBACK_INDEX = struct.pack("=I", socket.if_nametoindex("lo"))
GATEWAY = socket.inet_aton("10.0.0.1")


def test_a_reply_becomes_a_route_with_the_entry_that_matched() -> None:
    answer = reply(2, 32, 1, 0x200, (1, bytes(4)), (4, LOOPBACK_INDEX), (5, GATEWAY), (7, socket.inet_aton("10.0.0.4")))
    match = reply(2, 8, 1, 0, (1, socket.inet_aton("20.0.0.0")))
    assert netlink.parse(answer, match) == Route(Outcome.OK, "lo", "10.0.0.1", "10.0.0.4", "20.0.0.0/8", "dhcp", 254)


def test_a_default_route_has_no_destination_of_its_own() -> None:
    answer = reply(10, 128, 1, 0x200, (4, LOOPBACK_INDEX))
    assert netlink.parse(answer, reply(10, 0, 1, 0)).prefix == "::/0"


def test_a_kernel_that_does_not_know_the_flag_tells_no_prefix() -> None:
    """Before 4.13 the answer is the same route, made for the address."""
    answer = reply(2, 32, 1, 0x200, (1, socket.inet_aton("20.60.0.10")), (4, LOOPBACK_INDEX), (5, GATEWAY))
    route = netlink.parse(answer, answer)
    assert (route.prefix, route.origin) == (None, None)


def test_an_ipv4_route_by_an_ipv6_router_names_that_router() -> None:
    via = struct.pack("=H", socket.AF_INET6) + socket.inet_pton(socket.AF_INET6, "fe80::1")
    assert netlink.parse(reply(2, 32, 1, 0, (18, via)), refusal(errno.EINVAL)).gateway == "fe80::1"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refusal(errno.ENETUNREACH), Outcome.UNREACHABLE),
        (refusal(errno.EINVAL), Outcome.UNREACHABLE),
        (refusal(errno.EACCES), Outcome.PROHIBITED),
        (reply(10, 128, 7, 0), Outcome.UNREACHABLE),
        (reply(10, 128, 8, 0), Outcome.PROHIBITED),
    ],
)
def test_a_table_that_says_no_is_an_answer(answer: bytes, expected: Outcome) -> None:
    assert netlink.parse(answer, answer).outcome is expected


def test_attributes_cut_short_are_left_out() -> None:
    assert netlink.parse(reply(2, 32, 1, 0) + b"\x00\x00\x05\x00", refusal(errno.EINVAL)).gateway is None
