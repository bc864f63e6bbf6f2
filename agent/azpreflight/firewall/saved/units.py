"""Units of systemd as their files tell: what they run, what they wait for, and which of them the next boot starts.

See systemd.unit(5) and systemd.service(5). Nothing is asked of systemd, so it is the same for a mounted image.
"""

import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple, Optional

from azpreflight.host import FileKind, Host, HostError
from azpreflight.host.systemd import UNIT_PATHS, unit

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


def unit_file(host: Host, name: str) -> Optional[UnitFile]:
    """The unit; None if there is none, or if it cannot be read."""
    state = unit(host, name)
    if state.path is None:
        return None
    template = re.sub(r"@.*(\.[a-z]+)$", r"@\1", name)
    texts = [_text(host, state.path)]
    texts += [_text(host, path) for place in reversed(UNIT_PATHS) for path in _drop_ins(host, place, name, template)]
    return _parsed(name, state.path, "\n".join(texts))


def _drop_ins(host: Host, place: str, name: str, template: str) -> "tuple[str, ...]":
    names = dict.fromkeys((template, name))
    return tuple(path for one in names for path in host.glob(f"{place}/{one}.d/*.conf"))


def _text(host: Host, path: str) -> str:
    try:
        return host.text(path) or ""
    except HostError:
        return ""


def _parsed(name: str, path: str, text: str) -> UnitFile:
    values: dict[str, list[str]] = {}
    for key, value in _settings(text):
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


def _settings(text: str) -> "Iterator[tuple[str, str]]":
    for line in _CONTINUED.sub(" ", text).splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and key[:1] not in ("#", ";"):
            yield key.strip(), value.strip()


def _command(value: str) -> "tuple[str, ...]":
    try:
        return tuple(shlex.split(value.lstrip(PREFIXES)))
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


def wanted_services(host: Host) -> "tuple[str, ...]":
    """Names of all services that some target wants, whether masked or not."""
    found: dict[str, None] = {}
    for place in UNIT_PATHS:
        for kind in ("wants", "requires"):
            paths = host.glob(f"{place}/*.target.{kind}/*.service")
            found.update((path.rpartition("/")[2], None) for path in paths)
    return tuple(found)
