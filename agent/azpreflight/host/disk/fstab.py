"""Which volume of the disk an image's fstab means. Pure (fstab(5)).

It is asked while a disk is being mounted, before there is a tree that anything above the host could read, and of the
places of the system alone. What a boot needs of every line is in `guest.fstab`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host.disk.types import PLACES, Layout, Volume

OPTIONAL = ("nofail", "noauto", "x-systemd.automount")
SUBVOLUME = re.compile(r"subvol(?:id)?=[\w@/.-]+$", re.ASCII)
DEVICE = re.compile(r"/dev/(?:[shv]da|xvda|nvme0n1p)(\d{1,3})$", re.ASCII)
"""A partition of the first disk, which is the one that is inspected."""
BY_TYPE = (
    ("bc13c2ff-59e6-4262-a352-b275fd6f7172", ("/boot",)),
    ("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", ("/efi", "/boot/efi", "/boot")),
)
"""Types of partitions of the boot loader, XBOOTLDR and the EFI system partition, and where they are mounted without a
line of fstab (uapi-group.org, Discoverable Partitions Specification; systemd-gpt-auto-generator(8))."""
UNOPENED = ("LUKS", "RAID", "LVM")
"""Kinds of volumes that hold others. The logical volumes of LVM that are in one piece are volumes of their own."""


@dataclass(frozen=True)
class Wanted:
    """One line of fstab."""

    source: str
    place: str
    optional: bool
    subvolume: Optional[str]
    """Option of btrfs that says which part of it is meant."""


def wanted(text: str) -> Iterator[Wanted]:
    """The entries for places of the system, the outer ones first."""
    rows = (line.split() for line in text.splitlines() if not line.lstrip().startswith("#"))
    for row in sorted((row for row in rows if len(row) >= 3 and row[1] in PLACES), key=lambda row: row[1].count("/")):
        options = row[3].split(",") if len(row) > 3 else []
        subvolume = next((option for option in options if SUBVOLUME.match(option)), None)
        yield Wanted(row[0], row[1], any(option in OPTIONAL for option in options), subvolume)


def of_boot_loader(
    volumes: Sequence[Volume], mounted: Sequence[Optional[str]]
) -> Iterator[tuple[Volume, tuple[str, ...]]]:
    """Partitions of the boot loader that no line of fstab has mounted, and the directories to try."""
    for role, places in BY_TYPE:
        found = next((volume for volume in volumes if volume.role == role), None)
        if found is not None and found.name not in mounted:
            yield found, places


def meant(source: str, volumes: Sequence[Volume]) -> Optional[Volume]:
    """The volume that the first field of an entry names; None: none of this disk."""
    return next((volume for volume in volumes if _is_meant(source, volume)), None)


def is_here(source: str, layout: Layout) -> Optional[bool]:
    """Whether what the first field of an entry names is on this disk; None where a volume that cannot be opened
    (encrypted, of several pieces or disks) may hold it."""
    if meant(source, layout.volumes) is not None:
        return True
    return None if layout.damage or any(volume.kind in UNOPENED for volume in layout.volumes) else False


def _is_meant(source: str, volume: Volume) -> bool:
    key, _, value = source.partition("=")
    value = value.strip("\"'")
    names = {
        "UUID": volume.uuid,
        "LABEL": volume.label,
        "PARTUUID": volume.partition_uuid,
        "PARTLABEL": volume.partition_label,
    }
    if key in names:
        have = names[key]
        return have is not None and (value == have if "LABEL" in key else value.lower() == have.lower())
    for directory, field in (("by-uuid", "UUID"), ("by-label", "LABEL"), ("by-partuuid", "PARTUUID")):
        if source.startswith(f"/dev/disk/{directory}/"):
            return _is_meant(f"{field}={source.rpartition('/')[2]}", volume)
    device = DEVICE.match(source)
    if device is not None:
        return volume.number == int(device.group(1))
    return volume.name in (f"logical volume {name}" for name in mapped(source))


def mapped(source: str) -> tuple[str, ...]:
    """vg/lv for /dev/vg/lv and for /dev/mapper/vg-lv, in which a hyphen of a name is written twice."""
    if source.startswith("/dev/mapper/"):
        halves = re.split(r"(?<!-)-(?!-)", source[len("/dev/mapper/") :])
        return ("/".join(half.replace("--", "-") for half in halves),) if len(halves) == 2 else ()
    return (source[len("/dev/") :],) if source.startswith("/dev/") and source.count("/") == 3 else ()
