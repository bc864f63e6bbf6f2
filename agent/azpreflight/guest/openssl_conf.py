"""openssl.cnf, read as far as it decides whether openssl runs at all. No opinion beyond that of openssl itself.

A variable without a value, a line without `=`, a section that is named and not there: each ends `openssl req`, while an
include that is not there is passed over (config(5ssl); OpenSSL, crypto/conf/conf_def.c).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host import FileKind, Host

LIMIT = 256 * 1024
"""Bytes of one file; a distribution's has 12 KiB."""
MAX_FILES = 20
ENVIRONMENT = ("PATH", "LANG", "INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID", "NOTIFY_SOCKET")
"""What systemd gives a service of root that sets nothing itself (systemd.exec(5)); HOME is not among it."""
_VARIABLE = re.compile(r"(\\?)\$(?:\{(\w+)(?:::(\w+))?\}|\((\w+)(?:::(\w+))?\)|(\w+)(?:::(\w+))?)", re.ASCII)


@dataclass
class _State:
    """What has been read so far."""

    host: Host
    environment: tuple[str, ...]
    values: dict[tuple[str, str], str] = field(default_factory=dict)
    section: str = "default"
    files: int = 0


@dataclass(frozen=True)
class Problem:
    """Why openssl refuses the file."""

    path: str
    line: int
    """0: of the whole file."""
    reason: str

    @property
    def said(self) -> str:
        """For a message."""
        return f"line {self.line} of {self.path}: {self.reason}" if self.line else f"{self.path}: {self.reason}"


def problem(host: Host, path: str, environment: tuple[str, ...] = ENVIRONMENT) -> Optional[Problem]:
    """The first reason for which `openssl req` refuses its configuration; None if none is known. HostError: unreadable.

    `environment` are the names of variables that it is run with.
    """
    state = _State(host, environment)
    found = next(_file(state, path), None)
    if found is not None:
        return found
    name = state.values.get(("req", "distinguished_name"))
    if name is not None and not any(section == name for section, _ in state.values):
        return Problem(path, 0, "its section of the distinguished_name is not there")
    return None


def _file(state: _State, path: str) -> Iterator[Problem]:
    state.files += 1
    if state.files > MAX_FILES:
        return
    for number, line in _lines(state.host.text(path, LIMIT) or ""):
        if line.startswith((".include", ".pragma")):
            yield from _directive(state, line)
        elif line.startswith("["):
            name = line[1:].partition("]")[0].strip(" \t")
            if not name or "]" not in line:
                yield Problem(path, number, "missing close square bracket")
                return
            state.section = name
            state.values.setdefault((state.section, ""), "")
        else:
            reason = _assign(state, line)
            if reason is not None:
                yield Problem(path, number, reason)
                return


def _directive(state: _State, line: str) -> Iterator[Problem]:
    words = line.replace("=", " ", 1).split()
    if words[0] != ".include" or len(words) < 2:
        return
    target = words[1]
    if not target.startswith("/"):
        return
    info = state.host.info(target)
    if info is None:  # openssl goes on without it
        return
    if info.kind is FileKind.DIRECTORY:
        for name in state.host.list(target) or ():
            if name.endswith((".cnf", ".conf")):
                yield from _file(state, f"{target.rstrip('/')}/{name}")
    else:
        yield from _file(state, target)


def _assign(state: _State, line: str) -> Optional[str]:
    name, equals, value = line.partition("=")
    if not equals:
        return "missing equal sign"
    section, _, key = name.strip().rpartition("::")
    section = section or state.section
    for escaped, *groups in _VARIABLE.findall(value):
        outer, inner = next(((a, b) for a, b in zip(groups[::2], groups[1::2]) if a), ("", ""))
        if not escaped and outer and not _known(state, section, outer, inner):
            return f"variable {'::'.join(filter(None, (outer, inner)))} has no value in a service"
    state.values[section, key] = value.strip()
    return None


def _known(state: _State, section: str, outer: str, inner: str) -> bool:
    """As openssl looks a variable up: the environment, the section, then the default section."""
    place, key = (outer, inner) if inner else (section, outer)
    if place == "ENV" and key in state.environment:
        return True
    return (place, key) in state.values or ("default", key) in state.values


def _lines(text: str) -> Iterator[tuple[int, str]]:
    pending, start = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        start = start if pending else number
        line = raw.split("#", 1)[0].rstrip() if "'" not in raw and '"' not in raw and "\\#" not in raw else raw.rstrip()
        if line.lstrip().startswith("#"):
            continue
        if line.endswith("\\"):
            pending += line[:-1]
            continue
        whole, pending = (pending + line).strip(), ""
        if whole:
            yield start, whole
