"""By which interface and from which address each flow is tried."""

from __future__ import annotations

from azpreflight.firewall.facts import Flow, Purpose
from azpreflight.firewall.network_context import INVENTED, scene_of
from azpreflight.host import Interface
from tests.support.fakes import FakeHost

WIRE_SERVER = Flow("tcp", "168.63.129.16", 80, Purpose.WIRE_SERVER)
LOOPBACK = Interface("lo", True, None, 65536, ("127.0.0.1/8",))


def nic(*addresses: str) -> Interface:
    return Interface("eth0", True, "00:0d:3a:aa:bb:cc", 1500, addresses)


def test_a_machine_without_an_address_has_an_invented_one() -> None:
    """So its rules are tried all the same."""
    scene = scene_of(FakeHost(interface_list=(LOOPBACK, nic("fe80::1/64"))), (WIRE_SERVER,))
    assert scene.interfaces["eth0"].addresses == ("fe80::1/64", INVENTED)
    assert scene.reaches(WIRE_SERVER)
    assert scene.ways[WIRE_SERVER.address].source == INVENTED.partition("/")[0]


def test_an_address_that_is_there_is_used() -> None:
    scene = scene_of(FakeHost(interface_list=(LOOPBACK, nic("10.0.0.4/24"))), (WIRE_SERVER,))
    assert scene.interfaces["eth0"].addresses == ("10.0.0.4/24",)
    assert scene.ways[WIRE_SERVER.address].source == "10.0.0.4"


def test_a_machine_without_a_nic_has_nothing_to_try_with() -> None:
    assert not scene_of(FakeHost(interface_list=(LOOPBACK,)), (WIRE_SERVER,)).reaches(WIRE_SERVER)
