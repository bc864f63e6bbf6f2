"""Files: a report must never be seen half written, and a planted link must not turn root into an overwriter."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from typing import Optional, Union

from azpreflight.sinks import streams
from azpreflight.sinks.errors import SinkError

FILE_MODE = 0o640
"""A report names users, addresses and rules of this machine: not for everybody on it."""
HISTORY_LIMIT = 1 << 20
"""Bytes of a history of reports before it is set aside as FILE.1: some twenty of them."""


def write_file(path: str, text: Union[str, Iterable[str]], mode: Optional[int] = FILE_MODE) -> None:
    """Put the text, or its pieces, where the path leads; `mode` is a new file's, None leaves it to the umask.

    A file is put in place in one step: whoever reads it sees the old content or the new one, whole; one that is there
    keeps its mode and its owner. A link to a file is replaced and not followed, because somebody may have planted it.
    What is no file, such as a terminal, a FIFO or this process's own output, is written to and never replaced.
    SinkError for directories, disks and sockets, and where it cannot be written.
    """
    pieces = (text,) if isinstance(text, str) else text
    try:
        stream = streams.opened(path)
        if stream is not None:
            streams.write(stream, path, pieces)
            return
        _replace(path, pieces, mode)
    except OSError as error:
        raise SinkError(f"cannot write {path}: {error.strerror}") from None


def _replace(path: str, pieces: Iterable[str], mode: Optional[int]) -> None:
    """The file in one step."""
    folder, name = os.path.split(os.path.abspath(path))
    before = _kept(path, folder)
    temporary = os.path.join(folder, f".{name}.{os.urandom(4).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o666 if mode is None and before is None else 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            with suppress(OSError):  # a filesystem without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)  # see sinks.leftovers
            _own(descriptor, before, mode)
            file.writelines(pieces)
            file.flush()
            os.fsync(descriptor)
            os.replace(temporary, path)
        _sync_folder(folder)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)


def _own(descriptor: int, before: Optional[os.stat_result], mode: Optional[int]) -> None:
    """Give the new file the owner and the mode of the one before it, or the mode that is asked for."""
    if before is None and mode is not None:
        os.fchmod(descriptor, mode)
    if before is None:
        return
    with suppress(PermissionError):
        os.fchown(descriptor, before.st_uid, before.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode))


def _kept(path: str, folder: str) -> Optional[os.stat_result]:
    """The file whose mode and owner the new one takes over; None for a new one.

    Where others may write into the directory, a file that is not ours may have been put there to be handed the report.
    """
    try:
        seen = os.lstat(path)
    except FileNotFoundError:
        return None
    open_to_others = os.stat(folder).st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not stat.S_ISREG(seen.st_mode) or (open_to_others and seen.st_uid != os.geteuid()):
        return None
    return seen


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
            seen = os.lstat(path)
            if stat.S_ISREG(seen.st_mode) and seen.st_size >= HISTORY_LIMIT:
                os.replace(path, f"{path}.1")
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
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
    """All of the line or nothing: half of one would spoil the next one too, as one does whose writer was killed."""
    before = os.fstat(descriptor).st_size
    try:
        whole = before == 0 or os.pread(descriptor, 1, before - 1) == b"\n"
        left = line if whole else b"\n" + line
        while left:
            left = left[os.write(descriptor, left) :]
    except OSError:
        os.ftruncate(descriptor, before)
        raise
