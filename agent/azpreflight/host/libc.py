"""The C library, for the few calls of the kernel that Python's `os` lacks."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import Any


@cache
def libc() -> Any:
    """It, None without ctypes; `last_error` is the errno of its last call in this thread."""
    with suppress(ImportError, AttributeError, MemoryError, OSError):
        import ctypes

        return ctypes.CDLL(None, use_errno=True)
    return None


def last_error() -> int:
    """The errno of this thread's last call of the library."""
    import ctypes

    return ctypes.get_errno()
