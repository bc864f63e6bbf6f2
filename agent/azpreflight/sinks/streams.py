"""Places that are no files: this process's own descriptors, FIFOs, terminals and other character devices.

They are written to and never replaced: as root, a rename over /dev/stdout takes it away from the whole machine. What is
slow may not hold the run up, so each piece has a deadline.
"""

from __future__ import annotations

import errno
import os
import re
import select
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple, Optional

from azpreflight.sinks.errors import SinkError

PATIENCE_S = 5.0
"""Seconds without progress: a FIFO that nobody reads, or a terminal under flow control."""
POLL_S = 0.05
PIECE = 4096
"""Bytes that a pipe takes at once when it says that it can be written to (PIPE_BUF, pipe(7))."""
MOST_LINKS = 40
_OWN = re.compile(r"/proc/(self|thread-self|[0-9]{1,10})/(?:task/[0-9]{1,10}/)?fd/([0-9]{1,6})", re.ASCII)


class Stream(NamedTuple):
    """An open descriptor, and for how long it may take nothing."""

    descriptor: int
    patience_s: Optional[float]
    """None: for ever, as standard output, behind which a person reads page by page."""


def opened(path: str) -> Optional[Stream]:
    """What the path leads to, open; None if that is a file, a link to one, or nothing.

    SinkError for what cannot be written as a report, OSError where it cannot be opened.
    """
    own = _own_descriptor(path)
    if own is not None:
        return Stream(os.dup(own), None)
    try:
        seen = os.lstat(path)
        trusted = not stat.S_ISLNK(seen.st_mode) or _trusted(path, seen)
        target = os.stat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISREG(target.st_mode):
        return None
    if stat.S_ISLNK(seen.st_mode) and not trusted:
        raise SinkError(f"cannot write {path}: a link that others may have made, to what is no file")
    if not (stat.S_ISFIFO(target.st_mode) or stat.S_ISCHR(target.st_mode)):
        raise SinkError(f"cannot write {path}: {_kind(target.st_mode)}")
    return Stream(_open(path), PATIENCE_S)


def write(stream: Stream, path: str, pieces: Iterable[str]) -> None:
    """All of the text, and close it. SinkError where nobody takes it; a reader that has gone away is no error."""
    poll = select.poll()
    poll.register(stream.descriptor, select.POLLOUT)
    try:
        for text in pieces:
            _write(stream, poll, path, text.encode("utf-8", "backslashreplace"))
    except BrokenPipeError:
        return
    finally:
        os.close(stream.descriptor)


def _write(stream: Stream, poll: select.poll, path: str, left: bytes) -> None:
    while left:
        if not poll.poll(None if stream.patience_s is None else stream.patience_s * 1000):
            raise SinkError(f"cannot write {path}: nobody took it for {stream.patience_s} s")
        left = left[_piece(stream.descriptor, left[:PIECE]) :]


def _piece(descriptor: int, piece: bytes) -> int:
    """How much of it was taken."""
    with suppress(BlockingIOError):
        return os.write(descriptor, piece)
    return 0


def _own_descriptor(path: str) -> Optional[int]:
    """The number of our own descriptor that the path is another name of, as /dev/stdout is of 1; None for others.

    Written to as it is: opened again, a file would be overwritten from its start, and a socket could not be.
    """
    for _ in range(MOST_LINKS):
        folder, name = os.path.split(os.path.abspath(path))
        path = os.path.join(os.path.realpath(folder), name)
        match = _OWN.fullmatch(path)
        if match is not None:
            ours = match.group(1) in ("self", "thread-self", str(os.getpid()))
            return int(match.group(2)) if ours else None
        try:
            if not _trusted(path, os.lstat(path)):
                return None
            path = os.path.join(os.path.dirname(path), os.readlink(path))
        except OSError:
            return None
    return None


def _trusted(path: str, link: os.stat_result) -> bool:
    """A link of root or of ourselves, where nobody else may write."""
    folder = os.stat(os.path.dirname(os.path.abspath(path)))
    ours = (0, os.geteuid())
    return link.st_uid in ours and folder.st_uid in ours and not folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _open(path: str) -> int:
    """Open it without waiting for ever: a FIFO only has a writer once somebody reads."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        time.sleep(POLL_S)
    raise SinkError(f"cannot write {path}: nobody reads it")


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a directory"
    return "a disk" if stat.S_ISBLK(mode) else "a socket, which cannot be opened"
