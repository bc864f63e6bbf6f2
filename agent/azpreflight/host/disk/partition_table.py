"""How a disk is divided: GPT, MBR, or not at all. Pure; nothing that the table says is believed without its checksum.

UEFI specification 2.10, section 5; a GPT whose first copy is damaged is read from its second one, as the kernel does.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Iterator
from typing import Optional

from azpreflight.host.disk.container import Read
from azpreflight.host.disk.types import Layout, Table, Volume

MAX_PARTITIONS = 128
MAX_ENTRIES = 1024
"""Entries of a GPT that are read; every tool writes 128."""
EXTENDED = (0x05, 0x0F, 0x85)
PROTECTIVE = 0xEE
SECTORS = (512, 4096)
"""Bytes of a sector: Azure's disks have 512, and some images are made for 4096."""
BOOT_CODE = 440
"""Bytes of the first sector before the disk's signature."""


class Damaged(Exception):
    """A table that cannot be read; the text says why."""


MARK = b"\x55\xaa"
"""Ends a first sector that a BIOS starts; without it, what stands there is the beginning of some file."""


def read_layout(read: Read, size: int) -> Layout:
    """The disk's partitions, in the order of their numbers."""
    first = read(0, 512)
    boot_code = first[510:512] == MARK and any(first[:BOOT_CODE])
    entries = _mbr_entries(first)
    if not entries:
        return Layout(Table.NONE, (Volume("the whole disk", 0, size),), boot_code)
    if any(kind == PROTECTIVE for kind, _, _ in entries.values()):
        volumes, damage = _gpt(read, size)
        return Layout(Table.GPT, volumes, boot_code, damage)
    return Layout(Table.MBR, tuple(_mbr(read, size, first, entries)), boot_code)


def _mbr_entries(sector: bytes) -> dict[int, tuple[int, int, int]]:
    """(type, first sector, sectors) by number; empty if this is no partition table but, say, a FAT's first sector."""
    if len(sector) < 512 or sector[510:] != MARK:
        return {}
    found = {}
    for number in range(4):
        active, kind, start, count = struct.unpack_from("<B3xB3xII", sector, 446 + 16 * number)
        if active not in (0, 0x80):
            return {}
        if kind and count:
            found[number + 1] = (kind, start, count)
    return found


def _mbr(read: Read, size: int, first: bytes, entries: dict[int, tuple[int, int, int]]) -> Iterator[Volume]:
    (signature,) = struct.unpack_from("<I", first, 440)
    for number, (kind, start, count) in entries.items():
        if kind in EXTENDED:
            for offset, (logical_kind, logical_start, logical_count) in enumerate(_logical(read, start)):
                yield from _volume(size, signature, 5 + offset, logical_kind, logical_start, logical_count)
        else:
            yield from _volume(size, signature, number, kind, start, count)


def _volume(size: int, signature: int, number: int, kind: int, start: int, count: int) -> Iterator[Volume]:
    """One partition of an MBR, if it begins on the disk."""
    if 0 < start * 512 < size:
        room = min(count * 512, size - start * 512)
        identity = f"{signature:08x}-{number:02x}"
        yield Volume(f"partition {number}", start * 512, room, number, f"{kind:02x}", identity)


def _logical(read: Read, base: int) -> Iterator[tuple[int, int, int]]:
    """(type, first sector, sectors) of the logical partitions: a chain, which in a hostile image may be a ring."""
    here = base
    seen: set[int] = set()
    while here not in seen and len(seen) < MAX_PARTITIONS:
        seen.add(here)
        entries = _mbr_entries(read(here * 512, 512))
        following = None
        for kind, start, count in entries.values():
            if kind in EXTENDED:
                following = base + start
            else:
                yield kind, here + start, count
        if following is None:
            return
        here = following


# --- GPT ----------------------------------------------------------------------------------------------------------


def _gpt(read: Read, size: int) -> tuple[tuple[Volume, ...], Optional[str]]:
    """The partitions, by the first copy that is whole, and what is wrong with the first one."""
    reason = "no GPT, although the first sector says that there is one"
    for sector in SECTORS:
        for number, where in enumerate((1, size // sector - 1)):
            if read(where * sector, 8) != b"EFI PART":
                continue
            try:
                return tuple(_gpt_volumes(read, size, where, sector)), reason if number else None
            except Damaged as error:
                reason = f"the GPT in sector {where} is damaged: {error}"
    return (), reason


def _gpt_volumes(read: Read, size: int, where: int, sector: int) -> Iterator[Volume]:
    header = read(where * sector, sector)
    if len(header) < 92:
        raise Damaged(f"it is cut off after {len(header)} bytes")
    length, checksum = struct.unpack_from("<II", header, 12)
    if not 92 <= length <= len(header):
        raise Damaged(f"a header of {length} bytes")
    if zlib.crc32(header[:16] + bytes(4) + header[20:length]) != checksum:
        raise Damaged("the header's checksum is wrong")
    start, count, width, entries_sum = struct.unpack_from("<QIII", header, 72)
    if count > MAX_ENTRIES or not 128 <= width <= 4096:
        raise Damaged(f"{count} entries of {width} bytes")
    entries = read(start * sector, count * width)
    if zlib.crc32(entries) != entries_sum:
        raise Damaged("the entries' checksum is wrong")
    return _gpt_entries(entries, width, sector, size)


def _gpt_entries(entries: bytes, width: int, sector: int, size: int) -> Iterator[Volume]:
    for number in range(1, len(entries) // width + 1):
        entry = entries[(number - 1) * width : number * width]
        kind, identity = (uuid.UUID(bytes_le=entry[at : at + 16]) for at in (0, 16))
        first, last = struct.unpack_from("<QQ", entry, 32)
        if not kind.int or not 0 < first <= last or first * sector >= size:
            continue
        room = min((last - first + 1) * sector, size - first * sector)
        label = entry[56:128].decode("utf-16-le", "replace").partition("\0")[0]
        yield Volume(
            f"partition {number}", first * sector, room, number, str(kind), str(identity), label if label else None
        )
