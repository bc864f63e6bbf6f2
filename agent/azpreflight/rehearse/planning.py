"""The VM that an image gets: its generation, its devices, its processor. Pure."""

from __future__ import annotations

from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host.disk.types import Layout
from azpreflight.probes.image.checks import BIOS_BOOT, EFI_SYSTEM
from azpreflight.rehearse import drivers
from azpreflight.rehearse.drivers import EmulatorDrivers
from azpreflight.rehearse.facts import TRIALS, Controller, Network, Plan
from azpreflight.rehearse.machine import IGNORES_ATA

OLD_CPU, NEW_CPU, HOST_CPU = "qemu64,-hypervisor,-cx16", "max,la57=off,-hypervisor", "host,-hypervisor"
"""Without the bit that names a hypervisor; without cmpxchg16b, which is slow to emulate."""
RUNS_ANYWHERE = ("debian", "ubuntu")
"""Distributions whose programs are for any x86-64; others require instructions of later processors."""


@dataclass(frozen=True)
class Wishes:
    """What the command line asks for."""

    generation: Optional[int] = None
    """None: as the disk is."""
    secure_boot: bool = False
    network: Network = Network.OPEN
    processors: int = 2
    memory_mib: int = 2048
    disk_mib: Optional[int] = None
    """None: as large as the image's."""
    disk_bus: Optional[str] = None
    """One of `drivers.BUSES`; None: the best that the image has drivers for."""
    quick: bool = False
    """The first boot alone."""


def plan(
    wishes: Wishes,
    layout: Optional[Layout],
    found: Optional[EmulatorDrivers],
    os_id: Optional[str],
    kvm: str,
    image_mib: int = 0,
) -> Plan:
    """The VM; `kvm` is why there is no accelerator, or empty; `image_mib` is the size of the image's disk."""
    generation, reason = _generation(wishes, layout)
    return Plan(
        generation=generation,
        generation_reason=reason,
        disk=_disk(found, wishes.disk_bus, generation),
        nic=drivers.nic(found),
        disc=drivers.disc(found),
        accelerator="tcg" if kvm else "kvm",
        accelerator_reason=kvm or "a short trial has shown that it works",
        cpu=HOST_CPU if not kvm else OLD_CPU if os_id in RUNS_ANYWHERE else NEW_CPU,
        processors=wishes.processors,
        memory_mib=wishes.memory_mib,
        image_mib=image_mib,
        disk_mib=wishes.disk_mib,
        secure_boot=wishes.secure_boot,
        network=wishes.network,
        trials=() if wishes.quick else TRIALS,
    )


def _disk(found: Optional[EmulatorDrivers], bus: Optional[str], generation: int) -> Controller:
    """Generation 2 has no PIIX."""
    disk = drivers.disk(found, bus)
    if generation == 1 or disk.driver != IGNORES_ATA:
        return disk
    return Controller(
        "ahci", f"generation 2 has none of the disks that this image has drivers for ({IGNORES_ATA})", False
    )


def _generation(wishes: Wishes, layout: Optional[Layout]) -> tuple[int, str]:
    """2 where there is an EFI system partition, as the newer one of those that the disk can start as."""
    if wishes.generation is not None:
        return wishes.generation, "as asked for"
    if wishes.secure_boot:
        return 2, "Secure Boot was asked for"
    if layout is None:
        return 2, "the disk could not be read"
    roles = {volume.role for volume in layout.volumes}
    if roles.intersection(EFI_SYSTEM):
        return 2, "the disk has an EFI system partition"
    if layout.boot_code or BIOS_BOOT in roles:
        return 1, "the disk has boot code and no EFI system partition"
    return 2, "the disk has neither an EFI system partition nor boot code"
