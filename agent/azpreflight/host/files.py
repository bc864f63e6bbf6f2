"""Files of the running system or of a mounted image.

Hostile input is the normal case: a FIFO where resolv.conf should be, a link that leaves the image, a log of many
gigabytes. Nothing but regular files is opened, links are resolved inside the root by hand, and every read has a limit.
"""

import errno
import fnmatch
import itertools
import os
import stat
from typing import Optional

from azpreflight.host.api import FileInfo, FileKind, HostError, Room

MAX_LINKS = 40
"""As many as the kernel follows before ELOOP."""
MAX_NAMES = 10_000
"""Names in one directory; more is not a directory of the system's own files."""

CHUNK = 1 << 20
"""Bytes of one read(2)."""

_ABSENT = (errno.ENOENT, errno.ENOTDIR)


class Tree:
    """The files under one root. Paths are absolute as the image sees them.

    `closed` are places where a filesystem belongs that is not mounted: what is there is not known, and not absent.
    """

    def __init__(self, root: str, closed: "frozenset[str]" = frozenset()) -> None:
        self.root = os.path.realpath(root)
        self._closed = closed

    def real(self, path: str, follow: bool = True) -> Optional[str]:
        """Where `path` is on this machine: inside the root whatever its links say; None if it cannot exist.

        With `follow` false the last component is left as it is, even if it is a link. Raises HostError on a loop.
        """
        if self.root == "/":
            return path
        pending = [part for part in path.split("/") if part not in ("", ".")][::-1]
        done: list[str] = []
        links = 0
        while pending:
            part = pending.pop()
            if part == "..":
                done[-1:] = []
                continue
            here = os.path.join(self.root, *done, part)
            if self._closed and "/".join(["", *done, part]) in self._closed:
                raise HostError(f"cannot look at {path}: the filesystem that belongs there is not mounted")
            if not follow and not pending:
                return here
            try:
                target = os.readlink(here)
            except OSError as error:
                if error.errno == errno.EINVAL:
                    done.append(part)
                    continue
                if error.errno in _ABSENT:
                    return None
                raise HostError(f"cannot read {path}: {error.strerror}") from None
            links += 1
            if links > MAX_LINKS:
                raise HostError(f"cannot read {path}: too many symbolic links")
            if target.startswith("/"):
                done = []
            pending += [part for part in target.split("/") if part not in ("", ".")][::-1]
        return os.path.join(self.root, *done)

    def info(self, path: str, follow: bool) -> Optional[FileInfo]:
        """See Host.info."""
        real = self.real(path, follow)
        if real is None:
            return None
        try:
            seen = os.stat(real) if follow else os.lstat(real)
            target = os.readlink(real) if stat.S_ISLNK(seen.st_mode) else None
        except OSError as error:
            if error.errno in _ABSENT:
                return None
            raise HostError(f"cannot look at {path}: {error.strerror}") from None
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
        real = self.real(path)
        if real is None or (self.root != "/" and not os.path.ismount(self.root)):
            return None
        try:
            device, room = os.stat(real).st_dev, os.statvfs(real)
        except OSError as error:
            if error.errno in _ABSENT:
                return None
            raise HostError(f"cannot look at {path}: {error.strerror}") from None
        return Room(device, room.f_bavail * room.f_frsize, room.f_favail if room.f_files else None)

    def label(self, path: str) -> Optional[str]:
        """See Host.label."""
        real = self.real(path, True)
        if real is None:
            return None
        try:
            return os.getxattr(real, "security.selinux").rstrip(b"\0").decode("ascii", "replace")
        except OSError:
            return None

    def read(self, path: str, limit: int) -> Optional[bytes]:
        """See Host.read."""
        content = self._content(path, limit + 1, from_end=False)
        if content is not None and len(content) > limit:
            raise HostError(f"cannot read {path}: larger than {limit} bytes")
        return content

    def tail(self, path: str, limit: int) -> Optional[bytes]:
        """The last `limit` bytes, from the first whole line where the file is longer."""
        content = self._content(path, limit + 1, from_end=True)
        if content is not None and len(content) > limit:
            return content[content.find(b"\n") + 1 :]
        return content

    def _content(self, path: str, count: int, from_end: bool) -> Optional[bytes]:
        real = self.real(path)
        if real is None:
            return None
        try:
            _only_regular(path, os.stat(real))
            descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in _ABSENT:
                return None
            raise HostError(f"cannot read {path}: {error.strerror}") from None
        try:
            seen = os.fstat(descriptor)
            _only_regular(path, seen)
            if from_end and seen.st_size > count:
                os.lseek(descriptor, seen.st_size - count, os.SEEK_SET)
            return _read_up_to(descriptor, count)
        except OSError as error:
            raise HostError(f"cannot read {path}: {error.strerror}") from None
        finally:
            os.close(descriptor)

    def list(self, path: str) -> Optional["tuple[str, ...]"]:
        """See Host.list."""
        real = self.real(path)
        if real is None:
            return None
        try:
            with os.scandir(real) as entries:
                names = [entry.name for entry in itertools.islice(entries, MAX_NAMES + 1)]
        except OSError as error:
            if error.errno in _ABSENT:
                return None
            raise HostError(f"cannot list {path}: {error.strerror}") from None
        if len(names) > MAX_NAMES:
            raise HostError(f"cannot list {path}: more than {MAX_NAMES} names")
        return tuple(sorted(names))

    def glob(self, pattern: str) -> "tuple[str, ...]":
        """See Host.glob."""
        found = [""]
        for part in [part for part in pattern.split("/") if part]:
            if any(mark in part for mark in "*?["):
                found = [
                    f"{base}/{name}"
                    for base in found
                    for name in self._names(base or "/")
                    if fnmatch.fnmatchcase(name, part) and (part.startswith(".") or not name.startswith("."))
                ]
            else:
                found = [f"{base}/{part}" for base in found]
        return tuple(sorted(path for path in found if self.info(path, follow=False) is not None))

    def _names(self, path: str) -> "tuple[str, ...]":
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


def _only_regular(path: str, seen: os.stat_result) -> None:
    """Refuse what must not be read; before opening too, because opening a device or a FIFO can already do something."""
    if not stat.S_ISREG(seen.st_mode):
        kind = "a directory" if stat.S_ISDIR(seen.st_mode) else "not a regular file"
        raise HostError(f"cannot read {path}: {kind}")


def _read_up_to(descriptor: int, count: int) -> bytes:
    """Read until the end or `count` bytes; files under /proc and /sys come in pieces and state no size."""
    pieces = []
    left = count
    while left > 0:
        piece = os.read(descriptor, min(left, CHUNK))
        if not piece:
            break
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)
