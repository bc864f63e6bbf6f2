"""The logical volumes of a physical volume that are one piece of it, found without LVM itself. Pure.

Images of the RHEL family have their root filesystem in LVM, mostly in one piece, which is then as good as a partition:
no device mapper has to be asked, and nothing of the image gets into the running system's LVM. The metadata are a text
in a ring of bytes behind the label (lvm2, lib/format_text/layout.h); one is believed only with its checksum.
"""

from __future__ import annotations

import itertools
import re
import struct
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from azpreflight.foreign import edge
from azpreflight.host.api import HostError
from azpreflight.host.disk.container import Read
from azpreflight.host.disk.types import Volume

SECTOR = 512
MAGIC = b" LVM2 x[5A%r0N*>"
TEXT_LIMIT = 1 << 20
"""Bytes of metadata: a volume group with some hundred volumes has 100 KiB."""
MAX_AREAS = 8
MAX_VOLUMES = 128
DEEPEST = 6
CRC_START = 0xF597A6CF
TITLE = 200
"""Characters of a name; LVM's own have 127 at most (NAME_LEN of lib/datastruct)."""
_TOKEN = re.compile(r'\s+|#[^\n]*|"([^"\\]*(?:\\.[^"\\]*)*)"|([\w.+-]+)|([={}\[\],])')

Section = Mapping[str, Any]


class Damaged(Exception):
    """Metadata that cannot be read."""


def volumes(physical: Volume, read: Read) -> tuple[Volume, ...]:
    """The logical volumes; those that only LVM could open say so in `closed` and have no size."""
    if physical.kind != "LVM":
        return ()
    try:
        with edge(Damaged, Damaged, HostError):
            groups = parse(_text(physical, read))
            found = (volume for name, group in groups.items() for volume in _of_group(name, group, physical))
            return tuple(itertools.islice(found, MAX_VOLUMES))
    except Damaged:
        return ()  # what it holds is then not known, and the physical volume says that it belongs to LVM


def _text(physical: Volume, read: Read) -> str:
    """The newest metadata."""
    for number in range(4):
        at = physical.start + number * SECTOR
        label = read(at, SECTOR)
        if label[:8] == b"LABELONE":
            (header,) = struct.unpack_from("<I", label, 20)
            for offset, size in _areas(label, header):
                return _area(read, physical.start + offset, size)
    raise Damaged


def _areas(label: bytes, header: int) -> Iterator[tuple[int, int]]:
    """(offset, bytes) of the areas for metadata: the second of two lists, each of which ends with zeros."""
    at, lists = header + 40, 0
    for _ in range(2 * MAX_AREAS):
        offset, size = struct.unpack_from("<QQ", label, at)
        at += 16
        if not offset:
            lists += 1
            if lists == 2:
                return
        elif lists == 1:
            yield offset, size


def _area(read: Read, start: int, size: int) -> str:
    header = read(start, SECTOR)
    if header[4:20] != MAGIC or not SECTOR < size < 1 << 32:
        raise Damaged
    offset, length, checksum, _ = struct.unpack_from("<QQII", header, 40)
    if not 0 < length <= min(TEXT_LIMIT, size - SECTOR) or not SECTOR <= offset < size:
        raise Damaged
    straight = min(length, size - offset)
    text = read(start + offset, straight) + read(start + SECTOR, length - straight)
    if crc(text) != checksum:
        raise Damaged
    return text.rstrip(b"\0").decode("utf-8", "replace")


def crc(data: bytes) -> int:
    """CRC-32 with LVM's own beginning and without the last inversion."""
    import zlib

    return ~zlib.crc32(data, ~CRC_START & 0xFFFFFFFF) & 0xFFFFFFFF


# --- the text -----------------------------------------------------------------------------------------------------


def parse(text: str) -> dict[str, Any]:
    """Sections as dicts, lists as lists, numbers as int, anything else as str (lvm.conf(5)). Damaged otherwise."""
    with edge(Damaged, Damaged):
        return _parsed(text)


def _parsed(text: str) -> dict[str, Any]:
    tokens = list(_tokens(text))[::-1]
    found = _section(tokens, 0)
    if tokens:
        raise Damaged
    return {name: value for name, value in found.items() if isinstance(value, dict) and "physical_volumes" in value}


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """(kind, text): a string, a word, or a mark."""
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Damaged
        at = match.end()
        for kind, value in zip(("string", "word", "mark"), match.groups()):
            if value is not None:
                yield kind, value


def _section(tokens: list[tuple[str, str]], depth: int) -> dict[str, Any]:
    if depth > DEEPEST:
        raise Damaged
    found: dict[str, Any] = {}
    while tokens:
        kind, name = tokens.pop()
        if (kind, name) == ("mark", "}"):
            return found
        following = tokens.pop()
        if following == ("mark", "{"):
            found[name] = _section(tokens, depth + 1)
        elif following == ("mark", "="):
            found[name] = _value(tokens)
        else:
            raise Damaged
    if depth:
        raise Damaged
    return found


def _value(tokens: list[tuple[str, str]]) -> Any:
    kind, value = tokens.pop()
    if (kind, value) != ("mark", "["):
        return _scalar(kind, value)
    items = []
    while (item := tokens.pop()) != ("mark", "]"):
        if item != ("mark", ","):
            items.append(_scalar(*item))
    return items


def _scalar(kind: str, value: str) -> Any:
    """A number of at most 18 digits, or a text."""
    return int(value) if kind == "word" and re.fullmatch("[0-9]{1,18}", value) else value


# --- what it means ------------------------------------------------------------------------------------------------


def _of_group(name: str, group: Section, physical: Volume) -> Iterator[Volume]:
    (only,) = group["physical_volumes"].values() if len(group["physical_volumes"]) == 1 else (None,)
    for logical, description in group.get("logical_volumes", {}).items():
        title = f"logical volume {name}/{logical}"[:TITLE]
        if only is None:
            yield Volume(title, 0, 0, kind="LVM", closed="its volume group has more than one disk")
            continue
        piece = _piece(description)
        if piece is None:
            yield Volume(title, 0, 0, kind="LVM", closed="it is in more than one piece, which only LVM puts together")
            continue
        unit = _number(group["extent_size"]) * SECTOR
        start = _number(only["pe_start"]) * SECTOR + piece[0] * unit
        if 0 <= start < physical.size:
            yield Volume(title, physical.start + start, min(piece[1] * unit, physical.size - start))


def _number(value: Any) -> int:
    """The number; Damaged for a text, which would be repeated where a number is multiplied."""
    if not isinstance(value, int):
        raise Damaged
    return value


def _piece(description: Section) -> Optional[tuple[int, int]]:
    """(first extent, extents) of a volume that is one piece of its disk, in however many segments."""
    segments = [value for name, value in description.items() if re.fullmatch(r"segment\d+", name)]
    first: Optional[int] = None
    total = 0
    for segment in sorted(segments, key=lambda one: _number(one["start_extent"])):
        if segment["type"] != "striped" or segment["stripe_count"] != 1 or segment["start_extent"] != total:
            return None
        begins = _number(segment["stripes"][1])
        first = begins if first is None else first
        if begins != first + total:
            return None
        total += _number(segment["extent_count"])
    return (first, total) if first is not None and total > 0 else None
