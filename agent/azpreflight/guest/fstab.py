"""fstab: what must be mounted for a boot to go on (fstab(5), systemd.mount(5))."""

from __future__ import annotations

import re
from typing import Optional

from azpreflight.dataclass import dataclass

FSTAB = "/etc/fstab"
LINKS = {"UUID": "by-uuid", "LABEL": "by-label", "PARTUUID": "by-partuuid", "PARTLABEL": "by-partlabel"}
OPTIONAL = ("nofail", "noauto", "x-systemd.automount", "_netdev")
"""Options that keep a missing device from stopping the boot."""
OF_THE_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "glusterfs", "ceph", "lustre", "aznfs")
"""File systems of servers; systemd orders logins after them (systemd.special(7), remote-fs.target)."""
OF_THE_SYSTEM = re.compile(r"/(?:boot|efi|usr|var|home|tmp|opt|srv|root|oem|\.snapshots)?(?:/.*)?")
"""Where distributions put the volumes of the OS disk; what is mounted elsewhere is mostly a data disk's."""
MAPPED = re.compile(r"(?<!-)-(?!-)")
"""Between group and volume in a name of the device mapper; a dash of either is doubled (dmsetup(8))."""
NO_GROUP = ("mapper", "disk", "block", "char", "md", "fd")
"""Directories of /dev that are no volume groups."""


@dataclass(frozen=True)
class Entry:
    """One line of fstab that must succeed at boot."""

    device: str
    mount_point: str
    kind: str = ""
    """Of the file system: ext4, udf."""
    disk: Optional[str] = None
    """The whole disk behind the device, such as sdc; None: not present, or a mounted image is inspected."""
    here: Optional[bool] = None
    """It is on the disk image that is inspected; None: no file of one is, or it cannot be told."""

    @property
    def volume_group(self) -> Optional[str]:
        """Of a device of LVM: rootvg of /dev/mapper/rootvg-rootlv and of /dev/rootvg/rootlv; None for others."""
        path = self.device.partition("/dev/mapper/")[2]
        if path:
            return MAPPED.split(path, maxsplit=1)[0].replace("--", "-")
        parts = self.device.split("/")
        return parts[2] if len(parts) == 4 and parts[1] == "dev" and parts[2] not in NO_GROUP else None

    @property
    def of_the_system(self) -> bool:
        """It is mounted where distributions mount what is on the OS disk."""
        return OF_THE_SYSTEM.fullmatch(self.mount_point) is not None


def required(text: str) -> tuple[tuple[str, str, str], ...]:
    """(device, mount point, file system) of what must be mounted, without swap and network filesystems (fstab(5))."""
    rows = (line.split() for line in text.splitlines() if not line.lstrip().startswith("#"))
    return tuple((row[0].replace('"', ""), row[1], row[2]) for row in rows if len(row) >= 3 and _must_mount(row))


def over_the_network(text: str) -> tuple[tuple[str, str, str], ...]:
    """(share, mount point, kind) of what the boot waits for on another machine."""
    rows = (line.split() for line in text.splitlines() if not line.lstrip().startswith("#"))
    found = (row for row in rows if len(row) >= 3 and row[2] in OF_THE_NETWORK)
    return tuple((row[0], row[1], row[2]) for row in found if not set(_options(row)) & set(OPTIONAL[:3]))


def _options(row: list[str]) -> list[str]:
    return row[3].split(",") if len(row) > 3 else []


def _must_mount(row: list[str]) -> bool:
    local = row[0].startswith(("/dev/", *(f"{key}=" for key in LINKS)))
    return local and row[2] != "swap" and not any(option in OPTIONAL for option in _options(row))
