"""The file that is rehearsed: what it is, before anything that reads its content opens it.

A qcow2 or a VHD may name other files for its content, and QEMU would follow it to any file of this machine. So such a
file is refused.
"""

from __future__ import annotations

from pathlib import Path

from azpreflight.host import HostError
from azpreflight.host.clock import Clock
from azpreflight.host.disk import raw
from azpreflight.host.disk.mounted import identified


def readable(path: str, place: Path) -> str:
    """The image; of a VHDX its content, in a file below `place`. HostError where it is no disk that may be opened."""
    clock = Clock(raw.LIMIT)
    found = identified(path, clock)
    if found is None:
        target = str(place / "image.raw")
        raw.unpacked_vhdx(path, target, clock)
        return target
    if found.refused is not None:
        raise HostError(found.refused)
    return path
