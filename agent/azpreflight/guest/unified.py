"""Unified kernel images: kernel, initramfs and options in one EFI program (uapi-group.org, Unified Kernel Image).

The options are the section .cmdline of the program, ASCII or UTF-8, which systemd-stub hands to the kernel
(systemd-stub(7); Microsoft, "PE Format", section table).
"""

from __future__ import annotations

import struct
from typing import Optional

from azpreflight.guest.kernels import version_key
from azpreflight.host import Host
from azpreflight.host.reading import reading

PATTERNS = ("/boot/EFI/Linux/*.efi", "/boot/efi/EFI/Linux/*.efi", "/efi/EFI/Linux/*.efi")
FILE_LIMIT = 256 << 20
"""Bytes of one; a distribution's, with kernel and initramfs, has some 60 to 120 MiB."""
SECTIONS_MOST = 96
"""The largest number that Windows' loader takes; systemd's have some ten."""
LONGEST = 4096
"""Bytes of a command line on x86 are 2048."""


def newest(host: Host) -> Optional[str]:
    """The image that systemd-boot starts by itself: the last by version; None where there is none."""
    paths = [path for pattern in PATTERNS for path in host.glob(pattern)]
    return max(paths, key=version_key) if paths else None


def options(host: Host, path: str) -> tuple[str, ...]:
    """The options in the image; none where it is empty. HostError where it cannot be read, or is no EFI program."""
    with reading(path):
        return tuple((command_line(host.read(path, FILE_LIMIT) or b"") or "").split())


def command_line(data: bytes) -> Optional[str]:
    """What its section .cmdline has; None without one. struct.error where a header is cut short."""
    if data[:2] != b"MZ":
        return None
    (header,) = struct.unpack_from("<I", data, 0x3C)
    if data[header : header + 4] != b"PE\0\0":
        return None
    count, size = struct.unpack_from("<H12xH", data, header + 6)
    table = header + 24 + size
    for number in range(min(count, SECTIONS_MOST)):
        name, used, kept, start = struct.unpack_from("<8sI4xII", data, table + 40 * number)
        if name.rstrip(b"\0") == b".cmdline":
            text = data[start : start + min(used or kept, kept, LONGEST)]
            return text.rstrip(b"\0").decode("utf-8", "replace").strip()
    return None
