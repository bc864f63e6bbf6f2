"""Logs in whatever they are kept in: gzip, xz, bzip2, the tar or zip of a support bundle.

They are read as a stream and never unpacked onto a disk.

`cloud-init collect-logs` makes a tar.gz, waagent's log collector a zip, sos a tar.xz. Of a bundle the members are read
that explain-log knows by their names, each up to a limit, so that no archive can fill memory or take for ever.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from typing import IO, BinaryIO, Optional, Union, cast

from azpreflight.dataclass import dataclass

LIMIT = 512 << 20
"""Bytes of a log, or of all members of a bundle, that are read."""
MEMBER_LIMIT = 64 << 20
MEMBERS_MOST = 50
ENTRIES_MOST = 100_000
"""Entries of an archive that are looked through."""
CHUNK = 1 << 20
NESTED_MOST = 3
"""How often a file may have been compressed."""
STDIN_ZIP_LIMIT = 64 << 20
"""A zip has its directory at its end, so one that comes through a pipe is held."""
DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, RuntimeError)
"""What the readers of archives raise on a damaged one; RuntimeError is zipfile's word for a password."""
_KNOWN = re.compile(
    r"(?:waagent\.log|cloud-init(?:-output)?\.log|azure-init\.log|ProxyAgent\.log|ds-identify\.log|\.?kvp_pool_1"
    r"|dmesg(?:\.txt|\.log)?|journal(?:ctl)?[\w.-]{0,60}|syslog|messages|boot\.log|[\w.-]{0,60}(?:serial|console)[\w.-]{0,60}\.(?:log|txt))"
)
_SKIPPED = re.compile(
    r".*(?:\.journal~?|\.png|\.bmp|\.jpg|\.py|\.json|\.conf)$|journalctl_--list-boots.*|journal_--disk.*"
)


_Inflater = Union[gzip.GzipFile, bz2.BZ2File, lzma.LZMAFile]


@dataclass(frozen=True)
class Member:
    """A log of a bundle."""

    name: str
    content: tuple[bytes, ...]


class Pieces:
    """A log in pieces; afterwards `unread` says what was not read of it."""

    def __init__(self, file: IO[bytes], limit: int = LIMIT, head: bytes = b"") -> None:
        self._file, self._left, self._head = file, limit, head
        self._limit = limit
        self.unread: Optional[str] = None

    def __iter__(self) -> Iterator[bytes]:
        if self._head:
            self._left -= len(self._head)
            yield self._head
        try:
            while self._left > 0 and (chunk := self._file.read(min(CHUNK, self._left))):
                self._left -= len(chunk)
                yield chunk
            if self._left <= 0 and self._file.read(1):
                self.unread = f"what follows the first {self._limit >> 20} MiB"
        except DAMAGE:
            self.unread = "what follows the place at which it is damaged"


@contextmanager
def unpacked(file: BinaryIO) -> Iterator[tuple[bytes, IO[bytes]]]:
    """What stands in a compressed file, or the file itself: its first bytes, and what follows them.

    A file that is compressed twice, as by a client that compresses what is so already, is inflated as often.
    """
    begin, whole = _head(file), cast(IO[bytes], file)
    with ExitStack() as opened:
        for _ in range(NESTED_MOST):
            inner = _inflating(begin, whole)
            if inner is None:
                break
            opened.push(inner)
            whole = cast(IO[bytes], _Inflated(inner))
            begin = _head(whole)
        yield begin, whole


def _inflating(head: bytes, file: IO[bytes]) -> Optional[_Inflater]:
    """The file inflated, by the magic number that it begins with; None where it has none."""
    whole = cast(IO[bytes], _Rest(head, file))
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=whole, mode="rb")
    if head.startswith(b"BZh"):
        return bz2.BZ2File(whole)
    return lzma.LZMAFile(whole) if head.startswith(b"\xfd7zXZ\0") else None


class _Inflated:
    """A compressed file up to where it is damaged: what stands before comes, and then the error, as often as asked."""

    def __init__(self, inner: _Inflater) -> None:
        self._inner, self._damaged = inner, False

    def read(self, size: int = -1) -> bytes:
        """So many bytes; fewer before the damage, or at the end."""
        pieces: list[bytes] = []
        left = LIMIT if size < 0 else size
        while left and not self._damaged:
            try:
                piece = self._inner.read1(min(left, CHUNK))
            except DAMAGE:
                self._damaged = True
                break
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
            left -= len(piece)
        if self._damaged and not pieces:
            raise EOFError("damaged")
        return b"".join(pieces)


class _Rest(io.RawIOBase):
    """A file from which the first bytes were read already."""

    def __init__(self, head: bytes, file: IO[bytes]) -> None:
        self._head, self._file = head, file

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes: what was read already comes first."""
        if self._head:
            size = len(self._head) if size < 0 else size
            piece, self._head = self._head[:size], self._head[size:]
            return piece
        return self._file.read(size)


def _head(file: IO[bytes]) -> bytes:
    pieces, left = [], CHUNK
    with suppress(EOFError):
        while left and (piece := file.read(left)):
            pieces.append(piece)
            left -= len(piece)
    return b"".join(pieces)


# --- bundles ------------------------------------------------------------------------------------------------------


def is_tar(head: bytes) -> bool:
    """It begins as a tar does."""
    return head[257:262] == b"ustar"


def is_zip(head: bytes) -> bool:
    """It begins as a zip does."""
    return head.startswith(b"PK\x03\x04")


def members(head: bytes, file: IO[bytes]) -> Iterator[Member]:
    """The logs in a bundle; of a damaged one those before the damage."""
    left = LIMIT
    found = _of_zip(head, file) if is_zip(head) else _of_tar(head, file)
    for count, member in enumerate(found):
        left -= sum(map(len, member.content))
        if left < 0 or count >= MEMBERS_MOST:
            return
        yield member


def _wanted(name: str) -> bool:
    base = os.path.basename(name)
    return _KNOWN.fullmatch(base) is not None and _SKIPPED.fullmatch(base) is None


def _of_tar(head: bytes, file: IO[bytes]) -> Iterator[Member]:
    with suppress(*DAMAGE), tarfile.open(fileobj=io.BufferedReader(_Whole(head, file)), mode="r|") as archive:
        for entry in islice(archive, ENTRIES_MOST):
            content = archive.extractfile(entry) if entry.isreg() and _wanted(entry.name) else None
            if content is not None:
                yield Member(entry.name, tuple(Pieces(content, MEMBER_LIMIT)))


class _Whole(_Rest):
    """The same, for a reader that wants its own buffer filled."""

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a part of the buffer."""
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


def _of_zip(head: bytes, file: IO[bytes]) -> Iterator[Member]:
    whole: IO[bytes] = file
    if file.seekable():
        file.seek(0)
    else:
        whole = io.BytesIO(head + file.read(STDIN_ZIP_LIMIT))
    with suppress(*DAMAGE), zipfile.ZipFile(whole) as archive:
        for entry in archive.infolist()[:ENTRIES_MOST]:
            if not entry.is_dir() and _wanted(entry.filename):
                yield Member(entry.filename, tuple(Pieces(archive.open(entry), MEMBER_LIMIT)))
