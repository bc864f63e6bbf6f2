"""What a power cut or a kill leaves of a file that was being written: a hidden one beside it, which stays for good.

`sinks.file` writes `.NAME.xxxxxxxx`, locked while it does, and renames it. Only such a name is taken away, of a regular
file that is this user's own and that nobody is writing.
"""

from __future__ import annotations

import fcntl
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
    """Remove what was left beside these files; the names of what was removed. Never raises.

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
    """Take it away if it is one of an earlier boot, or its writer has gone."""
    with suppress(OSError):
        seen = os.stat(entry, dir_fd=folder, follow_symlinks=False)
        if _is_own(seen) and (not booted <= seen.st_ctime <= now or _is_abandoned(folder, entry)):
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


def _is_own(seen: os.stat_result) -> bool:
    return stat.S_ISREG(seen.st_mode) and seen.st_uid == os.geteuid() and seen.st_nlink == 1


def _is_abandoned(folder: int, entry: str) -> bool:
    """No process holds the writer's lock, which ends with it however it ends (flock(2)). OSError where one does."""
    held = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(held)
    return True
