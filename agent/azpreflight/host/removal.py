"""Removing by directory descriptors: what was inspected is what goes, whatever is swapped in between.

Every directory on the way is opened by its name in the one above it, and never through a link, unless the link is
root's in a directory in which nobody else may write, as /lib or a moved /var/log are. A tree goes bottom up in the same
way, and ends at everything that is mounted, be it a bind mount of the same filesystem: the kernel tells the mount of an
open directory (proc_pid_fdinfo(5)).
"""

from __future__ import annotations

import errno
import itertools
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Optional

from azpreflight.host.api import HostError
from azpreflight.host.removable import Verb, astray, parts_of, place_of, refusal

DEEPEST = 100
"""Directories below one another: no log is as deep, and each costs a descriptor."""
MOST_LINKS = 40
"""Links on the way to one path, as in the kernel (path_resolution(7))."""
MOUNTS = "/proc/self/mountinfo"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OCTAL = re.compile(r"\\([0-7]{3})")


def mount_points() -> tuple[str, ...]:
    """Where something is mounted, in this process's eyes (proc(5)). HostError where the kernel does not tell."""
    try:
        with open(MOUNTS, encoding="utf-8", errors="surrogateescape") as file:
            rows = [line.split(" ") for line in file]
    except OSError as error:
        raise HostError(f"cannot read {MOUNTS}: {error.strerror}") from None
    return tuple(_OCTAL.sub(lambda match: chr(int(match.group(1), 8)), row[4]) for row in rows if len(row) > 4)


def remove(path: str, root: str = "/") -> None:
    """Remove one path of the list, `root` being where it starts. HostError for any other, and where that fails.

    What is not there needs no removal.
    """
    place = place_of(path, Verb.REMOVE)
    mounts = _refuse(path, Verb.REMOVE, root)
    try:
        with _parent(path, Verb.REMOVE, root, mounts) as (folder, name):
            is_directory = stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode)
            if is_directory and not (place is not None and place.whole):
                raise HostError(f"cannot remove {path}: a directory, where only a file may go")
            _entry(folder, name, is_directory, _mount_of(folder) if is_directory else "", DEEPEST)
    except FileNotFoundError:
        return
    except OSError as error:
        raise HostError(f"cannot remove {path}: {error.strerror}") from None


def unlink(path: str, root: str = "/") -> None:
    """Remove one file, link or empty directory of the list; works in a chroot without /proc too.

    Nothing below it goes, and the kernel refuses a mount point (EBUSY; unlink(2), rmdir(2)). What is not there needs no
    removal. HostError for any other path, and where that fails.
    """
    reason = refusal(path, Verb.REMOVE)
    if reason is not None:
        raise HostError(f"will not remove {path!a}: {reason}")
    try:
        with _parent(path, Verb.REMOVE, root, ()) as (folder, name):
            is_directory = stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode)
            (os.rmdir if is_directory else os.unlink)(name, dir_fd=folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise HostError(f"cannot remove {path}: {error.strerror}") from None


def empty(path: str, root: str = "/") -> None:
    """Cut a regular file of the list to nothing. HostError for anything else, and where that fails."""
    mounts = _refuse(path, Verb.EMPTY, root)
    try:
        with _parent(path, Verb.EMPTY, root, mounts) as (folder, name):
            flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise HostError(f"cannot empty {path}: {error.strerror}") from None
    try:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            raise HostError(f"cannot empty {path}: not a regular file")
        if seen.st_nlink > 1:
            raise HostError(f"cannot empty {path}: the file has another name, and may be another's")
        os.ftruncate(descriptor, 0)
    except OSError as error:
        raise HostError(f"cannot empty {path}: {error.strerror}") from None
    finally:
        os.close(descriptor)


def inside(path: str, limit: int, root: str = "/") -> tuple[str, ...]:
    """What is in a directory and below it, at most `limit` paths; nothing for what is none or cannot be reached."""
    with suppress(OSError, HostError), _parent(path, Verb.REMOVE, root, ()) as (folder, name):
        return tuple(itertools.islice(_below(folder, name, path, DEEPEST), limit))
    return ()


def _refuse(path: str, verb: Verb, root: str) -> tuple[str, ...]:
    """HostError unless the path is on the list and no mount is in it; the mount points below the root."""
    base = root.rstrip("/")
    mounts = tuple(point[len(base) :] for point in mount_points() if point.startswith(f"{base}/"))
    reason = refusal(path, verb, mounts)
    if reason is not None:
        raise HostError(f"will not {verb.value} {path!a}: {reason}")
    return mounts


@contextmanager
def _parent(path: str, verb: Verb, root: str, mounts: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """The directory of a path, open, and the name in it. OSError, or HostError for a link that is not followed."""
    *folders, name = parts_of(path) or ("",)
    walk = _Walk(path, root, folders[::-1])
    try:
        while walk.pending:
            walk.step()
        real = f"/{'/'.join((*walk.real, name))}"
        reason = astray(real, verb, mounts) if walk.links else None
        if reason is not None:
            raise HostError(f"will not touch {path!a}, which is {real!a}: {reason}")
        yield walk.descriptor, name
    finally:
        os.close(walk.descriptor)


class _Walk:
    """From the root to one directory, a name at a time."""

    def __init__(self, path: str, root: str, pending: list[str]) -> None:
        self.path, self.root = path, root
        self.pending = pending
        """The names that are still to come, the next one last."""
        self.real: list[str] = []
        self.links = 0
        self.descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def step(self) -> None:
        """Into the next directory, or along the link that is there."""
        part = self.pending.pop()
        if part == ".." or self.links > MOST_LINKS:
            raise HostError(f"will not touch {self.path!a}: a link on the way has .. in it, or there are too many")
        target = _link(self.descriptor, part, self.path)
        if target is None:
            self._go(os.open(part, _DIRECTORY, dir_fd=self.descriptor), [*self.real, part])
            return
        self.links += 1
        self.pending += [piece for piece in target.split("/") if piece not in ("", ".")][::-1]
        if target.startswith("/"):
            self._go(os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), [])

    def _go(self, descriptor: int, real: list[str]) -> None:
        os.close(self.descriptor)
        self.descriptor, self.real = descriptor, real


def _link(folder: int, name: str, path: str) -> Optional[str]:
    """Where a name leads that is root's link in root's directory; None for no link. HostError for another's."""
    seen = os.lstat(name, dir_fd=folder)
    if not stat.S_ISLNK(seen.st_mode):
        return None
    around = os.fstat(folder)
    if seen.st_uid != 0 or around.st_uid != 0 or around.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise HostError(f"will not touch {path}: {name} on the way is a link that others than root can make")
    return os.readlink(name, dir_fd=folder)


def _mount_of(descriptor: int) -> str:
    """The id of the mount that an open directory is on. HostError where the kernel does not tell."""
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as file:
            return next(line.split()[1] for line in file if line.startswith("mnt_id:"))
    except (OSError, StopIteration, IndexError):
        raise HostError("will not remove a directory: the kernel does not tell what is mounted in it") from None


def _entry(folder: int, name: str, is_directory: bool, mount: str, deeper: int) -> None:
    """Remove one name of an open directory, with all that is in it."""
    if not is_directory:
        os.unlink(name, dir_fd=folder)
        return
    if deeper == 0:
        raise OSError(errno.ELOOP, f"more than {DEEPEST} directories below one another")
    inside = os.open(name, _DIRECTORY, dir_fd=folder)
    try:
        if _mount_of(inside) != mount:
            raise OSError(errno.EBUSY, "something is mounted in it")
        for entry in _names(inside):
            is_another = stat.S_ISDIR(os.lstat(entry, dir_fd=inside).st_mode)
            _entry(inside, entry, is_another, mount, deeper - 1)
    finally:
        os.close(inside)
    os.rmdir(name, dir_fd=folder)


def _names(descriptor: int) -> list[str]:
    with os.scandir(descriptor) as entries:
        return [entry.name for entry in entries]


def _below(folder: int, name: str, path: str, deeper: int) -> Iterator[str]:
    """The paths of all that is in this directory, if it is one."""
    if not stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode) or deeper == 0:
        return
    inner = os.open(name, _DIRECTORY, dir_fd=folder)
    try:
        for entry in _names(inner):
            yield f"{path}/{entry}"
            yield from _below(inner, entry, f"{path}/{entry}", deeper - 1)
    finally:
        os.close(inner)
