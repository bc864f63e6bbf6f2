"""/etc/sudoers with all that it includes, in the order in which sudo reads it. No opinion (sudoers(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from azpreflight.dataclass import dataclass
from azpreflight.host import Host, HostError

PATH = "/etc/sudoers"
LIMIT = 256 * 1024
"""Bytes of one file; a distribution's has 4 KiB."""
MAX_FILES = 100
MAX_LINES = 1000
"""Lines in all files; a distribution's have some 30."""
MAX_DEPTH = 8
_INCLUDE = re.compile(r"[#@](include|includedir)[ \t]+(\S.*)$")


@dataclass(frozen=True)
class Line:
    """One line that means something, continuations joined."""

    text: str
    path: str
    number: int

    @property
    def where(self) -> str:
        """For a message."""
        return f"line {self.number} of {self.path}"

    @property
    def includes(self) -> bool:
        """It stands for a directory, whose files come next."""
        return _INCLUDE.match(self.text) is not None

    @property
    def is_rule(self) -> bool:
        """It is neither a setting, an alias nor an include."""
        return not self.text.startswith("Defaults") and not is_alias(self) and not self.includes

    @property
    def words(self) -> tuple[str, ...]:
        """Its words."""
        return tuple(self.text.split())


@dataclass(frozen=True)
class Sudoers:
    """All lines in order, an included directory before its files, and the directories that are included."""

    lines: tuple[Line, ...] = ()
    directories: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Every file that is read."""
    exists: bool = False

    def switch(self, name: str) -> tuple[bool, str]:
        """What the last `Defaults` for everybody says of a switch, and where; (False, "") if none does."""
        found = (False, "")
        for line in self.lines:
            if line.words[0] == "Defaults":
                for word in line.text[8:].split("#")[0].replace(",", " ").split():
                    found = (not word.startswith("!"), line.where) if word.lstrip("!") == name else found
        return found

    @property
    def rules(self) -> tuple[Line, ...]:
        """Lines that are neither settings nor aliases."""
        return tuple(line for line in self.lines if line.is_rule)


def is_alias(line: Line) -> bool:
    """It names users, hosts or commands."""
    return line.words[0].endswith("_Alias")


def read(host: Host) -> Sudoers:
    """The file and its includes. HostError where one cannot be read."""
    path = next((path for path in (PATH, "/usr/etc/sudoers") if host.info(path) is not None), None)
    if path is None:
        return Sudoers()
    directories: list[str] = []
    files: list[str] = []
    lines = tuple(islice(_file(host, path, directories, files, 0), MAX_LINES + 1))
    if len(lines) > MAX_LINES:
        raise HostError(f"cannot read {path}: more than {MAX_LINES} lines")
    return Sudoers(lines, tuple(directories), tuple(files), True)


def _file(host: Host, path: str, directories: list[str], files: list[str], depth: int) -> Iterator[Line]:
    if depth > MAX_DEPTH or len(files) >= MAX_FILES:
        return
    files.append(path)
    for line in joined(host.text(path, LIMIT) or "", path):
        match = _INCLUDE.match(line.text)
        if match is None:
            if not line.text.startswith("#"):
                yield line
            continue
        target = match.group(2).split("#")[0].strip().strip('"')
        target = target if target.startswith("/") else f"{path.rpartition('/')[0]}/{target}"
        if match.group(1) == "include":
            yield from _file(host, target, directories, files, depth + 1)
            continue
        directories.append(target.rstrip("/"))
        yield line
        for name in host.list(target) or ():
            if "." not in name and not name.endswith("~"):
                yield from _file(host, f"{target.rstrip('/')}/{name}", directories, files, depth + 1)


def joined(text: str, path: str) -> Iterator[Line]:
    """Lines with what continues them; empty ones are left out, comments are not."""
    pending, start = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        start = start if pending else number
        if raw.endswith("\\") and not raw.lstrip().startswith("#"):
            pending += raw[:-1] + " "
            continue
        line = (pending + raw).strip()
        pending = ""
        if line:
            yield Line(line, path, start)
