"""What a service needs of its machine: a word to systemd, a record to the journal, the time since boot."""

import os
import socket
import struct
import time
from collections.abc import Mapping
from contextlib import suppress

JOURNAL = "/run/systemd/journal/socket"
"""Where journald takes datagrams in its native protocol (systemd, "Native Journal Protocol")."""
RECORD_LIMIT = 48 << 10
"""Bytes of one record: a datagram larger than the socket's buffer would have to go through a file descriptor."""


def uptime() -> float:
    """Seconds since boot, suspended time included; unlike the wall clock it does not jump at first boot."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def notify(*words: str) -> None:
    """Tell the service manager, such as "READY=1"; nothing happens where there is none (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        _send("\0" + address[1:] if address.startswith("@") else address, "\n".join(words).encode())


def journal(fields: Mapping[str, str]) -> None:
    """One record of the journal with these fields; nothing happens where there is no journal."""
    record = b"".join(_field(name, value.encode("utf-8", "replace")) for name, value in fields.items())
    _send(JOURNAL, record[:RECORD_LIMIT])


def _field(name: str, value: bytes) -> bytes:
    if b"\n" in value:
        return name.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
    return name.encode() + b"=" + value + b"\n"


def _send(address: str, message: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock, suppress(OSError):
        sock.setblocking(False)
        sock.sendto(message, address)
