"""How much memory a child that reads foreign files may take, and each program that it starts."""

from __future__ import annotations

import os
import resource
import threading
from contextlib import suppress

MOST = 1 << 30
"""Bytes of data: an inspection takes up to 200 MiB, with 50,000 firewall rules or where every server sends as much as
it may, and the stacks of a hundred threads, of which most is never touched, another 200."""
LEAST = 512 << 20
"""Bytes on a machine that has less than twice as much: nft takes 460 MiB to print 50,000 rules as JSON."""
STACK = 2 << 20
"""Bytes of a thread's stack instead of 8 MiB: Python ends a recursion after 1,000 levels, of less than a KiB each."""


def limit_memory() -> None:
    """Let this process and its programs take so much more: then they fail, and the machine does not (setrlimit(2)).

    RLIMIT_DATA counts what is written to, the stacks included, and no files that are mapped. What the process has
    already comes on top: within a hair of the limit a thread may die before it reports that it has started, and Python
    waits for that report without an end. To be called before there are threads.
    """
    threading.stack_size(STACK)
    with suppress(OSError, ValueError):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        limit = _data() + max(LEAST, min(MOST, memory // 2))
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        known = [one for one in (limit, soft, hard) if one != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_DATA, (min(known), hard))


def _data() -> int:
    """Bytes of data that this process has (VmData of proc(5)); 0 where the kernel does not report it."""
    with suppress(OSError, ValueError, IndexError), open("/proc/self/status", "rb") as file:
        return next((int(line.split()[1]) << 10 for line in file if line.startswith(b"VmData:")), 0)
    return 0
