"""What the stand-in is to do, as plain data: what the VM is told, and who listens where and how well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional

from azpreflight.standin import addresses
from azpreflight.standin.extension import HELLO, Extension
from azpreflight.standin.identity import STANDIN, Identity


@dataclass(frozen=True)
class Setup:
    """What this VM is to be told."""

    extension: Optional[Extension] = HELLO
    """None: it shall have none."""
    identity: Identity = STANDIN
    fast_track: bool = False
    """The HostGAPlugin serves vmSettings; without it, it answers 404."""
    artifacts: int = 200
    """The status with which the HostGAPlugin answers for packages; 200: it delivers them."""
    store: int = 200
    """The status with which the store answers for packages; 200: it delivers them."""
    clock_s: float = 0.0
    """Seconds by which the servers' clocks are ahead of this machine's."""


@dataclass(frozen=True)
class Zone:
    """What the names of the internet resolve to."""

    store: str = addresses.STORE
    public: str = addresses.PUBLIC


@dataclass(frozen=True)
class Listener:
    """A server at an address."""

    part: str
    """wire, hostgaplugin, imds, store, dns, proxy, dhcp, dhcpv6 or ntp."""
    address: str
    port: int
    behaviour: str = "answers"
    """How well: see the module of `servers` that has the part."""
    tls: bool = False


@dataclass(frozen=True)
class Offer:
    """What DHCP gives to the VM."""

    interface: str
    """On which the VM is asked and answered; a broadcast needs one."""
    address: str = addresses.VM
    prefix_length: int = addresses.PREFIX_LENGTH
    gateway: str = addresses.GATEWAY
    dns: tuple[str, ...] = (addresses.WIRE_SERVER,)
    """Option 6; none: the option is left out."""
    wire_server: str = addresses.WIRE_SERVER
    """Option 245, and with the metadata service's address the host routes of option 121."""
    lease_s: int = 86400
    address_ipv6: str = addresses.VM_IPV6
    """What DHCPv6 gives, where it is asked."""


@dataclass(frozen=True)
class Config:
    """All servers of one process."""

    listeners: tuple[Listener, ...]
    log: str = ""
    """The file to which each request is appended, one JSON object a line; none: they are not kept."""
    setup: Setup = field(default_factory=Setup)
    zone: Zone = field(default_factory=Zone)
    offer: Optional[Offer] = None
    certificate: str = ""
    """A PEM file with certificate and key, for the listeners with TLS."""


def platform(behaviours: Mapping[str, str]) -> tuple[Listener, ...]:
    """The platform's own servers at their real addresses; a part that is not named answers."""
    places = (
        ("wire", addresses.WIRE_SERVER, addresses.WIRE_PORT),
        ("hostgaplugin", addresses.WIRE_SERVER, addresses.HOST_PLUGIN_PORT),
        ("imds", addresses.IMDS, addresses.HTTP),
    )
    return tuple(Listener(part, address, port, behaviours.get(part, "answers")) for part, address, port in places)


TIME_SOURCE = Listener("ntp", addresses.PUBLIC, addresses.NTP)


def internet(behaviour: str = "answers") -> tuple[Listener, ...]:
    """The package store and the other public hosts, with and without TLS."""
    return tuple(
        Listener("store", address, port, behaviour, tls=port == addresses.HTTPS)
        for address in (addresses.STORE, addresses.PUBLIC)
        for port in (addresses.HTTP, addresses.HTTPS)
    )
