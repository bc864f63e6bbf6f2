"""What a rehearsal was made with, and what came of it. Types alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum
from typing import Optional

from azpreflight.dataclass import dataclass


class Network(str, Enum):
    """The virtual network around the VM."""

    OPEN = "open"
    NO_EGRESS = "no-egress"
    """Nothing but the platform's own addresses answers."""
    DNS_DEAD = "dns-dead"
    """DHCP names a DNS server that does not exist."""
    FORCED_TUNNEL = "forced-tunnel"
    """An appliance in a private network rejects what is for the internet."""
    PROXY = "proxy"
    """Nothing gets out but by a proxy, which nobody names."""
    IPV6 = "ipv6"
    """Dual stack: a router, and an IPv6 address by DHCPv6."""
    TLS_INTERCEPTION = "tls-interception"
    """The internet's servers have certificates of somebody on the way."""


@dataclass(frozen=True)
class Controller:
    """Which controller the OS disk is behind."""

    driver: str
    """nvme, virtio_blk, virtio_scsi, ahci or ata_piix."""
    reason: str
    """Why this one, or why none of them is known to do."""
    known: bool = True
    """False: no driver was found that this emulator has a device for, or nothing could be read."""


@dataclass(frozen=True)
class Adapter:
    """Which NIC the VM has."""

    driver: str
    """virtio_net, e1000e or e1000."""
    reason: str
    known: bool = True


@dataclass(frozen=True)
class Plan:
    """The VM and its surroundings."""

    generation: int
    """1: BIOS; 2: UEFI."""
    generation_reason: str
    disk: Controller
    nic: Adapter
    disc: str = "virtio_scsi"
    """The driver of the drive with the provisioning disc, in generation 2."""
    accelerator: str = "tcg"
    """kvm or tcg."""
    accelerator_reason: str = ""
    cpu: str = "qemu64"
    processors: int = 2
    memory_mib: int = 1024
    image_mib: int = 0
    """Size of the image's disk."""
    disk_mib: Optional[int] = None
    """Size of the VM's, where it is larger; None: it is the image's."""
    secure_boot: bool = False
    network: Network = Network.OPEN
    trials: tuple[str, ...] = ()
    """Which of `TRIALS` are made after the first boot."""
    not_rehearsed: tuple[str, ...] = ("hv_storvsc", "hv_netvsc", "mana")
    """Drivers of Azure's own devices, which no emulator has."""


SECOND_BOOT, OTHER_VM = "second boot", "other VM"
FIRST_BOOT = "first boot"
TRIALS = (SECOND_BOOT, OTHER_VM)


@dataclass(frozen=True)
class Sign:
    """A line of the serial console that means something, see `console.SIGNATURES`."""

    id: str
    text: str
    """What of the line is known, with the object that it names: a console may print anything, secrets too."""
    at_s: float
    """Seconds since power-on."""


@dataclass(frozen=True)
class HealthReport:
    """What the wire server was told of the VM's health."""

    state: str
    """Ready or NotReady."""
    by: str
    """The client, as its User-Agent names it."""
    at_s: float
    description: str = ""
    """In known words and typed values (`log_evidence.shown`)."""
    signature: Optional[str] = None
    """Of the agents' logs, which knows what the description says (`log_signatures`)."""


@dataclass(frozen=True)
class Traffic:
    """How often a part of the platform was asked, and when for the first time."""

    count: int
    first_s: float


@dataclass(frozen=True)
class Login:
    """What came of logging in over the network."""

    banner_s: Optional[float] = None
    """When an SSH server answered; None: never."""
    key: Optional[bool] = None
    """The operator's key opens the user's account; None: not tried."""
    password: Optional[bool] = None
    sudo: Optional[bool] = None
    host_name: Optional[str] = None
    error: str = ""
    """The last words of the client that failed."""
    host_keys: tuple[str, ...] = ()
    """Fingerprints of the server's keys."""
    machine_id: Optional[str] = None
    custom_data: Optional[bool] = None
    """The operator's custom data was found in the VM; None: not looked for."""
    extension: Optional[str] = None
    """The state of the extension as its handler wrote it; None: none was found."""
    failed_units: tuple[str, ...] = ()
    root_mib: Optional[int] = None
    """Size of the root filesystem; None: not looked for."""
    free_mib: Optional[int] = None
    """What is left of it for users."""


@dataclass(frozen=True)
class Booted:
    """One power-on of a VM."""

    name: str
    """first boot, second boot or other VM."""
    ended: str
    """done, off, panic, emergency, silent or late: why the watch ended."""
    took_s: float
    milestones: Mapping[str, float] = field(default_factory=dict)
    """Seconds since power-on by name: firmware, loader, kernel, init, address, platform, ready and others."""
    signs: tuple[Sign, ...] = ()
    console_bytes: int = 0
    asked: Mapping[str, Traffic] = field(default_factory=dict)
    """By part of the platform: wire, hostgaplugin, imds, store, dns, dhcp, dhcpv6."""
    reports: tuple[HealthReport, ...] = ()
    extension: Optional[str] = None
    """How the extension's package was fetched: direct, hostgaplugin or none; None where there is no sign of either."""
    extension_state: Optional[str] = None
    """What the agent reported of the extension, such as success; None: nothing."""
    login: Login = field(default_factory=Login)
    screen: Optional[str] = None
    """A file with a picture of the screen."""
    network: Network = Network.OPEN
    """The one that it was in."""
    host_name: str = ""
    """What the VM was to be called."""
    memory_mib: Optional[int] = None
    """The most that the emulator took."""


@dataclass(frozen=True)
class RehearsalFacts:
    """A rehearsal: what it was made with, and each boot."""

    plan: Plan
    boots: tuple[Booted, ...] = ()
    error: Optional[str] = None
    """Why it could not be made; None if it was."""

    def boot(self, name: str) -> Optional[Booted]:
        """The boot of this name."""
        return next((boot for boot in self.boots if boot.name == name), None)
