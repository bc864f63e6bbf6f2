"""All that a process has started, children of children in sessions of their own included: found, killed and reaped."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Optional

from azpreflight.host.libc import libc

PR_SET_CHILD_SUBREAPER = 36
PAUSE = 0.001
"""Seconds between two rounds; each finds what was started during the one before it."""


def adopt() -> None:
    """Become the parent of every orphan below this process (prctl(2)), so that none gets out of sight."""
    library = libc()
    if library is not None:  # otherwise only what stays in sight is ended
        library.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end(child: int, seconds: float) -> int:
    """Kill and reap all that is below this process; the exit code of this child, 128 and more where a signal ended it.

    What cannot be killed in so many seconds, because it waits for a dead disk or is not ours to kill, is left behind.
    """
    deadline, code = time.monotonic() + seconds, 128 + signal.SIGKILL
    while True:
        for pid, status in _gone():
            ended = os.waitstatus_to_exitcode(status)
            code = code if pid != child else ended if ended >= 0 else 128 - ended
        if time.monotonic() > deadline or not _left():
            return code
        for pid in below(os.getpid()):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(PAUSE)


def _gone() -> Iterator[tuple[int, int]]:
    """Children that have ended, reaped."""
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            yield pid, status


def _left() -> bool:
    """There is a child, whether it has ended or not."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def below(pid: int) -> list[int]:
    """Every process that this one has started, or whose parents it has, from the top down."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as file:
            parent = int(file.read(4096).rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(name))
    found = [pid]
    for one in found:
        found += children.get(one, ())
    return found[1:]


def reaped(pid: int, seconds: float) -> Optional[int]:
    """The wait status of a child that ends within so many seconds; None if it does not."""
    deadline = time.monotonic() + seconds
    with suppress(AttributeError, OSError):  # before Linux 5.3 there is no such descriptor, and it is inspected instead
        descriptor = os.pidfd_open(pid)
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll(seconds * 1000)
        finally:
            os.close(descriptor)
    while True:
        gone, status = os.waitpid(pid, os.WNOHANG)
        if gone:
            return status
        if time.monotonic() > deadline:
            return None
        time.sleep(PAUSE)
