"""A log that somebody has packed with gzip: as much of it as is inspected, and to where it is broken. Pure."""

from __future__ import annotations

import zlib
from typing import Optional

GZIP = b"\x1f\x8b"
NESTED_MOST = 3
"""How often a log may have been packed."""
_GZIP_WINDOW = 31
"""Of zlib: the largest window, and the head and tail of gzip."""
_BROKEN = "the end of the gzip file, which is broken"
_STEP, _STEP_MOST = 256, 1 << 16
"""Bytes that are given to zlib at once, at first and at most: it copies what is left behind the end of a member, and a
file may consist of millions of them."""


def unpacked(content: bytes, most: int) -> tuple[bytes, Optional[str]]:
    """The content, inflated if it is a gzip file, up to so many bytes; and the words for what is left out of it.

    A client that compresses what is so already packs it twice: the words are those of the first layer that is broken.
    """
    unread = None
    for _ in range(NESTED_MOST):
        if not content.startswith(GZIP):
            break
        content, deeper = _inflated(content, most)
        unread = unread or deeper
    return content, unread


def _inflated(content: bytes, most: int) -> tuple[bytes, Optional[str]]:
    """One layer."""
    chunks: list[bytes] = []
    at, room = 0, most
    while room > 0 and content.startswith(GZIP, at):
        inflate, step = zlib.decompressobj(_GZIP_WINDOW), _STEP
        while not inflate.eof and room > 0 and at < len(content):
            piece = content[at : at + step]
            try:
                chunks.append(inflate.decompress(piece, room))
            except zlib.error:
                return b"".join(chunks), _BROKEN
            room -= len(chunks[-1])
            at += len(piece) - len(inflate.unused_data)
            step = min(2 * step, _STEP_MOST)
        if not inflate.eof and room > 0:
            return b"".join(chunks), _BROKEN
    return b"".join(chunks), None if room > 0 else _beyond(most)


def _beyond(most: int) -> str:
    return f"what follows the first {most >> 20} MiB"
