"""The directory in /run that a disk is mounted in: one that a killed run has left is removed by the next."""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Optional

MOUNTS = "/run/azpreflight-image-"
"""What the names begin with."""


@contextmanager
def mount_point() -> Iterator[Optional[str]]:
    """A directory for the mounts of a process that may be killed at any moment; None where there cannot be one.

    It is locked while this process or a child of it lives, so that the next one knows an abandoned one (flock(2)). To
    remove one in use would take its mounts away: the kernel lets a mount go whose place goes in another namespace.
    """
    for directory in glob.glob(f"{MOUNTS}*"):
        _remove_abandoned(directory)
    try:
        directory, held = _made()
    except OSError:
        yield None
        return
    try:
        yield directory
    finally:
        os.close(held)
        with suppress(OSError):
            os.rmdir(directory)


def _made() -> tuple[str, int]:
    """A new one and what holds it; another where one that starts now took it for abandoned before it was held."""
    while True:
        directory = tempfile.mkdtemp(prefix=os.path.basename(MOUNTS), dir=os.path.dirname(MOUNTS))
        with suppress(BlockingIOError, FileNotFoundError):
            return directory, _locked(directory)


def _locked(directory: str) -> int:
    """A descriptor that holds it. BlockingIOError where somebody else does, FileNotFoundError where it is gone."""
    held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(held).st_nlink == 0:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), directory)
    except OSError:
        os.close(held)
        raise
    return held


def _remove_abandoned(directory: str) -> None:
    """An empty one that nobody holds any more."""
    with suppress(OSError):
        held = _locked(directory)
        try:
            os.rmdir(directory)
        finally:
            os.close(held)
