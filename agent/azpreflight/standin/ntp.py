"""A time source: NTP as a client wants it (RFC 5905), from this machine's clock. Pure."""

from __future__ import annotations

import struct
from typing import Optional

LENGTH = 48
CLIENT, SERVER = 3, 4
EPOCH = 2208988800
"""Seconds from 1900, where NTP begins, to 1970."""
PRECISION = -20
"""A microsecond, as a power of two."""
HEAD = struct.Struct("!BBbbII4s")


def reply(query: bytes, now: float) -> Optional[bytes]:
    """The answer of a primary server at that time (seconds since 1970); None to whatever is no client's question."""
    if len(query) < LENGTH or query[0] & 7 != CLIENT:
        return None
    version = query[0] >> 3 & 7
    moment = _timestamp(now)
    head = HEAD.pack(version << 3 | SERVER, 1, query[2], PRECISION, 0, 1, b"LOCL")
    return head + moment + query[40:48] + moment + moment


def _timestamp(seconds: float) -> bytes:
    whole = int(seconds)
    return struct.pack("!II", (whole + EPOCH) % 2**32, int((seconds - whole) * 2**32))
