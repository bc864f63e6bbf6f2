"""A mount namespace of this process: nobody else sees what is mounted in it, and it ends with the process.

Python has no words for it before 3.12.
"""

from __future__ import annotations

import ctypes
import os

from azpreflight.host.api import HostError

CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
MNT_DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)


def enter() -> None:
    """Leave the namespace of everybody else for good. HostError where the kernel does not allow it.

    To be called before there are threads: one that was started earlier stays where it was.
    """
    if _libc.unshare(CLONE_NEWNS) != 0 or _libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise HostError(f"no mount namespace is to be had ({reason}), as in a container without CAP_SYS_ADMIN")


def detach(place: str) -> None:
    """Take away what is mounted there and below; what still looks at it keeps it until it has ended."""
    _libc.umount2(os.fsencode(place), MNT_DETACH)
