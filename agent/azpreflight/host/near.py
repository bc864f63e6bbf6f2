"""Files of which the kernel answers at once: those of a filesystem that is in this machine.

A call for a file of a network mount, of a FUSE filesystem or of an automount may never return, so it is made by a
helper thread that can be given up (`host.deadline`). To hand a call over and back costs ten times what the call does,
and with twenty threads that want the interpreter it was half of what an inspection took. So where the kernel promises
that the way to a file does not leave a filesystem of a kind that is local, the call is made at once: openat2(2) with
RESOLVE_NO_XDEV, Linux 5.6. Whatever it does not promise takes the way with the deadline. A disk that has died under a
local filesystem holds up the probe that asks for it, and the process above ends that (docs/adr/0010).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Optional

from azpreflight.host.openat2 import RESOLVE_IN_ROOT, RESOLVE_NO_XDEV, openat2

MOUNTS = "/proc/self/mountinfo"
LOCAL = {
    *("bcachefs", "btrfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs", "iso9660", "overlay", "ramfs", "rootfs"),
    *("squashfs", "tmpfs", "udf", "vfat", "xfs", "zfs", "cgroup2", "devtmpfs", "sysfs"),
}
"""Kinds of filesystems that wait for nothing but this machine's own disks and memory. proc is none: what it says of a
process is read from the process's memory, which may be a file of a filesystem that never answers."""
_OCTAL = re.compile(r"\\([0-7]{3})")
_PLACE, _END_OF_OPTIONS = 4, 6
"""Of a line of mountinfo: the field of the mount point, and that from which on a hyphen ends the options."""


class Elsewhere(Exception):
    """The way to a file leaves the filesystem that was promised, or nothing is promised."""


def mounts() -> dict[str, bool]:
    """Whether what is mounted is local, by its place; nothing where the kernel does not tell."""
    try:
        with open(MOUNTS, encoding="utf-8", errors="surrogateescape") as file:
            rows = [line.split(" ") for line in file]
    except OSError:
        return {}
    return {_OCTAL.sub(lambda match: chr(int(match.group(1), 8)), row[_PLACE]): _kind(row) in LOCAL for row in rows}


def _kind(row: Sequence[str]) -> str:
    """The name of the filesystem, which stands behind the hyphen (proc(5))."""
    return row[row.index("-", _END_OF_OPTIONS) + 1]


class Near:
    """The files below a root that may be asked for at once."""

    def __init__(self, root: str, known: Mapping[str, bool]) -> None:
        """`root` is a real path; `known` what is mounted. Below a root all of one filesystem, on `/` of every one."""
        self._root, self._known = root, known
        self._near = _place(known, root) is not None

    def open(self, path: str, flags: int) -> int:
        """A descriptor; FileNotFoundError or NotADirectoryError where there is nothing, else Elsewhere."""
        whole = self._root == "/"
        top = _place(self._known, path) if whole else "/"
        if top is None or not self._near:
            raise Elsewhere
        try:
            base = os.open(top if whole else self._root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:  # a single file may be mounted too, as a container's resolv.conf is
            raise Elsewhere from None
        try:
            below = path[len(top) :].lstrip("/") or "."
            return openat2(base, below, flags, RESOLVE_NO_XDEV | (0 if whole else RESOLVE_IN_ROOT))
        except (FileNotFoundError, NotADirectoryError):
            raise
        except OSError:
            raise Elsewhere from None
        finally:
            os.close(base)


def _place(known: Mapping[str, bool], path: str) -> Optional[str]:
    """The deepest mount on the way to a path; None where one of them is not local, or none is known."""
    found, at = None, path
    while True:
        if not known.get(at, True):
            return None
        found = at if found is None and at in known else found
        if at in ("/", ""):
            return found
        at = at.rpartition("/")[0] or "/"
