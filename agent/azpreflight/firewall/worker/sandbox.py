"""Where loaders of saved rules run: all files are there to read, and nothing that they do to files or processes lasts.

A mount namespace of its own, in which every mount is read-only and /run is empty (so no lock is taken, no daemon of
the machine is found, and no setting outside the scratch network namespace is written); a namespace of process numbers,
so that with the rehearsal all that it started ends; and no right to load kernel modules.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Optional

from azpreflight.firewall.worker.forks import checked, die_with_parent, libc

CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWIPC = 0x00020000, 0x20000000, 0x08000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
MS_NOSUID, MS_NODEV = 2, 4
SYS_MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1
PR_CAPBSET_DROP, CAP_SYS_MODULE = 24, 16
EMPTY = ("/run", "/tmp", "/var/log", "/var/run", "/var/tmp")  # noqa: S108 - of our own, in memory
"""Where loaders may write, each empty and in memory."""
NET_SETTINGS = "/proc/sys/net"
"""Stays writable: from within the scratch namespace, only that namespace's own settings are to be seen."""
NOTHING = "/dev/null"
MODPROBE = "/sbin/modprobe"
"""Kept from the loaders, as its configuration may name programs of the user's."""


def enter(hidden: Sequence[str] = ()) -> None:
    """Go on in a child of this process, inside; the parent waits, and ends as the child does. `hidden` files have no
    content inside. OSError where this cannot be."""
    checked(libc.unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC))
    child = os.fork()
    if child:
        status = os.waitpid(child, 0)[1]
        os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
    die_with_parent()
    libc.prctl(PR_CAPBSET_DROP, CAP_SYS_MODULE, 0, 0, 0)
    _mount(None, "/", MS_REC | MS_PRIVATE)
    _make_read_only()
    for directory in EMPTY:
        if os.path.isdir(directory) and not os.path.islink(directory):
            _mount("tmpfs", directory, MS_NOSUID | MS_NODEV, "tmpfs")
    if os.path.isdir(NET_SETTINGS):
        _mount(NET_SETTINGS, NET_SETTINGS, MS_BIND)
        _mount(None, NET_SETTINGS, MS_REMOUNT | MS_BIND)
    for path in (MODPROBE, *hidden):
        with suppress(FileNotFoundError, NotADirectoryError):
            _mount(NOTHING, path, MS_BIND)


def _make_read_only() -> None:
    attributes = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY, 0, 0, 0)
    size = ctypes.sizeof(attributes)
    if libc.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, b"/", AT_RECURSIVE, ctypes.byref(attributes), size) == 0:
        return
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:  # Linux before 5.12
        points = [line.split(" ")[4].encode("utf-8", "surrogateescape") for line in lines]
    for point in points:
        path = os.fsdecode(point.decode("unicode_escape").encode("latin-1"))
        with suppress(FileNotFoundError):
            _mount(None, path, MS_REMOUNT | MS_BIND | MS_RDONLY)


def _mount(source: Optional[str], target: str, flags: int, kind: Optional[str] = None) -> None:
    names = (None if name is None else os.fsencode(name) for name in (source, target, kind))
    device, where, filesystem = names
    checked(libc.mount(device, where, filesystem, ctypes.c_ulong(flags), None))
