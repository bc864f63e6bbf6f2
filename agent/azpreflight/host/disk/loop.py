"""A part of a file as a read-only block device, which the kernel gives back when nobody uses it any more.

The device is configured and not merely attached (`LO_FLAGS_AUTOCLEAR`), so that no exit of this process leaves it
behind. Constants and layout are those of linux/loop.h.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from contextlib import suppress

from azpreflight.host.api import HostError

CONTROL = "/dev/loop-control"
LOOP_SET_FD, LOOP_CLR_FD, LOOP_SET_STATUS64, LOOP_CONFIGURE = 0x4C00, 0x4C01, 0x4C04, 0x4C0A
LOOP_CTL_GET_FREE = 0x4C82
READ_ONLY, AUTOCLEAR = 1, 4
TRIES = 20
"""Another program may take the free device that the kernel has just named."""


def attach(file: int, start: int, size: int) -> tuple[int, str]:
    """(descriptor, path) of a device with these bytes of the file; HostError where there is none to be had.

    The device goes when the descriptor is closed and nothing of it is mounted any more.
    """
    for _ in range(TRIES):
        path = _free()
        try:
            device = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise HostError(f"no loop device is to be had: {path}: {error.strerror}") from None
        try:
            _configure(device, file, start, size)
        except OSError as error:
            os.close(device)
            if error.errno == errno.EBUSY:
                continue
            raise HostError(f"no loop device is to be had: {path}: {error.strerror}") from None
        return device, path
    raise HostError(f"no loop device is to be had: other programs took {TRIES} of them")


def _free() -> str:
    try:
        control = os.open(CONTROL, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise HostError(f"no loop device is to be had: {CONTROL}: {error.strerror} (modprobe loop)") from None
    try:
        return f"/dev/loop{fcntl.ioctl(control, LOOP_CTL_GET_FREE)}"
    except OSError as error:
        raise HostError(f"no loop device is to be had: {error.strerror}") from None
    finally:
        os.close(control)


def _configure(device: int, file: int, start: int, size: int) -> None:
    """At once; in two steps where the kernel is older than 5.8."""
    info = struct.pack("<5Q4I64s64s32s2Q", 0, 0, 0, start, size, 0, 0, 0, READ_ONLY | AUTOCLEAR, b"", b"", b"", 0, 0)
    try:
        fcntl.ioctl(device, LOOP_CONFIGURE, struct.pack("<II", file, 0) + info + bytes(64))
        return
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTTY):
            raise
    fcntl.ioctl(device, LOOP_SET_FD, file)
    try:
        fcntl.ioctl(device, LOOP_SET_STATUS64, info)
    except OSError:
        with suppress(OSError):
            fcntl.ioctl(device, LOOP_CLR_FD)
        raise
