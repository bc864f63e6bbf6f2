"""Opening by descriptor: what was inspected is what is opened, and no link leads out of a root.

A name says nothing about the next call with the same name: whoever owns a directory may swap what is in it. So a path
becomes a descriptor once, by one call of the kernel (openat2(2), Linux 5.6) or component by component where there is
none, and all else is asked of the descriptor. One that is opened with O_PATH does nothing to a device or a FIFO.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection
from typing import Optional

from azpreflight.host.api import HostError
from azpreflight.host.near import Near
from azpreflight.host.openat2 import RESOLVE_IN_ROOT, openat2

LOOK = os.O_PATH | os.O_CLOEXEC
"""Only where it is: not its content."""
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
CONTENT = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
MAX_LINKS = 40
"""As many as the kernel follows before ELOOP."""
ABSENT = (errno.ENOENT, errno.ENOTDIR)
OPENED = "/proc/self/fd"


class NotRegular(Exception):
    """It is no file to read; the text says what it is."""


class Root:
    """Where paths begin: absolute ones, as what is below it sees them."""

    def __init__(self, path: str, closed: Collection[str] = (), near: Optional[Near] = None) -> None:
        """`closed` are places that no path may lead through: of these the kernel does not tell.

        `near`: open what is near, and nothing else.
        """
        self.path = os.path.realpath(path)
        self._closed, self._near = frozenset(closed), near

    def open(self, path: str, flags: int) -> int:
        """A descriptor of the path. OSError as open(2) has it; HostError for a loop of links below a root, and for a
        place where a filesystem belongs that is not there; Elsewhere for what is not near, if that is asked for."""
        if self._near is not None:
            return self._near.open(path, flags)
        if self.path == "/" and not self._closed:
            return os.open(path, flags)
        top = os.open(self.path, LOOK | os.O_DIRECTORY)
        try:
            found = None if self._closed else _by_kernel(top, path, flags)
            return self._walk(top, path, flags) if found is None else found
        finally:
            os.close(top)

    def _walk(self, top: int, path: str, flags: int) -> int:
        """The same, a component at a time; `..` goes back to a descriptor that is held, so that no move of a directory
        leads out."""
        held, pending, links = [os.dup(top)], _parts(path), 0
        names: list[str] = []
        try:
            while pending:
                part = pending.pop()
                if part == "..":
                    _go_up(held, names)
                    continue
                if "/".join(["", *names, part]) in self._closed:
                    raise HostError(f"cannot inspect {path}: the filesystem that belongs there is not mounted")
                here = os.open(part, LOOK | os.O_NOFOLLOW, dir_fd=held[-1])
                held.append(here)
                names.append(part)
                if (not pending and flags & os.O_NOFOLLOW) or not stat.S_ISLNK(os.fstat(here).st_mode):
                    continue
                links += 1
                if links > MAX_LINKS:
                    raise HostError(f"cannot read {path}: too many symbolic links")
                target = os.readlink("", dir_fd=here)
                _go_up(held, names)
                if target.startswith("/"):
                    _go_up(held, names, to_top=True)
                pending += _parts(target)
            return _opened(held, names, flags)
        finally:
            for descriptor in held:
                os.close(descriptor)


def _parts(path: str) -> list[str]:
    """The components, the last one first."""
    return [part for part in path.split("/") if part not in ("", ".")][::-1]


def _go_up(held: list[int], names: list[str], to_top: bool = False) -> None:
    """Leave a directory, or all; not the topmost."""
    while names:
        names.pop()
        os.close(held.pop())
        if not to_top:
            return


def _opened(held: list[int], names: list[str], flags: int) -> int:
    """A descriptor with these flags of the last of those that are held."""
    if flags & os.O_PATH:
        return os.dup(held[-1])
    if flags & os.O_DIRECTORY or not names:
        return os.open(".", flags, dir_fd=held[-1])
    return os.open(names[-1], flags | os.O_NOFOLLOW, dir_fd=held[-2])


def regular(root: Root, path: str, follow: bool = True) -> tuple[int, os.stat_result]:
    """A descriptor to read a regular file, and what it is. NotRegular, and what `Root.open` raises."""
    held = root.open(path, LOOK if follow else LOOK | os.O_NOFOLLOW)
    try:
        seen = os.fstat(held)
        if not stat.S_ISREG(seen.st_mode):
            raise NotRegular("a directory" if stat.S_ISDIR(seen.st_mode) else "not a regular file")
        return _content_of(held, seen, root, path), seen
    finally:
        os.close(held)


def _content_of(held: int, seen: os.stat_result, root: Root, path: str) -> int:
    """The very same file, whatever has its name by now. Without /proc it can only be opened by its name, and is given
    up if that is another one's by then."""
    try:
        return os.open(f"{OPENED}/{held}", CONTENT)
    except FileNotFoundError:
        again = root.open(path, CONTENT)
    if os.path.samestat(seen, os.fstat(again)):
        return again
    os.close(again)
    raise NotRegular("it was replaced meanwhile")


def _by_kernel(top: int, path: str, flags: int) -> Optional[int]:
    """None where the kernel has no such call, may not be asked, or has an answer that is better looked into."""
    try:
        return openat2(top, path, flags, RESOLVE_IN_ROOT)
    except OSError as error:
        if error.errno in ABSENT:
            raise
        return None
