"""Names, and a few contents, in cpio archives of the "newc" form, read from a stream and never written anywhere.

An initramfs is one or more of these archives one after another, padded with zeros. A header is 110 characters of ASCII:
a magic word and thirteen numbers of eight hexadecimal digits, of which the sizes of the file and of its name are needed
here. What is read is somebody else's image, so that every number is taken for a lie until the stream bears it out
(Linux, Documentation/driver-api/early-userspace/buffer-format.rst).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Callable

_NUMBER = re.compile(b"[0-9a-fA-F]{8}")
MAGICS = (b"070701", b"070702")
"""Without and with checksums."""
HEADER = 110
NAME_LIMIT = 4096
"""Bytes of a path (PATH_MAX); the kernel takes none that is longer."""
TRAILER = b"TRAILER!!!"
STEP = 4096
"""Bytes of padding that are inspected in one go."""


class BadArchive(ValueError):
    """It is no archive that the kernel would take; the text says why."""


class Stream:
    """Bytes that come in pieces, most of which are left out."""

    def __init__(self, pieces: Iterable[bytes], limit: int) -> None:
        """Past `limit` bytes BadArchive is raised: a small file can unfold to zeros without end."""
        self._pieces = iter(pieces)
        self._piece = b""
        self._at = 0
        self._left = limit
        self.position = 0

    def ahead(self, count: int) -> bytes:
        """The next bytes, which stay where they are; fewer at the end of the stream."""
        while len(self._piece) - self._at < count:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._piece, self._at = self._piece[self._at :] + piece, 0
            self._left -= len(piece)
            if self._left < 0:
                raise BadArchive("it unfolds to more than an initramfs has")
        return self._piece[self._at : self._at + count]

    def skip(self, count: int) -> None:
        """Leave bytes out. BadArchive where there are not so many."""
        self.position += count
        while count > len(self._piece) - self._at:
            count -= len(self._piece) - self._at
            self._piece, self._at = b"", 0
            if not self.ahead(1):
                raise BadArchive("it is cut short")
        self._at += count

    def skip_zeros(self) -> None:
        """Leave out the padding between archives."""
        while seen := self.ahead(STEP):
            zeros = len(seen) - len(seen.lstrip(b"\0"))
            self.skip(zeros)
            if zeros < len(seen):
                return


def files(stream: Stream, keep: Callable[[str, int], bool]) -> Iterator[tuple[str, bytes]]:
    """Path and content of all files up to the first byte that begins no archive; BadArchive where one is damaged.

    The content is empty unless `keep` wants it, by path and size.
    """
    stream.skip_zeros()
    while stream.ahead(6) in MAGICS:
        name, size = _header(stream)
        if name == TRAILER:
            stream.skip_zeros()
            continue
        path = name.decode("utf-8", "replace")
        content = bytes(stream.ahead(size)) if keep(path, size) else b""
        _skip_padded(stream, size)
        yield path, content


def _header(stream: Stream) -> tuple[bytes, int]:
    """The name and the size of the next file, which comes next in the stream."""
    header = stream.ahead(HEADER)
    fields = bytes(header[54:62]), bytes(header[94:102])
    if not all(_NUMBER.fullmatch(field) for field in fields):
        raise BadArchive("a header has something else than numbers")
    size, length = (int(field, 16) for field in fields)
    if not 0 < length <= NAME_LIMIT:
        raise BadArchive("a name is longer than a path can be")
    name = stream.ahead(HEADER + length)[HEADER:]
    _skip_padded(stream, HEADER + length)
    return name.rstrip(b"\0"), size


def _skip_padded(stream: Stream, count: int) -> None:
    """Leave out so many bytes and what fills them up to a multiple of four."""
    stream.skip(count)
    stream.skip(-stream.position % 4)
