"""What kind of file it is, by its first and its last bytes. Pure."""

from __future__ import annotations

import struct
from typing import Callable, Optional

from azpreflight.dataclass import dataclass
from azpreflight.host.api import HostError
from azpreflight.host.disk.types import Footer, Format

Read = Callable[[int, int], bytes]
"""Bytes at an offset, fewer or none beyond the end."""

SECTOR = 512
COOKIE = b"conectix"
FIXED, DYNAMIC, DIFFERENCING = 2, 3, 4
QCOW2_MAGIC = b"QFI\xfb"
EXTERNAL_DATA, CORRUPT = 1 << 2, 1 << 1
"""Bits of the incompatible features of a qcow2 header (QEMU, docs/interop/qcow2.rst)."""
LARGEST = 1 << 46
"""Bytes of a disk that is unpacked, 64 TiB: more than any disk of Azure, and than a file may have here."""
VHDX = b"vhdxfile"
OTHERS = (
    (VHDX, "VHDX, which Azure does not take", "qemu-img convert -O vpc -o subformat=fixed,force_size"),
    (b"KDMV", "VMDK", "qemu-img convert -O raw"),
    (b"# Disk DescriptorFile", "the description of a VMDK", "qemu-img convert -O raw"),
    (b"\x1f\x8b", "compressed with gzip", "gunzip"),
    (b"\xfd7zXZ\0", "compressed with xz", "unxz"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unzstd"),
    (b"BZh", "compressed with bzip2", "bunzip2"),
    (b"PK\x03\x04", "a zip archive", "unzip"),
)
"""(first bytes, what it is, what makes a disk of it)."""


@dataclass(frozen=True)
class Container:
    """How the file holds the disk."""

    format: Format
    size: int
    """Bytes of the disk."""
    footer: Optional[Footer] = None
    refused: Optional[str] = None
    """Why its content must not be read; None if it may."""


def identify(read: Read, file_size: int) -> Container:
    """The kind of the file. HostError with a fix if it is no disk that can be inspected."""
    head = read(0, SECTOR)
    for magic, what, fix in OTHERS:
        if head.startswith(magic):
            raise HostError(f"it is {what}: {fix} makes a disk of it")
    if file_size < SECTOR:
        raise HostError(f"it is no disk: {file_size} bytes")
    if head.startswith(QCOW2_MAGIC):
        return _qcow2(read(0, 104))
    footer = parse_footer(read(file_size - SECTOR, SECTOR))
    copy = parse_footer(head)
    if footer is not None and footer.kind == FIXED:
        return Container(Format.VHD, file_size - SECTOR, footer)
    if copy is not None or footer is not None:
        known = footer or copy
        size = known.size if known is not None else 0
        refused = "a differencing VHD, whose content is in another file" if _kind(known) == DIFFERENCING else None
        return Container(Format.DYNAMIC_VHD, size, footer, refused or _too_large(size))
    return Container(Format.RAW, file_size)


def _kind(footer: Optional[Footer]) -> Optional[int]:
    return footer.kind if footer is not None else None


def parse_footer(sector: bytes) -> Optional[Footer]:
    """The footer in a sector; None if it is none."""
    if len(sector) != SECTOR or not sector.startswith(COOKIE):
        return None
    (size,) = struct.unpack_from(">Q", sector, 48)
    kind, checksum = struct.unpack_from(">II", sector, 60)
    rest = sum(sector) - sum(sector[64:68])
    return Footer(kind, size, checksum == ~rest & 0xFFFFFFFF)


def _qcow2(header: bytes) -> Container:
    """A qcow2 may name other files for its content, and these may be anything on this machine: it is not followed."""
    if len(header) < 72:
        raise HostError("it is a qcow2 that is cut off")
    version, backing_offset = struct.unpack_from(">IQ", header, 4)
    size, encryption = struct.unpack_from(">QI", header, 24)
    features = struct.unpack_from(">Q", header, 72)[0] if version >= 3 and len(header) >= 80 else 0
    reasons = (
        (version not in (2, 3), f"version {version} of qcow2 is not known"),
        (backing_offset != 0, "its content is partly in another file (a backing file); qemu-img convert joins them"),
        (bool(features & EXTERNAL_DATA), "its content is in another file (external data); qemu-img convert joins them"),
        (encryption != 0, "it is encrypted"),
        (bool(features & CORRUPT), "it is marked as corrupt; qemu-img check tells more"),
    )
    refused = next((reason for bad, reason in reasons if bad), None)
    return Container(Format.QCOW2, size, refused=refused or _too_large(size))


def _too_large(size: int) -> Optional[str]:
    return f"it says that its disk has {size} bytes, which no disk has" if size > LARGEST else None
