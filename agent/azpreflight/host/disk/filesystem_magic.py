"""What a volume holds, by the bytes that its kind puts at fixed places. Pure.

Only what is known here is ever given to the kernel to mount, and by its name: it never guesses.
"""

from __future__ import annotations

import struct
import uuid
from dataclasses import replace
from typing import Callable, Optional

from azpreflight.dataclass import dataclass
from azpreflight.host.disk.container import Read
from azpreflight.host.disk.types import Volume

HEAD = 4096 + 512
EXT_RECOVER = 0x4
"""INCOMPAT_RECOVER: the journal has something that the files have not got yet."""
EXT_VALID = 0x1
BTRFS_AT = 0x10000


@dataclass(frozen=True)
class Content:
    """What a volume holds."""

    kind: str
    uuid: Optional[str] = None
    label: Optional[str] = None
    clean: Optional[bool] = None
    closed: Optional[str] = None


def filled(volume: Volume, read: Read) -> Volume:
    """The volume with what it holds; as it is where that is not known."""
    head = read(volume.start, min(HEAD, volume.size))
    head += bytes(HEAD - len(head))
    content = next((found for found in (look(head) for look in _LOOKS) if found is not None), None)
    if content is None and volume.size > BTRFS_AT + 4096:
        content = _btrfs(read(volume.start + BTRFS_AT, 4096))
    if content is None:
        return volume
    return replace(
        volume,
        kind=content.kind,
        uuid=content.uuid,
        label=content.label,
        clean=content.clean,
        closed=content.closed,
    )


def _text(field: bytes) -> Optional[str]:
    return field.partition(b"\0")[0].decode("utf-8", "replace").rstrip() or None


def _uuid(field: bytes) -> str:
    return str(uuid.UUID(bytes=field))


def _ext(head: bytes) -> Optional[Content]:
    """ext2, ext3 and ext4, all of which the kernel's ext4 mounts."""
    block = head[1024:2048]
    magic, state = struct.unpack_from("<HH", block, 56)
    if magic != 0xEF53:
        return None
    (features,) = struct.unpack_from("<I", block, 96)
    clean = bool(state & EXT_VALID) and not features & EXT_RECOVER
    return Content("ext4", _uuid(block[104:120]), _text(block[120:136]), clean)


def _xfs(head: bytes) -> Optional[Content]:
    return Content("xfs", _uuid(head[32:48]), _text(head[108:120])) if head.startswith(b"XFSB") else None


def _btrfs(block: bytes) -> Optional[Content]:
    if block[64:72] != b"_BHRfS_M" or len(block) < 556:
        return None
    (log,) = struct.unpack_from("<Q", block, 96)
    return Content("btrfs", _uuid(block[32:48]), _text(block[299:555]), log == 0)


def _fat(head: bytes) -> Optional[Content]:
    for marks, serial, label in (((82, b"FAT32"), 67, 71), ((54, b"FAT1"), 39, 43)):
        at, mark = marks
        if head[at : at + len(mark)] == mark and head[510:512] == b"\x55\xaa":
            (number,) = struct.unpack_from("<I", head, serial)
            return Content("vfat", f"{number >> 16:04X}-{number & 0xFFFF:04X}", _text(head[label : label + 11]))
    return None


def _swap(head: bytes) -> Optional[Content]:
    if head[4086:4096] != b"SWAPSPACE2":
        return None
    return Content("swap", _uuid(head[1036:1052]), _text(head[1052:1068]), closed="it is swap")


def _lvm(head: bytes) -> Optional[Content]:
    """The label is in one of the first four sectors."""
    there = any(
        head[at : at + 8] == b"LABELONE" and head[at + 24 : at + 32] == b"LVM2 001" for at in range(0, 2048, 512)
    )
    return Content("LVM", closed="it belongs to LVM") if there else None


def _others(head: bytes) -> Optional[Content]:
    """What is known and cannot be opened."""
    raid = b"\xfc\x4e\x2b\xa9"
    for at, mark, kind, why in (
        (0, b"LUKS\xba\xbe", "LUKS", "it is encrypted (LUKS)"),
        (4096, raid, "RAID", "it is part of a software RAID"),
        (0, raid, "RAID", "it is part of a software RAID"),
        (3, b"NTFS    ", "NTFS", "it is of Windows (NTFS)"),
        (0, b"hsqs", "squashfs", "no squashfs is mounted here"),
    ):
        if head[at : at + len(mark)] == mark:
            return Content(kind, closed=why)
    return None


_LOOKS: tuple[Callable[[bytes], Optional[Content]], ...] = (_ext, _xfs, _lvm, _others, _swap, _fat)
