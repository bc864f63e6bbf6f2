"""The folder of one rehearsal: all that it writes, and all that is left of one that was killed.

Whoever uses it holds a lock on a file in it, which the kernel lets go when the process has ended, however that was.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from azpreflight.rehearse.overlay import LOCK, PREFIX

DEFAULT = "/var/tmp"  # noqa: S108 - the folder is made by mkdtemp, for its owner alone
"""Not /tmp, which is in memory on many systems."""


NEW_S = 60.0
"""Seconds after which an empty folder without a lock is no longer being made."""


def base() -> Path:
    """Where folders are made: TMPDIR, or /var/tmp."""
    return Path(os.environ.get("TMPDIR") or DEFAULT)


@contextmanager
def own() -> Iterator[Path]:
    """A new folder, which is gone afterwards; those of rehearsals that were killed go first. OSError: no room."""
    remove_stale()
    place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base()))
    try:
        with open(place / LOCK, "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def remove_stale() -> None:
    """Remove what nobody holds any more, of this user."""
    for place in base().glob(f"{PREFIX}*"):
        with suppress(OSError):
            if place.is_symlink() or place.lstat().st_uid != os.geteuid():
                continue
            if not (place / LOCK).exists() and time.time() - place.lstat().st_mtime > NEW_S:
                place.rmdir()
            with open(place / LOCK, "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(place, ignore_errors=True)
