"""Files: a report must never be seen half written, and a planted link must not turn root into an overwriter."""

import os
import stat
import tempfile
from contextlib import suppress

from azpreflight.sinks.errors import SinkError

FILE_MODE = 0o640
"""A report names users, addresses and rules of this machine: not for everybody on it."""
HISTORY_LIMIT = 1 << 20
"""Bytes of a history of reports before it is set aside as FILE.1: some twenty of them."""


def write_file(path: str, text: str, mode: int = FILE_MODE) -> None:
    """Put the text into the file in one step: whoever reads it sees the old content or the new one, whole.

    A link in place of the file is replaced and not followed. SinkError if it is anything but a file or a link.
    """
    try:
        folder, name = os.path.split(os.path.abspath(path))
        _refuse_special(path)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    except OSError as error:
        raise SinkError(f"cannot write {path}: {error.strerror}") from None
    try:
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            os.fchmod(descriptor, mode)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
        _sync_folder(folder)
    except OSError as error:
        raise SinkError(f"cannot write {path}: {error.strerror}") from None
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)


def _refuse_special(path: str) -> None:
    """A rename would silently replace /dev/null or a FIFO by a regular file."""
    with suppress(FileNotFoundError):
        mode = os.lstat(path).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
            raise SinkError(f"cannot write {path}: it is there and is not a regular file")


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def append_line(path: str, line: str) -> None:
    """Add one line to a history; one that has grown to its limit is set aside first, one old copy is kept.

    SinkError if it cannot be written, or is anything but a regular file of its own.
    """
    try:
        with suppress(FileNotFoundError):
            if os.lstat(path).st_size >= HISTORY_LIMIT:
                os.replace(path, f"{path}.1")
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags, FILE_MODE)
    except OSError as error:
        raise SinkError(f"cannot write {path}: {error.strerror}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SinkError(f"cannot write {path}: it is there and is not a regular file")
        _append(descriptor, (line.rstrip("\n") + "\n").encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise SinkError(f"cannot write {path}: {error.strerror}") from None
    finally:
        os.close(descriptor)


def _append(descriptor: int, line: bytes) -> None:
    """All of the line or nothing: half of one would spoil the next one too."""
    before = os.fstat(descriptor).st_size
    try:
        left = line
        while left:
            left = left[os.write(descriptor, left) :]
    except OSError:
        os.ftruncate(descriptor, before)
        raise
