"""Units of systemd as their files tell: what they run, what they wait for, and which of them the next boot starts.

See systemd.unit(5) and systemd.service(5). Nothing is asked of systemd, so it is the same for a mounted image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, Optional

from azpreflight.host import FileKind, Host, HostError
from azpreflight.host.systemd import UNIT_PATHS, UnitState, is_masked
from azpreflight.shell import words

_CONTINUED = re.compile(r"\\\n")
_LISTS = ("Before", "After", "Conflicts")
_EXECUTES = ("ExecStartPre", "ExecStart", "ExecStartPost")
PREFIXES = "-@:+!"
"""Marks before a command that say how it is run."""


class UnitFile(NamedTuple):
    """What a unit's files say, drop-ins included."""

    name: str
    path: str
    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    conflicts: frozenset[str] = frozenset()
    commands: tuple[tuple[str, ...], ...] = ()
    """What it runs when it is started, in order; programs with their full paths."""
    default_dependencies: bool = True
    conditions: tuple[str, ...] = ()
    """"PathExists=/etc/sysconfig/iptables" and the like."""


class Units:
    """The units of an image. Its directories are listed once: there are hundreds of units, and few matter."""

    def __init__(self, image: Host) -> None:
        self._image = image
        self._names = {place: frozenset(image.list(place) or ()) for place in UNIT_PATHS}
        self.wanted = wanted_services(image)
        """Names of all services that some target wants, whether masked or not."""
        self._files: dict[str, Optional[UnitFile]] = {}
        self.unread: list[str] = []
        """Why files of units that were asked for could not be read: what they say is not known."""

    def path(self, name: str) -> Optional[str]:
        """The file that counts; None if there is none."""
        return next((f"{place}/{name}" for place in UNIT_PATHS if name in self._names[place]), None)

    def state(self, name: str) -> UnitState:
        """What the next boot makes of it."""
        path = self.path(name)
        info = self._image.info(path, follow=False) if path is not None else None
        if info is None:
            return UnitState.ABSENT
        if is_masked(info):
            return UnitState.MASKED
        return UnitState.ENABLED if name in self.wanted else UnitState.DISABLED

    def is_alias(self, name: str) -> bool:
        """Another name of a unit, which is inspected under its own."""
        path = self.path(name)
        info = self._image.info(path, follow=False) if path is not None else None
        target = "" if info is None or info.target is None else info.target.rpartition("/")[2]
        return target not in ("", "null", name)

    def file(self, name: str) -> Optional[UnitFile]:
        """What its files say; None if there is none."""
        if name not in self._files:
            path = self.path(name)
            texts = [] if path is None else [path, *self._drop_ins(name)]
            text = "\n".join(map(self._text, texts))
            self._files[name] = None if path is None else _parsed(name, path, text)
        return self._files[name]

    def _text(self, path: str) -> str:
        try:
            return self._image.text(path) or ""
        except HostError as error:
            self.unread.append(str(error))
            return ""

    def _drop_ins(self, name: str) -> Iterator[str]:
        stem, dot, kind = name.rpartition(".")
        template = f"{stem.partition('@')[0]}@{dot}{kind}" if "@" in stem else name
        for place in reversed(UNIT_PATHS):
            for one in dict.fromkeys((template, name)):
                if f"{one}.d" in self._names[place]:
                    yield from self._image.glob(f"{place}/{one}.d/*.conf")


def wanted_services(image: Host) -> tuple[str, ...]:
    """Names of all services that some target wants, whether masked or not."""
    patterns = (f"{place}/*.target.{kind}/*.service" for place in UNIT_PATHS for kind in ("wants", "requires"))
    return tuple(dict.fromkeys(path.rpartition("/")[2] for pattern in patterns for path in image.glob(pattern)))


def _parsed(name: str, path: str, text: str) -> UnitFile:
    values: dict[str, list[str]] = {}
    for key, value in settings(text):
        if not value:
            values[key] = []
        elif key in _EXECUTES or key.startswith("Condition") or key == "DefaultDependencies":
            values.setdefault(key, []).append(value)
        else:
            values.setdefault(key, []).extend(value.split())
    before, after, conflicts = (frozenset(values.get(key, ())) for key in _LISTS)
    commands = [command for key in _EXECUTES for value in values.get(key, ()) if (command := _command(value))]
    default = (values.get("DefaultDependencies") or ["yes"])[-1].lower()
    conditions = (f"{key[9:]}={value}" for key in values if key.startswith("Condition") for value in values[key])
    wanted = default not in ("no", "false", "off", "0")
    return UnitFile(name, path, before, after, conflicts, tuple(commands), wanted, tuple(conditions))


def settings(text: str) -> Iterator[tuple[str, str]]:
    """Keys and values in order, whatever their section; lines that go on are joined."""
    for line in _CONTINUED.sub(" ", text).splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and key[:1] not in ("#", ";"):
            yield key.strip(), value.strip()


def _command(value: str) -> tuple[str, ...]:
    try:
        return tuple(words(value.lstrip(PREFIXES)))
    except ValueError:
        return tuple(value.lstrip(PREFIXES).split())


def conditions_hold(host: Host, found: UnitFile) -> bool:
    """False if a condition on a file is not met, so that systemd passes the unit over; others are taken to hold."""
    return all(_holds(host, *condition.partition("=")[::2]) for condition in found.conditions)


def _holds(host: Host, kind: str, value: str) -> bool:
    wanted, path = not value.startswith("!"), value.lstrip("!|")
    info = host.info(path) if path.startswith("/") else None
    checks = {
        "PathExists": info is not None,
        "FileNotEmpty": info is not None and info.size > 0,
        "FileIsExecutable": info is not None and info.kind is FileKind.FILE and bool(info.mode & 0o111),
        "PathIsDirectory": info is not None and info.kind is FileKind.DIRECTORY,
    }
    return checks.get(kind, wanted) is wanted
