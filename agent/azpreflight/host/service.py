"""What a service needs of its machine: a word to systemd, a record to the journal, the time since boot, a peer."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Optional

from azpreflight.host.api import HostError

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


def exchange(place: str, request: bytes, timeout: float, limit: int) -> bytes:
    """Send a request to a stream socket and read the answer to its end; see Host.exchange."""
    deadline = time.monotonic() + timeout
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.settimeout(timeout)
            sock.connect(place)
            sock.sendall(request)
            sock.shutdown(socket.SHUT_WR)
            return _answer(sock, deadline, limit)
        except socket.timeout:
            raise HostError(f"{place} did not answer within {timeout:.1f} s") from None
        except OSError as error:
            raise HostError(f"cannot ask {place}: {error.strerror}") from None


def _answer(sock: socket.socket, deadline: float, limit: int) -> bytes:
    answer = bytearray()
    while len(answer) <= limit:
        sock.settimeout(max(deadline - time.monotonic(), 0.001))
        piece = sock.recv(65536)
        if not piece:
            return bytes(answer)
        answer += piece
    raise HostError(f"the answer is larger than {limit} bytes")


def peer_uid(descriptor: int) -> Optional[int]:
    """Who is at the other end of a socket of this machine, as the kernel says; None where it is no such socket."""
    try:
        with socket.socket(fileno=os.dup(descriptor)) as sock:
            if sock.family != socket.AF_UNIX:
                return None
            credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII"))
    except OSError:
        return None
    uid: int = struct.unpack("iII", credentials)[1]
    return uid
