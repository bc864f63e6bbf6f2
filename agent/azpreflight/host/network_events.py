"""Wait until something changes: links, addresses and routes by netlink, files by a bounded poll of their times.

Polling some paths with stat(2) each second costs nothing that can be measured, works for files that do not exist yet,
and needs no library; netlink tells of the network at once.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from typing import Optional

from azpreflight.host.api import HostError

POLL_S = 1.0
"""Seconds between looks at the files."""
RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE = 1, 5, 7, 9, 11
"""Multicast groups of rtnetlink(7)."""
GROUPS = sum(
    1 << (group - 1)
    for group in (RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE)
)
_Stamp = Optional[tuple[int, int, int]]


class Watch:
    """Changes of the network and of some files since the last time that it was asked."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        """`paths` may not exist yet. HostError if the kernel has no netlink socket to give."""
        self._stamps = {path: _stamp(path) for path in paths}
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
            self._socket.bind((0, GROUPS))
        except OSError as error:
            raise HostError(f"cannot watch the network: {error.strerror}") from None
        self._socket.setblocking(False)

    def close(self) -> None:
        """Stop watching."""
        self._socket.close()

    def wait(self, timeout: float) -> tuple[str, ...]:
        """What changed, as soon as something does: paths, and "network". Empty once `timeout` seconds have passed."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._socket], [], [], max(min(POLL_S, left), 0))
            changed = (*(("network",) if ready else ()), *self._files())
            if ready:
                self._drain()
            if changed or left <= 0:
                return changed

    def network_changed(self) -> bool:
        """Something of the network has changed since the last wait, and the next one will tell at once."""
        return bool(select.select([self._socket], [], [], 0)[0])

    def _drain(self) -> None:
        while True:
            try:
                self._socket.recv(65536)
            except OSError as error:
                if error.errno != errno.ENOBUFS:  # messages were lost, which is a change too; those before it are left
                    return

    def _files(self) -> tuple[str, ...]:
        now = {path: _stamp(path) for path in self._stamps}
        changed = tuple(path for path, stamp in now.items() if stamp != self._stamps[path])
        self._stamps = now
        return changed


def _stamp(path: str) -> _Stamp:
    try:
        seen = os.stat(path)
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size, seen.st_ino
