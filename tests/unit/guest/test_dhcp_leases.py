"""DHCP leases, as the clients wrote them.

Those in tests/data/leases were recorded from a server that gives the options that Azure's gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.guest import dhcp_leases
from azpreflight.guest.dhcp_leases import Lease
from azpreflight.host import FileInfo, FileKind, Interface
from tests.support.fakes import Denied, FakeHost, Fifo, Link, Node

DATA = Path(__file__).parents[2] / "data" / "leases"
WHERE = {
    "dhclient": ("/var/lib/dhcp/dhclient.eth0.leases", "dhclient.leases"),
    "systemd-networkd": ("/run/systemd/netif/leases/2", "networkd"),
    "NetworkManager": ("/run/NetworkManager/devices/2", "network-manager"),
    "dhcpcd": ("/var/lib/dhcpcd/eth0.lease", "dhcpcd.lease"),
}
SERVERS = ("10.1.2.3", "168.63.129.16")
ETH0 = Interface("eth0", True, "00:0d:3a:12:34:56", 1500, ("10.0.0.11/24", "fe80::1/64"))
WICKED = """\
<lease>
  <family>ipv4</family>
  <type>dhcp</type>
  <state>granted</state>
  <dns>
    <server>10.1.2.3</server>
    <server>168.63.129.16</server>
  </dns>
  <ipv4:dhcp>
    <address>10.0.0.11</address>
  </ipv4:dhcp>
</lease>
"""


@pytest.mark.parametrize("client", WHERE)
def test_every_client_tells_the_same(client: str) -> None:
    """Address, name servers, router and option 245 of the same answer of the same server."""
    path, recorded = WHERE[client]
    told = dhcp_leases.look(FakeHost(files={path: (DATA / recorded).read_bytes()}))
    assert told == (Lease(client, path, "10.0.0.11", SERVERS, "10.0.0.1", "168.63.129.16"),)


def test_wicked_tells_address_and_name_servers() -> None:
    path = "/var/lib/wicked/lease-eth0-dhcp-ipv4.xml"
    (told,) = dhcp_leases.look(FakeHost(files={path: WICKED}))
    assert (told.client, told.address, told.nameservers, told.wire_server) == ("wicked", "10.0.0.11", SERVERS, None)


def test_the_last_lease_of_each_interface_counts() -> None:
    text = (DATA / "dhclient.leases").read_text()
    other = text.replace("eth0", "eth1").replace("10.0.0.11", "10.0.1.5")
    told = list(dhcp_leases.of_dhclient(text + other + text.replace("10.1.2.3", "10.9.9.9"), "x"))
    assert [(lease.address, lease.nameservers[0]) for lease in told] == [
        ("10.0.0.11", "10.9.9.9"),
        ("10.0.1.5", "10.1.2.3"),
    ]


def test_the_router_may_come_by_option_121_alone() -> None:
    """Azure's DHCP sends both, and a client need not keep option 3 beside it (RFC 3442)."""
    text = (DATA / "networkd").read_text().replace("ROUTER=10.0.0.1\n", "")
    assert [lease.gateway for lease in dhcp_leases.of_networkd(text, "x")] == ["10.0.0.1"]


@pytest.mark.parametrize("node", ["", "lease {", Fifo(), Denied(), "x" * (dhcp_leases.LIMIT + 1)])
def test_what_is_no_lease_tells_nothing(node: str | Fifo | Denied) -> None:
    assert dhcp_leases.look(FakeHost(files={path: node for path, _ in WHERE.values()})) == ()


def test_a_directory_that_is_closed_to_this_user_tells_nothing() -> None:
    """RHEL's NetworkManager keeps its own from everybody but root."""
    networkd = (DATA / "networkd").read_text()
    files: dict[str, Node] = {"/var/lib/NetworkManager": Denied(), "/run/systemd/netif/leases/2": networkd}
    assert [lease.client for lease in dhcp_leases.look(FakeHost(files=files))] == ["systemd-networkd"]


@pytest.mark.parametrize("client", WHERE)
def test_a_lease_that_a_user_could_have_written_tells_nothing(client: str) -> None:
    """Its directory leads into that of a person."""
    path, recorded = WHERE[client]
    folder, _, name = path.rpartition("/")
    theirs: Mapping[str, Node] = {
        folder: Link("/home/a/leases"),
        f"/home/a/leases/{name}": (DATA / recorded).read_bytes(),
    }
    assert len(dhcp_leases.look(FakeHost(files=theirs))) == 1  # where the directory is root's
    person = FileInfo(FileKind.DIRECTORY, 0, 0o755, 1000, 1000, 0.0)
    assert dhcp_leases.look(FakeHost(files={**theirs, "/home/a": person})) == ()


def test_a_lease_is_in_force_where_an_interface_has_its_address() -> None:
    """What is left over from the machine that the image was made from is not."""
    mine, old = Lease("dhcpcd", "a", "10.0.0.11"), Lease("dhclient", "b", "192.168.7.3")
    assert dhcp_leases.in_force((old, mine), (ETH0,)) == {"eth0": mine}
    assert dhcp_leases.in_force((mine,), (replace(ETH0, addresses=()),)) == {}


@given(st.binary(max_size=600))
def test_no_bytes_harm(data: bytes) -> None:
    """A file is hostile input."""
    list(dhcp_leases.of_dhcpcd(bytes(dhcp_leases.OPTIONS_AT) + dhcp_leases.MAGIC + data, "x"))
    for reader in dhcp_leases.TEXTS.values():
        list(reader(data.decode("utf-8", "replace"), "x"))
