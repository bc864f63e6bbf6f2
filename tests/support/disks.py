"""The first bytes of disk images."""

from __future__ import annotations

import struct

from azpreflight.host.disk.container import SECTOR

MIB = 1 << 20


def qcow2(version: int = 3, backing: int = 0, encryption: int = 0, features: int = 0, size: int = MIB) -> bytes:
    """The first bytes of one."""
    head = struct.pack(">4sIQIIQI", b"QFI\xfb", version, backing, 0, 16, size, encryption)
    return head.ljust(72, b"\0") + struct.pack(">Q", features) + bytes(SECTOR)
