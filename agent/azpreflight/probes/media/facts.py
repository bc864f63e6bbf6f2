"""What was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest.kernels import Kernel
from azpreflight.guest.modprobe import Rule
from azpreflight.probes.media.noexec import Barrier

UDF = "udf"
DRIVES = ("sr_mod", "cdrom")
"""What every generation of VM needs for the drive; the generation's own controller comes on top of it."""
IDE = "ata_piix"
"""The controller of the drive in a generation 1 VM. In generation 2 it is hv_storvsc, which the disks need as well."""


@dataclass(frozen=True)
class MediaFacts:
    """What reading the provisioning disc takes."""

    kernels: tuple[Kernel, ...] = ()
    """Those with modules, the newest first, with the drivers that the disc needs."""
    boot_seen: bool = True
    """There are kernels under /boot."""
    blocked: Mapping[str, Rule] = field(default_factory=dict)
    """By driver, the line of modprobe.d that keeps a module of this name from being loaded."""
    arm: bool = False
    """The image is for ARM64, where every VM is of generation 2."""
    efi: Optional[bool] = None
    """The running system was started by UEFI, which only generation 2 has; None for a mounted image."""
    barriers: tuple[Barrier, ...] = ()
    """Mounts with noexec where agents and extensions run programs."""
