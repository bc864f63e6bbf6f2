"""What a path is, and what is free where it is."""

from __future__ import annotations

from enum import Enum
from typing import Optional

from azpreflight.dataclass import dataclass


class FileKind(str, Enum):
    """What a path is."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    OTHER = "other"
    """A FIFO, a socket or a device: never opened."""


@dataclass(frozen=True)
class FileInfo:
    """lstat(2) of a path, with its link target."""

    kind: FileKind
    size: int
    mode: int
    """Permission bits only."""
    uid: int
    gid: int
    modified: float
    """Seconds since the epoch."""
    target: Optional[str] = None
    """Where a link points, as written in it; None for anything else."""


@dataclass(frozen=True)
class Room:
    """What is free on a filesystem, for others than root (statvfs(3))."""

    device: int
    """The filesystem's number: the same for two paths on one."""
    free: int
    """Bytes."""
    inodes_free: Optional[int] = None
    """None: the filesystem makes inodes as it needs them."""
