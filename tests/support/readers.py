"""Who has a file open, to end that process in the middle of its work."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

PATIENCE_S = 60.0


def blocked_on(fifo: Path) -> list[int]:
    """The processes that have it open, but this one."""
    holders = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            links = [os.readlink(place) for place in (entry / "fd").iterdir()]
        except (OSError, NotADirectoryError):
            continue
        if str(fifo) in links and entry.name != str(os.getpid()):
            holders.append(int(entry.name))
    return holders


def end_readers(fifo: Path, times: int, content: bytes = b"") -> None:
    """Kill so many processes one after the other while they read it, and give the content to the next one."""
    ended: set[int] = set()
    with open(fifo, "wb", buffering=0) as writer:
        for _ in range(times):
            found = _others(fifo, ended)
            for pid in found:
                os.kill(pid, signal.SIGKILL)
            ended |= found
        if content:
            _others(fifo, ended)
            writer.write(content)


def _others(fifo: Path, ended: set[int]) -> set[int]:
    """Those that read it by now and are none of these, once there is one."""
    end = time.monotonic() + PATIENCE_S
    while not (found := set(blocked_on(fifo)) - ended):
        if time.monotonic() > end:
            raise TimeoutError(f"nobody reads {fifo}")
        time.sleep(0.01)
    return found
