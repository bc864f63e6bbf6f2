"""Who signed an EFI program, by the names in its table of certificates. Pure; nothing is verified.

A VM with Secure Boot starts what the certificates of its firmware vouch for: those of the UEFI CA 2011, which ended in
June 2026, and of the UEFI CA 2023 (Microsoft, "PE Format", attribute certificate table; Microsoft Learn, "Windows
Secure Boot key creation and management guidance").
"""

from __future__ import annotations

import struct
from enum import Enum
from typing import Optional

LARGEST = 4 << 20
"""Bytes of a program that are read; shim has 1 MiB, GRUB 3 MiB."""
_AUTHORITIES = ((b"UEFI CA 2011", 2011), (b"UEFI CA 2023", 2023))
_TABLES = {0x10B: 96, 0x20B: 112}
"""Where the directories begin in the optional header, by its magic number."""
_CERTIFICATES = 4


class Signature(str, Enum):
    """What stands in the table."""

    NONE = "none"
    """The program is not signed."""
    OTHER = "other"
    """By somebody else than Microsoft's UEFI authorities."""
    ONLY_2011 = "2011"
    CURRENT = "2023"
    """By the UEFI CA 2023, whoever signed beside it."""


def signature(program: bytes) -> Optional[Signature]:
    """None where it is no program for UEFI."""
    try:
        (start,) = struct.unpack_from("<I", program, 0x3C)
        if program[:2] != b"MZ" or program[start : start + 4] != b"PE\0\0":
            return None
        (magic,) = struct.unpack_from("<H", program, start + 24)
        at, size = struct.unpack_from("<II", program, start + 24 + _TABLES[magic] + 8 * _CERTIFICATES)
    except (struct.error, KeyError):
        return None
    if not size:
        return Signature.NONE
    years = [year for name, year in _AUTHORITIES if name in program[at : at + size]]
    if not years:
        return Signature.OTHER
    return Signature.CURRENT if 2023 in years else Signature.ONLY_2011
