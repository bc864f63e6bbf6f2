"""Decompressors, with a deadline: what comes out is passed on piece by piece, and nothing is kept.

gzip, xz, lzma and bzip2 are in Python's own library. For zstd, lz4 and lzop the running system's own program is asked,
never one of a mounted image; and for xz, which takes several processors to what was packed by several.
"""

from __future__ import annotations

import bz2
import lzma
import time
import zlib
from collections.abc import Iterator
from typing import Any, Callable

from azpreflight.host import programs
from azpreflight.host.api import HostError

IN, OUT = 256 * 1024, 1 << 20
"""Bytes that a decompressor of the library is given, and gives, in one go."""
PROGRAMS = {
    "zstd": ("zstd", "-dc"),
    "lz4": ("lz4", "-dc"),
    "lzop": ("lzop", "-dc"),
    "xz": ("xz", "-dcT0"),
}
LIBRARY: dict[str, Callable[[], Any]] = {
    "xz": lzma.LZMADecompressor,
    "lzma": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE),
    "bzip2": bz2.BZ2Decompressor,
}


def unpack(compression: str, data: memoryview, timeout: float) -> Iterator[bytes]:
    """See Host.unpack."""
    if compression in PROGRAMS and (compression not in LIBRARY or programs.which(compression) is not None):
        return programs.stream(PROGRAMS[compression], data, timeout)
    pieces = _gzip(data) if compression == "gzip" else _library(LIBRARY[compression](), data)
    return _in_time(pieces, compression, timeout)


def _in_time(pieces: Iterator[bytes], compression: str, timeout: float) -> Iterator[bytes]:
    deadline = time.monotonic() + timeout
    try:
        for piece in pieces:
            yield piece
            if time.monotonic() > deadline:
                raise HostError(f"{compression} was not unpacked within {timeout:.1f} s")
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
        raise HostError(f"{compression}: {error}") from None


def _gzip(data: memoryview) -> Iterator[bytes]:
    decompressor = zlib.decompressobj(wbits=31)
    for start in range(0, len(data), IN):
        piece: Any = data[start : start + IN]
        while piece and not decompressor.eof:
            yield decompressor.decompress(piece, OUT)
            piece = decompressor.unconsumed_tail
        if decompressor.eof:
            _nothing_behind(decompressor.unused_data, data[start + IN :])
            return
    raise EOFError("it is cut short")


def _library(decompressor: Any, data: memoryview) -> Iterator[bytes]:
    for start in range(0, len(data), IN):
        yield decompressor.decompress(data[start : start + IN], OUT)
        while not decompressor.eof and not decompressor.needs_input:
            yield decompressor.decompress(b"", OUT)
        if decompressor.eof:
            _nothing_behind(decompressor.unused_data, data[start + IN :])
            return
    raise EOFError("it is cut short")


def _nothing_behind(unused: bytes, rest: memoryview) -> None:
    """A second part is allowed by the kernel, and nobody makes one; what is not read must not be passed over."""
    if unused.strip(b"\0") or bytes(rest).strip(b"\0"):
        raise EOFError("something follows it that is not read")
