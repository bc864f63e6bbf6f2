"""The few changes that azpreflight ever makes to a machine, for `seal`, `arm` and `disarm`.

What may be removed or emptied is a list (`removable`), and removed it is by descriptors (`removal`): what is named is
what goes. What is not there needs no change, so that a `seal` that was interrupted can be run again.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from typing import Optional

from azpreflight.host import removal
from azpreflight.host.api import HostError


def remove(path: str) -> None:
    """Delete a file, a link or a whole directory of those that may go; HostError for others, and where that fails."""
    removal.remove(path)


def unlink(path: str) -> None:
    """Delete one file, link or empty directory of those that may go, also in a chroot without /proc."""
    removal.unlink(path)


def empty(path: str) -> None:
    """Cut a regular file of those that may be to nothing; HostError for anything else, and where that fails."""
    removal.empty(path)


def locked_by_another(path: str) -> bool:
    """Another process holds a POSIX lock on the file, as package managers do; False if there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return False
        raise HostError(f"cannot inspect {path}: {error.strerror}") from None
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.EACCES, errno.EAGAIN)
    finally:
        os.close(descriptor)
    return False


def lock(path: str) -> Optional[int]:
    """An exclusive lock that lasts as long as this process; None if another one has it. HostError otherwise."""
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HostError(f"cannot lock {path}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def held(path: str) -> bool:
    """Another process has the exclusive lock of `lock` on the file; False if there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def make_directory(path: str) -> None:
    """The directory, with those above it; HostError where it cannot be."""
    try:
        os.makedirs(path, mode=0o755, exist_ok=True)
    except OSError as error:
        raise HostError(f"cannot make {path}: {error.strerror}") from None


def to_disk() -> None:
    """Write everything out, because a VM may be stopped hard for its capture."""
    with suppress(OSError):
        os.sync()
