"""The processes of a test: a bound for a child, and those found by a variable of their environment."""

from __future__ import annotations

import faulthandler
import os
import signal
import time
from pathlib import Path


def end_me_after(seconds: int) -> None:
    """End this process, a child that was forked, after so many seconds from now, and say where its threads stand: a
    lock that a thread of its parent held is never released in it, and a limit of processor time does not end what
    waits."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    faulthandler.register(signal.SIGALRM, file=2, chain=True)
    signal.alarm(seconds)


def marked(variable: str) -> list[int]:
    """Those with this `NAME=value`."""
    return [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if _is_marked(pid, variable)]


def _is_marked(pid: int, variable: str) -> bool:
    try:
        return variable.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def left(variable: str, seconds: float = 10) -> list[int]:
    """Those that are still there after so many seconds: the keeper of a killed run ends last."""
    deadline = time.monotonic() + seconds
    while (found := marked(variable)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found
