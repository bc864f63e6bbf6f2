"""sshd_config as sshd reads it: lines in order, included files where they are named. No opinion.

The first value of a keyword counts, lists such as AllowUsers add up, and a Match block lasts to the next one or to the
end of its file (sshd_config(5); OpenSSH, servconf.c).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host import Host, HostError

PATHS = ("/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config", "/usr/share/ssh/sshd_config")
"""Everywhere; SUSE's with an empty /etc; Flatcar's."""
LIMIT = 256 * 1024
"""Bytes of one file; a distribution's has 4 KiB."""
MAX_FILES = 100
MAX_SETTINGS = 1000
"""Lines in all files; a distribution's have some 20."""
MAX_VALUES, LONGEST = 100, 256
"""Words of one line, and characters of one word, that are kept."""
MAX_DEPTH = 16
"""Of includes, as in OpenSSH."""


@dataclass(frozen=True)
class Setting:
    """One line."""

    keyword: str
    """In lower case."""
    values: tuple[str, ...]
    path: str
    line: int
    conditional: bool = False
    """In a Match block that is not for all."""

    @property
    def where(self) -> str:
        """For a message."""
        return f"line {self.line} of {self.path}"


@dataclass(frozen=True)
class SshdConfig:
    """All lines; `path` is None where there is no file."""

    path: Optional[str] = None
    settings: tuple[Setting, ...] = ()

    def first(self, *keywords: str) -> Optional[Setting]:
        """The line that counts for everybody; several keywords are names of one setting."""
        return next((one for one in self.all(*keywords)), None)

    def all(self, *keywords: str) -> tuple[Setting, ...]:
        """Every line for everybody with one of these keywords."""
        return tuple(one for one in self.settings if one.keyword in keywords and not one.conditional)

    def says(self, default: str, *keywords: str) -> str:
        """The first word of the line that counts, in lower case, or the default."""
        found = self.first(*keywords)
        return found.values[0].lower() if found is not None and found.values else default


def read(host: Host, paths: tuple[str, ...] = PATHS) -> SshdConfig:
    """The configuration that sshd starts with. HostError where a file cannot be read."""
    path = next((path for path in paths if host.info(path) is not None), None)
    if path is None:
        return SshdConfig()
    settings = tuple(islice(_file(host, path, False, [], 0), MAX_SETTINGS + 1))
    if len(settings) > MAX_SETTINGS:
        raise HostError(f"cannot read {path}: more than {MAX_SETTINGS} settings")
    return SshdConfig(path, settings)


def _file(host: Host, path: str, conditional: bool, seen: list[str], depth: int) -> Iterator[Setting]:
    if depth > MAX_DEPTH or len(seen) >= MAX_FILES:
        return
    seen.append(path)
    inside = conditional
    for number, line in enumerate((host.text(path, LIMIT) or "").splitlines(), 1):
        words = split(line)
        if not words:
            continue
        keyword, values = words[0].lower(), words[1:]
        if keyword == "match":
            inside = conditional or [value.lower() for value in values] != ["all"]
        yield Setting(keyword, values, path, number, inside and keyword != "match")
        if keyword == "include":
            for included in _included(host, values):
                yield from _file(host, included, inside, seen, depth + 1)


def _included(host: Host, patterns: tuple[str, ...]) -> Iterator[str]:
    for pattern in patterns:
        full = pattern if pattern.startswith("/") else f"/etc/ssh/{pattern}"
        for path in host.glob(full):
            if host.info(path) is not None:
                yield path


def split(line: str) -> tuple[str, ...]:
    """The words of a line: `Keyword value`, `Keyword=value`, quotes taken off; empty for a comment."""
    text = line.strip()
    if not text or text.startswith("#"):
        return ()
    keyword = text.split(None, 1)[0].partition("=")[0]
    rest = text[len(keyword) :].strip().removeprefix("=")
    words: list[str] = []
    for word in rest.split():
        if word.startswith("#"):
            break
        words.append(word.strip('"'))
    return tuple(word[:LONGEST] for word in (keyword, *words[:MAX_VALUES]))
