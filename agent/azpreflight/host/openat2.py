"""openat2(2): the kernel resolves a path, and keeps to what it was told of the way (Linux 5.6)."""

from __future__ import annotations

import errno
import os
import struct

from azpreflight.host.libc import last_error, libc

SYS_OPENAT2 = 437
"""The same number on all architectures."""
RESOLVE_NO_XDEV, RESOLVE_IN_ROOT = 0x01, 0x10
"""The way stays on one mount; and below the directory that it begins in, with no magic links of /proc."""


def openat2(top: int, path: str, flags: int, resolve: int) -> int:
    """A descriptor of the path below `top`. OSError, ENOSYS too where there is no C library.

    The number of the call stands for itself with seccomp's filters too: they refuse it with EPERM or ENOSYS, or not.
    """
    library = libc()
    if library is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    how = struct.pack("=QQQ", flags, 0, resolve)
    found: int = library.syscall(SYS_OPENAT2, top, os.fsencode(path), how, len(how))
    if found < 0:
        code = last_error()
        raise OSError(code, os.strerror(code))
    return found
