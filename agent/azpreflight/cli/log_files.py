"""Boot diagnostics logs on disk: which ones are meant, and as much of each as is inspected."""

from __future__ import annotations

import glob
import io
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Optional

from azpreflight.console import packed
from azpreflight.console.decode import decode as decoded
from azpreflight.render.decoded import Log

LOG_MOST = 64 << 20
"""Bytes of a log that are inspected: the boot diagnostics of a VM hold about 1 MiB, a console that was recorded for
months more. Of a file it is the end that counts, because the newest report stands there."""
_MIB = LOG_MOST >> 20
_PICTURES = (".bmp", ".png", ".jpg", ".jpeg")
"""Boot diagnostics keep a picture of the screen beside each log."""


def named(arguments: Iterable[str]) -> list[str]:
    """The paths, patterns among them filled in where no shell did it."""
    return [path for name in arguments for path in ([name] if os.path.lexists(name) else _matches(name))]


def below(path: str) -> Iterator[str]:
    """The files in a directory, and below it, in order; links are not followed into others. The path if it is none.

    What cannot be inspected is among them, directories too: reading it says why.
    """
    if not os.path.isdir(path):
        yield path
        return
    closed: list[str] = []
    for folder, names, files in os.walk(path, onerror=lambda error: closed.append(error.filename)):
        names.sort()
        for name in sorted(files):
            whole = os.path.join(folder, name)
            if not name.lower().endswith(_PICTURES) and _may_be_file(whole):
                yield whole
    yield from closed


def _may_be_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return True


def _matches(pattern: str) -> list[str]:
    return sorted(glob.glob(pattern)) or [pattern]


def read(path: str) -> Log:
    """The reports in the log of this name; `-` is standard input. OSError if it cannot be read."""
    name, content, unread = read_bytes(path)
    return Log(name, decoded(content), unread)


def read_bytes(path: str) -> tuple[str, bytes, Optional[str]]:
    """What the log is called, as much of it as is inspected, and the words for what is not. OSError as above."""
    if path == "-":
        return ("standard input", *_stream(sys.stdin.buffer))
    with open(path, "rb") as file:
        return (path, *_stream(file))


def _stream(file: BinaryIO) -> tuple[bytes, Optional[str]]:
    """What is inspected of a log, and the words for what is not."""
    size = file.seek(0, io.SEEK_END) if file.seekable() else 0
    if file.seekable():
        file.seek(max(size - LOG_MOST, 0))
    content = file.read(LOG_MOST)
    if size > LOG_MOST:
        return content, f"all but the last {_MIB} MiB"
    if content.startswith(packed.GZIP):
        return packed.unpacked(content, LOG_MOST)
    return content, f"what follows the first {_MIB} MiB" if len(content) == LOG_MOST and file.read(1) else None
