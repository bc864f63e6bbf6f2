"""Files of the running system or of a mounted image.

Hostile input is the normal case: a FIFO where resolv.conf should be, a link that leaves the image, a log of many
gigabytes, and somebody who swaps one for the other meanwhile. A path becomes a descriptor first (`host.within`), which
is what is inspected and then read; nothing but regular files is opened, and every read has a limit.
"""

from __future__ import annotations

import fnmatch
import itertools
import os
import stat
from collections.abc import Hashable
from typing import Callable, Optional

from azpreflight.host.api import HostError
from azpreflight.host.file_types import FileInfo, FileKind, Room
from azpreflight.host.near import Near
from azpreflight.host.remembered import Remembered
from azpreflight.host.within import ABSENT, FOLDER, LOOK, OPENED, NotRegular, Root, regular

MAX_NAMES = 10_000
"""Names in one directory; more is not a directory of the system's own files."""

PIECE = 16 << 10
"""Bytes of one where the file states fewer."""


class Tree:
    """The files under one root. Paths are absolute as the image sees them.

    `closed` are places where a filesystem belongs that is not mounted: what is there is not known, and not absent.
    `seen` keeps the names in the directories that patterns lead through. With `near` every call raises Elsewhere for
    what is not.
    """

    def __init__(
        self,
        root: str,
        closed: frozenset[str] = frozenset(),
        seen: Optional[Remembered] = None,
        near: Optional[Near] = None,
    ) -> None:
        self._seen = seen
        self._within = Root(root, closed, near)
        self.root = self._within.path

    def info(self, path: str, follow: bool) -> Optional[FileInfo]:
        """See Host.info."""
        try:
            held = self._open(path, LOOK if follow else LOOK | os.O_NOFOLLOW)
            if held is None:
                return None
            try:
                seen = os.fstat(held)
                target = os.readlink("", dir_fd=held) if stat.S_ISLNK(seen.st_mode) else None
            finally:
                os.close(held)
        except OSError as error:
            raise HostError(f"cannot inspect {path}: {error.strerror}") from None
        return FileInfo(
            kind=_kind(seen.st_mode),
            size=seen.st_size,
            mode=stat.S_IMODE(seen.st_mode),
            uid=seen.st_uid,
            gid=seen.st_gid,
            modified=seen.st_mtime,
            target=target,
        )

    def room(self, path: str) -> Optional[Room]:
        """See Host.room."""
        if self.root != "/" and not os.path.ismount(self.root):
            return None
        try:
            held = self._open(path, LOOK)
            if held is None:
                return None
            try:
                device, room = os.fstat(held).st_dev, os.fstatvfs(held)
            finally:
                os.close(held)
        except OSError as error:
            raise HostError(f"cannot inspect {path}: {error.strerror}") from None
        return Room(device, room.f_bavail * room.f_frsize, room.f_favail if room.f_files else None)

    def _open(self, path: str, flags: int) -> Optional[int]:
        """A descriptor; None where there is nothing. OSError as open(2) has it."""
        try:
            return self._within.open(path, flags)
        except OSError as error:
            if error.errno in ABSENT:
                return None
            raise

    def real(self, path: str) -> Optional[str]:
        """The name of a directory on this machine, to mount something there; None if there is none.

        Only for what nobody else can change: a name may be another directory's by the next call.
        """
        try:
            held = self._open(path, FOLDER)
            if held is None:
                return None
            try:
                return os.readlink(f"{OPENED}/{held}")
            finally:
                os.close(held)
        except OSError as error:
            raise HostError(f"cannot inspect {path}: {error.strerror}") from None

    def label(self, path: str) -> Optional[str]:
        """See Host.label."""
        held: Optional[int] = None
        try:
            held = self._open(path, LOOK)
            if held is None:
                return None
            return os.getxattr(f"{OPENED}/{held}", "security.selinux").rstrip(b"\0").decode("ascii", "replace")
        except OSError:
            return None
        finally:
            if held is not None:
                os.close(held)

    def read(self, path: str, limit: int, follow: bool = True) -> Optional[bytes]:
        """See Host.read."""
        content = self._content(path, limit + 1, from_end=False, follow=follow)
        if content is not None and len(content) > limit:
            raise HostError(f"cannot read {path}: larger than {limit} bytes")
        return content

    def tail(self, path: str, limit: int) -> Optional[bytes]:
        """The last `limit` bytes, from the first whole line where the file is longer."""
        content = self._content(path, limit + 1, from_end=True)
        if content is not None and len(content) > limit:
            return content[content.find(b"\n") + 1 :]
        return content

    def _content(self, path: str, count: int, from_end: bool, follow: bool = True) -> Optional[bytes]:
        try:
            descriptor, seen = regular(self._within, path, follow)
        except NotRegular as what:
            raise HostError(f"cannot read {path}: {what}") from None
        except OSError as error:
            if error.errno in ABSENT:
                return None
            raise HostError(f"cannot read {path}: {error.strerror}") from None
        try:
            if from_end and seen.st_size > count:
                os.lseek(descriptor, seen.st_size - count, os.SEEK_SET)
            return _read_up_to(descriptor, count, seen.st_size)
        except OSError as error:
            raise HostError(f"cannot read {path}: {error.strerror}") from None
        finally:
            os.close(descriptor)

    def list(self, path: str) -> Optional[tuple[str, ...]]:
        """See Host.list."""
        try:
            descriptor = self._open(path, FOLDER)
            if descriptor is None:
                return None
            try:
                with os.scandir(descriptor) as entries:
                    names = [entry.name for entry in itertools.islice(entries, MAX_NAMES + 1)]
            finally:
                os.close(descriptor)
        except OSError as error:
            raise HostError(f"cannot list {path}: {error.strerror}") from None
        if len(names) > MAX_NAMES:
            raise HostError(f"cannot list {path}: more than {MAX_NAMES} names")
        return tuple(sorted(names))

    def glob(self, pattern: str) -> tuple[str, ...]:
        """See Host.glob."""
        found = [""]
        for part in [part for part in pattern.split("/") if part]:
            if any(mark in part for mark in "*?["):
                found = [f"{base}/{name}" for base in found for name in self._matching(base or "/", part)]
            else:
                found = [f"{base}/{part}" for base in found]
        return tuple(sorted(path for path in found if self.info(path, follow=False) is not None))

    def _matching(self, path: str, part: str) -> tuple[str, ...]:
        """The names in a directory that a part of a pattern stands for."""

        def matching() -> tuple[str, ...]:
            names = fnmatch.filter(self._once(path, "names", lambda: self._names(path)), part)
            return tuple(name for name in names if part.startswith(".") or not name.startswith("."))

        return self._once(path, ("names", part), matching)

    def _once(self, path: str, question: Hashable, ask: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        return ask() if self._seen is None else self._seen.once(path, question, ask)

    def _names(self, path: str) -> tuple[str, ...]:
        info = self.info(path, follow=True)
        if info is None or info.kind is not FileKind.DIRECTORY:
            return ()
        return self.list(path) or ()


def _kind(mode: int) -> FileKind:
    if stat.S_ISREG(mode):
        return FileKind.FILE
    if stat.S_ISDIR(mode):
        return FileKind.DIRECTORY
    if stat.S_ISLNK(mode):
        return FileKind.LINK
    return FileKind.OTHER


def _read_up_to(descriptor: int, count: int, size: int) -> bytes:
    """Read until the end or `count` bytes; files under /proc and /sys come in pieces and state no size.

    One that states its size is read at once, into the room that it takes.
    """
    pieces = []
    left, room = count, max(size + 1, PIECE)
    while left > 0:
        piece = os.read(descriptor, min(left, room))
        if not piece:
            break
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)
