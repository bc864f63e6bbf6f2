"""What the file of a disk image turned out to be: types alone, so that facts can hold them."""

from __future__ import annotations

from enum import Enum
from typing import Optional

from azpreflight.dataclass import dataclass

EFI = ("/boot/efi", "/efi")
"""Where the EFI system partition is mounted."""
PLACES = (
    "/boot",
    "/boot/efi",
    "/efi",
    "/usr",
    "/var",
    "/var/lib",
    "/var/log",
    "/home",
    "/opt",
    "/root",
    "/etc",
    "/srv",
)
"""Places of the system itself that are filesystems of their own on some systems; the checks look at nothing else."""


class Format(str, Enum):
    """How the file holds the disk."""

    RAW = "raw"
    VHD = "fixed VHD"
    DYNAMIC_VHD = "dynamic VHD"
    QCOW2 = "qcow2"


class Table(str, Enum):
    """How the disk is divided."""

    GPT = "GPT"
    MBR = "MBR"
    NONE = "no partition table"


@dataclass(frozen=True)
class Footer:
    """The last 512 bytes of a VHD (Microsoft, "Virtual Hard Disk Image Format Specification")."""

    kind: int
    """2: fixed, 3: dynamic, 4: differencing."""
    size: int
    """Bytes of the disk, as the footer has it."""
    intact: bool
    """The checksum is that of the other bytes."""


@dataclass(frozen=True)
class Volume:
    """A partition, a logical volume, or the whole disk where it is not divided: what may hold a filesystem."""

    name: str
    """"partition 1", "logical volume vg/root" or "the whole disk"."""
    start: int
    """Bytes from the disk's beginning."""
    size: int
    number: Optional[int] = None
    """Of the partition."""
    role: Optional[str] = None
    """Type of the partition: a GUID in lower case, or two hexadecimal digits of an MBR."""
    partition_uuid: Optional[str] = None
    partition_label: Optional[str] = None
    kind: Optional[str] = None
    """The filesystem, or what else it is (swap, LVM, LUKS); None: not known."""
    uuid: Optional[str] = None
    label: Optional[str] = None
    clean: Optional[bool] = None
    """The filesystem was unmounted, or its journal is empty; None: it does not say."""
    closed: Optional[str] = None
    """Why it cannot be opened as it is; None if it can."""


@dataclass(frozen=True)
class Layout:
    """How the disk is divided."""

    table: Table
    volumes: tuple[Volume, ...] = ()
    boot_code: bool = False
    """There is a program in the first sector."""
    damage: Optional[str] = None
    """What is wrong with the table; None: nothing."""


@dataclass(frozen=True)
class Attached:
    """A filesystem that the image's fstab wants, and what became of it."""

    place: str
    """Where it is mounted, such as /boot."""
    source: str
    """As fstab names it."""
    optional: bool
    """nofail or noauto: a VM starts without it."""
    volume: Optional[str] = None
    """The volume that it is; None: none of this disk."""
    error: Optional[str] = None
    """Why it was not mounted; None if it was, or if it is not on this disk."""

    @property
    def missing(self) -> bool:
        """A VM needs it, or this disk has it, and it is not mounted."""
        return self.error is not None or (self.volume is None and not self.optional)


@dataclass(frozen=True)
class Disk:
    """The disk in the file."""

    path: str
    format: Format
    file_size: int
    size: int
    """Bytes of the disk that the file holds."""
    footer: Optional[Footer] = None
    layout: Optional[Layout] = None
    """None: its content could not be read, and `error` says why."""
    root: Optional[str] = None
    """The volume that is the root filesystem; None: not found or not mounted, and `error` says why."""
    attached: tuple[Attached, ...] = ()
    error: Optional[str] = None
    fstab_error: Optional[str] = None
    """Why it is not known which places are filesystems of their own; None if it is."""

    @property
    def closed(self) -> frozenset[str]:
        """Places whose content is not known. That of the EFI system partition is seldom asked for, and never alone."""
        missing = {one.place for one in self.attached if one.missing}
        unsure = set(PLACES) if self.fstab_error is not None else set()
        return frozenset({*missing, *unsure} - {*EFI})
