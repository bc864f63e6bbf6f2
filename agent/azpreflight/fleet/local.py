"""Logs in files and directories, found without a list of all of them."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterator
from typing import BinaryIO, Optional

from azpreflight.console.packed import GZIP, unpacked
from azpreflight.fleet.item import Item, Kind

LOG_MOST = 64 << 20
"""Bytes of a log that are inspected: the boot diagnostics of a VM hold about 1 MiB, a console that was recorded for
months more. Of a file it is the end that counts, because the newest report stands there."""
PICTURES = (".bmp", ".png", ".jpg", ".jpeg")
"""Boot diagnostics keep a picture of the screen beside each log."""
STANDARD_INPUT = "-"


def is_stream(path: str) -> bool:
    """Standard input, a FIFO or what a shell makes of <(...): only this process has it, and it is read once."""
    try:
        return path == STANDARD_INPUT or stat.S_IFMT(os.stat(path).st_mode) not in (stat.S_IFREG, stat.S_IFDIR)
    except OSError:
        return False


def found(path: str) -> Iterator[Item]:
    """The files in a directory, and below it; links are not followed into others. The path if it is none.

    What cannot be inspected is among them, directories too, with the reason.
    """
    if path == STANDARD_INPUT:
        yield Item("standard input", path)
    elif os.path.isdir(path):
        yield from _below(path)
    else:
        yield _item(path)


def _below(top: str) -> Iterator[Item]:
    folders = [top]
    while folders:
        folder = folders.pop()
        try:
            yield from _in_folder(folder, folders)
        except OSError as error:
            yield Item(_shown(folder), f"cannot read: {error.strerror}", Kind.LOST)


def _in_folder(folder: str, folders: list[str]) -> Iterator[Item]:
    """The files of one directory; the directories in it are added to `folders`."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif not entry.name.lower().endswith(PICTURES) and _may_be_file(entry):
                yield _item(entry.path)


def _may_be_file(entry: os.DirEntry[str]) -> bool:
    """A pipe would hold it up, and a directory behind a link is none of ours."""
    try:
        return entry.is_file()
    except OSError:
        return True


def _item(path: str) -> Item:
    try:
        seen = os.stat(path)
    except OSError as error:
        return Item(_shown(path), f"cannot read: {error.strerror}", Kind.LOST)
    stamp = f"{seen.st_size} {seen.st_mtime_ns} {seen.st_ino}"
    return Item(_shown(path), path, size=seen.st_size, stamp=stamp)


def _shown(path: str) -> str:
    """A path is bytes, which need not be text."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def identity(item: Item) -> str:
    """The same for one file by whatever name it goes."""
    if item.kind is not Kind.FILE:
        return item.name
    try:
        return _shown(os.path.realpath(item.place))
    except FileNotFoundError:  # it is relative, and the working directory is gone
        return item.name


def read(path: str) -> tuple[bytes, Optional[str]]:
    """What is inspected of the file, and the words for what is not. OSError where it cannot be read."""
    if path == STANDARD_INPUT:
        return _stream(sys.stdin.buffer)
    with open(path, "rb") as file:
        return _stream(file)


def _stream(file: BinaryIO) -> tuple[bytes, Optional[str]]:
    size = file.seek(0, io.SEEK_END) if file.seekable() else 0
    if file.seekable():
        file.seek(max(size - LOG_MOST, 0))
    content = file.read(LOG_MOST)
    if size > LOG_MOST:
        return content, f"all but the last {LOG_MOST >> 20} MiB"
    if content.startswith(GZIP):
        return unpacked(content, LOG_MOST)
    return content, f"what follows the first {LOG_MOST >> 20} MiB" if len(content) == LOG_MOST and file.read(
        1
    ) else None
