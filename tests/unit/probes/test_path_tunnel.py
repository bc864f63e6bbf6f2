"""What the way to a silent endpoint says, hop by hop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from azpreflight.host import Hop, Interface, Outcome, Phase, Route
from azpreflight.model import Confidence, Platform
from azpreflight.probes.path.tunnel import Evidence, Path, evidence, own_prefixes

OWN = ("10.0.0.0/24",)
GATEWAY = Hop(1, Outcome.ERROR, "10.0.0.1", "11/0")
ONPREM = Hop(2, Outcome.ERROR, "10.200.0.1", "11/0")
SILENT = tuple(Hop(ttl, Outcome.TIMEOUT) for ttl in range(1, 9))
TUNNEL = Path(
    "20.60.0.10",
    443,
    Phase.TCP,
    Outcome.TIMEOUT,
    route=Route(Outcome.OK, "eth0", "10.0.0.1", "10.0.0.4", "0.0.0.0/0", "dhcp"),
    hops=(GATEWAY, ONPREM, *SILENT[2:]),
)
REFUSED = replace(TUNNEL, outcome=Outcome.PROHIBITED, offender="172.16.5.1", icmp="3/13")


def seen(path: Path, platform: Platform = Platform.AZURE) -> Evidence:
    found = evidence(path, OWN, platform)
    assert found is not None
    return found


def test_a_private_firewall_that_prohibits_is_certain() -> None:
    last = Hop(3, Outcome.PROHIBITED, "172.16.5.1", "3/13")
    found = seen(replace(REFUSED, hops=(GATEWAY, ONPREM, last)))
    assert found.message == (
        "tcp 20.60.0.10:443 is carried through 10.200.0.1 and 172.16.5.1 (private, outside 10.0.0.0/24)"
        " and dies there: icmp 3/13 from 172.16.5.1"
    )
    assert (found.confidence, found.routers) == (Confidence.CERTAIN, ("10.200.0.1", "172.16.5.1"))


def test_the_offender_of_the_connection_is_enough_without_any_hop() -> None:
    found = seen(replace(REFUSED, hops=SILENT))
    assert (found.confidence, found.routers) == (Confidence.CERTAIN, ("172.16.5.1",))


def test_a_refusal_that_only_the_hops_saw_is_as_certain() -> None:
    last = Hop(3, Outcome.UNREACHABLE, "172.16.5.1", "3/1")
    assert seen(replace(TUNNEL, hops=(GATEWAY, ONPREM, last))).message.endswith("icmp 3/1 from 172.16.5.1")


def test_private_routers_and_then_silence_are_likely() -> None:
    found = seen(TUNNEL)
    assert found.message == (
        "tcp 20.60.0.10:443 is carried through 10.200.0.1 (private, outside 10.0.0.0/24)"
        " and dies there or beyond: nothing answers"
    )
    assert found.confidence is Confidence.LIKELY


def test_outside_azure_private_routers_alone_are_no_more_than_possible() -> None:
    assert seen(TUNNEL, Platform.NONE).confidence is Confidence.POSSIBLE


def test_a_reset_behind_private_routers_is_likely() -> None:
    hops = (GATEWAY, ONPREM, Hop(3, Outcome.REFUSED, "20.60.0.10"))
    found = seen(replace(TUNNEL, outcome=Outcome.REFUSED, hops=hops))
    assert found.message.endswith("dies there or beyond: the connection is refused")
    assert found.confidence is Confidence.LIKELY


def test_a_handshake_that_is_reset_behind_private_routers_is_likely() -> None:
    """A firewall that reads the server's name lets the connection be made first."""
    hops = (GATEWAY, ONPREM, Hop(3, Outcome.OK, "20.60.0.10"))
    found = seen(replace(TUNNEL, phase=Phase.TLS, outcome=Outcome.RESET, hops=hops))
    assert found.message.endswith("it connects, and in the TLS handshake the connection is reset")


def test_a_router_of_another_private_range_counts() -> None:
    carrier = Hop(2, Outcome.ERROR, "100.64.3.1", "11/0")
    assert seen(replace(TUNNEL, hops=(GATEWAY, carrier))).routers == ("100.64.3.1",)


def test_ipv6_routers_are_told_by_their_own_prefixes() -> None:
    route = Route(Outcome.OK, "eth0", "fd00:a::1", "fd00:a::4")
    hops = (Hop(1, Outcome.ERROR, "fd00:a::1", "3/0"), Hop(2, Outcome.ERROR, "fd00:b::1", "3/0"))
    path = replace(TUNNEL, address="2603:1030::10", route=route, hops=hops)
    found = evidence(path, (*OWN, "fd00:a::/64"), Platform.AZURE)
    assert found is not None
    assert "through fd00:b::1 (private, outside fd00:a::/64)" in found.message


@pytest.mark.parametrize(
    "path",
    [
        replace(TUNNEL, hops=SILENT),
        replace(TUNNEL, hops=(GATEWAY, *SILENT[1:])),
        replace(TUNNEL, hops=(GATEWAY, Hop(2, Outcome.ERROR, "104.44.1.2", "11/0"))),
        replace(REFUSED, hops=(), offender="10.0.0.4"),
        replace(TUNNEL, hops=(GATEWAY, Hop(2, Outcome.UNREACHABLE, "104.44.1.2", "3/0"))),
        replace(TUNNEL, hops=(Hop(1, Outcome.REFUSED, "20.60.0.10"),), outcome=Outcome.REFUSED),
        replace(TUNNEL, hops=(GATEWAY, ONPREM, Hop(3, Outcome.OK, "20.60.0.10"))),
        replace(TUNNEL, route=None, hops=(), error="no time left"),
        replace(TUNNEL, address="10.4.0.5"),
    ],
    ids=[
        "no hop",
        "the gateway alone",
        "a public router",
        "the guest's own rule",
        "a public router that refuses",
        "a reset without a router",
        "an endpoint that answers after all",
        "not inspected",
        "an endpoint with a private address",
    ],
)
def test_what_proves_nothing_is_no_evidence(path: Path) -> None:
    assert evidence(path, OWN, Platform.AZURE) is None


def test_a_gateway_on_a_link_that_is_not_the_virtual_networks_is_no_router_of_somebody() -> None:
    """A VPN client's own gateway is named by the route; what lies behind it still counts."""
    route = Route(Outcome.OK, "tun0", "10.8.0.1", "10.8.0.2")
    hops = (Hop(1, Outcome.ERROR, "10.8.0.1", "11/0"), Hop(2, Outcome.ERROR, "192.168.7.1", "11/0"))
    assert seen(replace(TUNNEL, route=route, hops=hops)).routers == ("192.168.7.1",)


NICS = (
    Interface("lo", True, None, 65536, ("127.0.0.1/8",)),
    Interface("eth0", True, None, 1500, ("10.0.0.4/24", "fe80::1/64")),
    Interface("docker0", True, None, 1500, ("172.17.0.1/16",)),
)


def test_the_virtual_network_is_the_uplinks_prefix_and_what_the_platform_tells() -> None:
    assert own_prefixes(NICS, ("10.0.0.0/24", "10.0.1.0/24"), "eth0") == ("10.0.0.0/24", "10.0.1.0/24")


def test_without_a_known_uplink_every_interface_counts() -> None:
    assert own_prefixes(NICS, (), None) == ("10.0.0.0/24", "172.17.0.0/16")


def test_a_prefix_that_makes_no_sense_is_left_out() -> None:
    assert own_prefixes(NICS, ("10.0.0.0/99", ""), "eth0") == ("10.0.0.0/24",)
