"""What a machine has of a network, as facts."""

from __future__ import annotations

from dataclasses import field
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import dhcp_leases
from azpreflight.guest.dhcp_leases import Lease
from azpreflight.host import Interface, Route, Routing

SOMEWHERE = "203.0.113.1"
"""A public address (TEST-NET-3 of RFC 5737) to ask the routing table about; nothing is sent to it."""


@dataclass(frozen=True)
class DefaultRoute:
    """A default route of the main table."""

    version: int
    """4 or 6."""
    interface: str
    gateway: Optional[str]
    """None where everything is on the link."""
    metric: int


@dataclass(frozen=True)
class NetworkFacts:
    """What this machine has of a network."""

    interfaces: tuple[Interface, ...]
    default_routes: tuple[DefaultRoute, ...]
    """IPv4 and IPv6; routes that reject are left out."""
    internet: Route
    """The kernel's own answer for a public IPv4 address, policy rules and other tables included."""
    nameservers: tuple[str, ...]
    """Configured name servers, those behind systemd-resolved's stub included, loopback left out."""
    unrouted: tuple[str, ...]
    """Those of the platform's own addresses and the name servers to which the kernel knows no way."""
    managers: tuple[str, ...]
    """Units that configure interfaces and have started since boot."""
    leases: tuple[Lease, ...] = ()
    """Every DHCP lease that a client wrote down, left-overs of other machines included: see `in_force`."""

    host_route: bool = False
    """The routing table has a route to 168.63.129.16 alone, as option 121 gives it."""
    endpoint_found: bool = False
    """waagent wrote down in this boot where the wire server is."""
    routing: Routing = field(default_factory=Routing)
    """Rules and tables, and what kinds of interfaces there are; empty where the kernel could not be asked."""

    @property
    def address_without_lease(self) -> Optional[str]:
        """An interface that has an IPv4 address although no lease is in force on any; None if there is none."""
        if self.in_force:
            return None
        return next((nic.name for nic in self.interfaces if nic.name != "lo" and nic.up and _has_ipv4(nic)), None)

    @property
    def agent_must_ask(self) -> bool:
        """waagent has neither a route to the wire server alone nor a lease that names it, and sends a DHCP request."""
        return not self.host_route and not self.endpoint_found and self.address_without_lease is not None

    @property
    def in_force(self) -> dict[str, Lease]:
        """By interface, the lease that it has its address from."""
        return dhcp_leases.in_force(self.leases, self.interfaces)


def _has_ipv4(nic: Interface) -> bool:
    return any(":" not in address and not address.startswith("169.254.") for address in nic.addresses)
