"""The laboratory: one network namespace that stands for the guest, one for everything around it.

The guest's side has the real interface names, hardware addresses, MTUs, addresses and routes, because rules match on
them. The fabric's side holds every destination, and the gateways, as addresses of its own. What the guest reaches
through its loopback (a resolver of its own) listens on the guest's side.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Optional

from azpreflight.firewall.worker import forks, netlink
from azpreflight.firewall.worker.netlink import NETLINK_ROUTE, Netlink

OPERSTATE_POLL = 0.0005
"""Seconds between looks at an interface that is coming up; it takes one or two milliseconds."""
LOOPBACK = 1
BROADCAST = "255.255.255.255"
"""Needs no route of its own: the default one will do."""
WRITABLE = ("net/ipv4/ip_local_port_range",)
"""Settings that rules can see: the range of source ports."""


class Destination(NamedTuple):
    """An address that flows go to, and how the guest's own routing sends there."""

    address: str
    interface: str
    gateway: Optional[str]
    source: Optional[str]

    @property
    def local(self) -> bool:
        """True if the guest reaches it without leaving itself."""
        return self.interface == "lo"


class Lab:
    """Two namespaces joined by pairs of interfaces. Made from the fabric's side; `enter_guest` goes to the other."""

    def __init__(self) -> None:
        self._guest = forks.new_network_namespace()
        self._guest_route = Netlink(NETLINK_ROUTE)
        self._fabric = forks.new_network_namespace()
        self._fabric_route = Netlink(NETLINK_ROUTE)
        self._pairs = 0
        self._solicited: list[tuple[int, str]] = []
        """IPv6 next hops: interface index and address."""

    def build(
        self,
        interfaces: Sequence[Mapping[str, Any]],
        stand_ins: Sequence[str],
        destinations: Sequence[Destination],
        deadline: float,
    ) -> None:
        """Interfaces, addresses and routes of both sides. OSError or TimeoutError where that cannot be."""
        netlink.set_up(self._guest_route, LOOPBACK)
        netlink.set_up(self._fabric_route, LOOPBACK)
        peers = {}
        for interface in interfaces:
            name = interface["name"]
            peers[name] = self._pair(name, interface["mac"], interface["mtu"])
            self._address(name, peers[name], interface["addresses"])
        for name in stand_ins:
            self._pair(name, None, 1500)
        for destination in destinations:
            if not destination.local and destination.address != BROADCAST:
                self._attach(destination, peers[destination.interface])
        self._route_all_else(destinations)
        for name, peer in peers.items():
            _wait_until_up(self._guest_route, name, deadline)
            _wait_until_up(self._fabric_route, peer, deadline)

    def _pair(self, name: str, mac: Optional[str], mtu: int) -> str:
        peer = f"fabric{self._pairs}"
        self._pairs += 1
        raw = bytes.fromhex(mac.replace(":", "")) if mac else None
        netlink.add_veth(self._guest_route, name, peer, self._fabric, raw, mtu)
        netlink.set_up(self._fabric_route, netlink.index_of(self._fabric_route, peer))
        netlink.set_up(self._guest_route, netlink.index_of(self._guest_route, name))
        return peer

    def _address(self, name: str, peer: str, addresses: Sequence[str]) -> None:
        """The guest's addresses on its side; on the fabric's side a way to each, known without asking."""
        index = netlink.index_of(self._guest_route, name)
        mac = netlink.mac_of(self._guest_route, name)
        peer_index = netlink.index_of(self._fabric_route, peer)
        for with_prefix in addresses:
            address, _, prefix = with_prefix.partition("/")
            netlink.add_address(self._guest_route, index, address, int(prefix))
            netlink.add_route(self._fabric_route, peer_index, address)
            netlink.add_neighbour(self._fabric_route, peer_index, address, mac)

    def _attach(self, destination: Destination, peer: str) -> None:
        index = netlink.index_of(self._guest_route, destination.interface)
        peer_index = netlink.index_of(self._fabric_route, peer)
        next_hop = destination.gateway or destination.address
        for address in {destination.address, next_hop}:
            netlink.add_address(self._fabric_route, peer_index, address, netlink.host_bits(address))
        if ":" in next_hop:
            self._solicited.append((index, next_hop))
        else:
            mac = netlink.mac_of(self._fabric_route, peer)
            netlink.add_neighbour(self._guest_route, index, next_hop, mac)
        netlink.add_route(self._guest_route, index, destination.address, destination.gateway, destination.source)

    def _route_all_else(self, destinations: Sequence[Destination]) -> None:
        """Where a rule translates a flow to any other address, it shall get out with that address on it: without a
        route the kernel would end it before anybody sees where it was to go."""
        ways: dict[bool, Destination] = {}
        for destination in destinations:
            if not destination.local and destination.address != BROADCAST:
                ways.setdefault(":" in destination.address, destination)
        for way in ways.values():
            index = netlink.index_of(self._guest_route, way.interface)
            netlink.add_route(self._guest_route, index, way.address, way.gateway or way.address, every=True)

    def forget_neighbours(self) -> None:
        """Let IPv6 next hops be solicited again: rules may block that, and the canary has filled the cache."""
        for index, address in self._solicited:
            with suppress(OSError):
                netlink.forget_neighbour(self._guest_route, index, address)

    def enter_guest(self) -> None:
        """Go to the guest's side; listeners of the fabric stay where they are."""
        forks.enter_network_namespace(self._guest)

    def outside(self) -> tuple[int, int]:
        """The two sides, as descriptors: the guest's and the fabric's."""
        return self._guest, self._fabric


def copy_settings(settings: Mapping[str, str]) -> None:
    """Give this namespace the guest's own settings; without a writable /proc/sys the defaults stay."""
    for name in WRITABLE:
        if name in settings:
            with suppress(OSError):
                descriptor = os.open(f"/proc/sys/{name}", os.O_WRONLY)
                os.write(descriptor, settings[name].encode())
                os.close(descriptor)


def _wait_until_up(route: Netlink, name: str, deadline: float) -> None:
    while not netlink.is_up(route, name):
        if time.monotonic() > deadline:
            raise TimeoutError(f"interface {name} of the laboratory did not come up")
        time.sleep(OPERSTATE_POLL)
