"""What a power cut leaves of a file that was being written: a hidden one beside it, which nothing else would remove.

`sinks.file` writes `.NAME.xxxxxxxx` and renames it. Only such a name is taken away, of a regular file that is this
user's own and that no process of this boot can have made.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterable
from contextlib import suppress

_RANDOM = re.compile(r"[a-z0-9_]{8}", re.ASCII)
"""What tempfile.mkstemp(3) puts behind the prefix."""
NAMES_MOST = 10_000
"""In one directory; in one with more nothing is searched for."""


def clear(paths: Iterable[str], booted: float) -> tuple[str, ...]:
    """Remove what earlier boots left beside these files; the names of what was removed. Never raises.

    `booted` is the time of this boot by the clock as it is now, in seconds since the epoch. A file from the future was
    made before the clock was set back, at an earlier boot.
    """
    now = time.time()
    return tuple(found for path in dict.fromkeys(paths) for found in _clear(path, booted, now))


def _clear(path: str, booted: float, now: float) -> list[str]:
    folder, name = os.path.split(os.path.abspath(path))
    try:
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        return [f"{folder}/{entry}" for entry in _ours(os.listdir(held), name) if _removed(held, entry, booted, now)]
    finally:
        os.close(held)


def _removed(folder: int, entry: str, booted: float, now: float) -> bool:
    """Take it away if it is one of an earlier boot."""
    with suppress(OSError):
        if _is_old(os.stat(entry, dir_fd=folder, follow_symlinks=False), booted, now):
            os.unlink(entry, dir_fd=folder)
            return True
    return False


def _ours(names: list[str], name: str) -> list[str]:
    """Those that a writer of this file makes."""
    prefix = f".{name}."
    return [
        entry
        for entry in (names if len(names) <= NAMES_MOST else ())
        if entry.startswith(prefix) and _RANDOM.fullmatch(entry[len(prefix) :])
    ]


def _is_old(seen: os.stat_result, booted: float, now: float) -> bool:
    """A file of this user's that was last touched in no time of this boot."""
    own = stat.S_ISREG(seen.st_mode) and seen.st_uid == os.geteuid() and seen.st_nlink == 1
    return own and not booted <= seen.st_ctime <= now
