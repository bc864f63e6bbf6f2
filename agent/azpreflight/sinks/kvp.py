"""Hyper-V's key-value exchange: what the guest tells its host without any network.

The pool is a file of records that hv_kvp_daemon reads when the host asks; cloud-init writes its own records into it,
and this follows it in the form, the lock and the treatment of what an earlier boot left (cloud-init,
cloudinit/reporting/handlers.py; Linux, tools/hv/hv_kvp_daemon.c). The key is one of our own: PROVISIONING_REPORT, by
which the platform goes, is cloud-init's.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from contextlib import suppress
from typing import Callable

from azpreflight.host import service
from azpreflight.sinks.errors import SinkError

BUS = "/dev/vmbus"
POOL = "/var/lib/hyperv/.kvp_pool_1"
"""What the guest says of itself; hv_kvp_daemon makes it."""
KEY = "AZPREFLIGHT_REPORT"
KEY_BYTES, VALUE_BYTES = 512, 2048
RECORD_BYTES = KEY_BYTES + VALUE_BYTES
VALUE_MOST = 1023
"""Bytes that Azure takes of a value."""
POOL_MOST = 4 << 20
"""Bytes of a pool that is searched for our record: 1,600 records, of which a boot of cloud-init leaves some 100."""
LOCK_S, POLL_S = 2.0, 0.05
"""Seconds until a lock that others hold is given up, and between two tries; they hold it for milliseconds."""


def available(bus: str = BUS, pool: str = POOL) -> bool:
    """This is a guest of Hyper-V, and its pool is there."""
    return os.path.exists(bus) and os.path.isfile(pool)


def write_kvp(value: str, pool: str = POOL, patience: float = LOCK_S, bus: str = BUS) -> None:
    """Put the value under our key, in place of an earlier one. SinkError where that cannot be within `patience`."""
    try:
        descriptor = os.open(pool, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SinkError(f"cannot write {pool}: {error.strerror}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SinkError(f"cannot write {pool}: it is there and is not a regular file")
        _lock(descriptor, pool, patience)
        _forget_earlier_boot(descriptor, bus)
        _put(descriptor, record(KEY, value), pool)
    except OSError as error:
        raise SinkError(f"cannot write {pool}: {error.strerror}") from None
    finally:
        os.close(descriptor)


def record(key: str, value: str) -> bytes:
    """Key and value, cut to what the host takes and padded with zero bytes."""
    return key.encode("ascii").ljust(KEY_BYTES, b"\0") + value.encode("ascii")[:VALUE_MOST].ljust(VALUE_BYTES, b"\0")


def _lock(descriptor: int, pool: str, patience: float) -> None:
    """Both kinds of lock: cloud-init takes that of flock(2), and hv_kvp_daemon that of fcntl(2)."""
    deadline = time.monotonic() + patience
    for lock in (fcntl.flock, fcntl.lockf):
        while not _locked(lock, descriptor):
            if time.monotonic() >= deadline:
                raise SinkError(f"cannot write {pool}: others have held its lock for {patience:g} s")
            time.sleep(POLL_S)


def _locked(lock: Callable[[int, int], None], descriptor: int) -> bool:
    with suppress(BlockingIOError, PermissionError):
        lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _forget_earlier_boot(descriptor: int, bus: str) -> None:
    """As cloud-init does, which will not do it any more once we have written.

    cloud-init asks the clock, and does so first of all. By now the clock may have been set forward, which makes records
    of this boot look older than it; the bus was made at this boot and by the same clock as they.
    """
    boot = time.time() - service.uptime()
    with suppress(OSError):
        boot = min(boot, os.stat(bus).st_mtime)
    if os.fstat(descriptor).st_mtime < boot:
        os.ftruncate(descriptor, 0)


def _put(descriptor: int, new: bytes, pool: str) -> None:
    size = os.fstat(descriptor).st_size
    if size > POOL_MOST:
        raise SinkError(f"cannot write {pool}: larger than {POOL_MOST >> 20} MiB")
    content = os.pread(descriptor, size, 0)
    keys = [content[start : start + KEY_BYTES] for start in range(0, size - size % RECORD_BYTES, RECORD_BYTES)]
    place = keys.index(new[:KEY_BYTES]) if new[:KEY_BYTES] in keys else len(keys)
    os.pwrite(descriptor, new, place * RECORD_BYTES)
