"""Which NIC the platform serves, with its address and its gateway. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.probes.network.facts import NetworkFacts
from azpreflight.probes.network.owners import owner


@dataclass(frozen=True)
class Uplink:
    """The NIC that the platform serves."""

    interface: str
    address: Optional[str]
    """Its primary address; None where it is not known which one that is."""
    gateway: Optional[str]
    addresses: tuple[str, ...] = ()
    """All its IPv4 addresses, without prefix length."""
    networks: tuple[ipaddress.IPv4Network, ...] = ()
    """The subnets of those."""


def uplink_of(network: NetworkFacts) -> Optional[Uplink]:
    """The NIC whose lease has a router, which Azure's DHCP gives to the first NIC alone; else the only NIC with an
    address that is nobody's (Microsoft Learn, "Create a Linux virtual machine in Azure with multiple NICs")."""
    leases = network.in_force
    routed = [name for name, lease in leases.items() if lease.gateway is not None] or list(leases)
    own = [
        nic
        for nic in network.interfaces
        if nic.name != "lo" and owner(nic.name, network.routing) is None and ipv4_of(nic.addresses)
    ]
    name = routed[0] if routed else own[0].name if len(own) == 1 else None
    nic = next((nic for nic in network.interfaces if nic.name == name), None)
    if nic is None:
        return None
    lease, addresses = leases.get(nic.name), ipv4_of(nic.addresses)
    address = lease.address if lease is not None else addresses[0] if len(addresses) == 1 else None
    gateway = lease.gateway if lease is not None else None
    networks = tuple(ipaddress.IPv4Network(text, strict=False) for text in nic.addresses if ":" not in text)
    return Uplink(nic.name, address, gateway or _gateway_in_tables(nic.name, network), addresses, networks)


def ipv4_of(addresses: Sequence[str]) -> tuple[str, ...]:
    """Those of them, without prefix length, that are not link-local."""
    found = [ipaddress.ip_interface(address).ip for address in addresses]
    return tuple(str(ip) for ip in found if ip.version == 4 and not ip.is_link_local)


def _gateway_in_tables(interface: str, network: NetworkFacts) -> Optional[str]:
    """The router of its default route, in whatever table."""
    defaults = [route for route in network.routing.routes if route.prefix == "0.0.0.0/0"]
    return next((route.gateway for route in defaults if route.interface == interface and route.gateway), None)
