"""Units as a boot of the image loads them: files, drop-ins, links beside them, and the mounts of fstab. No opinion.

See systemd.unit(5), systemd-fstab-generator(8) and systemd-escape(1); cloud-init's generator has multi-user.target
want cloud-init.target. Init scripts of System V are left out.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Optional

from azpreflight.guest.limits import SMALL
from azpreflight.guest.systemd_units import settings
from azpreflight.host import Host, HostError
from azpreflight.host.systemd import TEXT_LIMIT, UNIT_PATHS, is_masked

PULLS = ("Requires", "BindsTo", "Wants", "Upholds")
DIRECTORIES = {"wants": "Wants", "requires": "Requires", "upholds": "Upholds"}
LISTS = (*PULLS, "Requisite", "Before", "After", "Sockets", "RequiresMountsFor", "WantsMountsFor")
NO = ("no", "false", "off", "0", "n", "f")
GENERATOR = "/usr/lib/systemd/system-generators/cloud-init-generator"
REMOTE = ("nfs", "cifs", "smb", "ceph", "gluster")
OPTIONS = {
    "x-systemd.requires": ("Requires", "After"),
    "x-systemd.wants": ("Wants", "After"),
    "x-systemd.after": ("After",),
    "x-systemd.before": ("Before",),
}
_SPECIFIER = re.compile(r"%.")
_WORD = re.compile(r"\S+")


@dataclass
class BootUnit:
    """One unit as its files say."""

    name: str
    lists: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """By key, the words and the file that each is in."""
    values: dict[str, str] = field(default_factory=dict)
    """Of the other keys, the last value."""

    @property
    def kind(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def default(self) -> bool:
        """systemd adds what it adds by default."""
        return self.values.get("DefaultDependencies", "yes").lower() not in NO

    def words(self, *keys: str) -> Iterator[tuple[str, str, str]]:
        """(key, word, file)."""
        for key in keys:
            for word, path in self.lists.get(key, ()):
                yield key, word, path


class Reader:
    """Units of the image: directories are listed once."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._names = {place: frozenset(host.list(place) or ()) for place in UNIT_PATHS}
        self._resolved: dict[str, Optional[str]] = {}
        self._aliases: dict[str, list[str]] = {}
        self._mounts = dict(_mounts(host))

    def resolve(self, name: str) -> Optional[str]:
        """The unit that a name stands for; None where there is none, or it is masked."""
        if name not in self._resolved:
            self._resolved[name] = found = self._follow(name)
            if found is not None and found != name:
                self._aliases.setdefault(found, []).append(name)
        return self._resolved[name]

    def _follow(self, name: str) -> Optional[str]:
        for _ in range(8):
            path = self._path(name)
            if path is None:
                return name if name in self._mounts else None
            info = self._host.info(path, follow=False)
            if info is None or is_masked(info):
                return None
            target = posixpath.basename(info.target or name)
            if target in (name, posixpath.basename(path)) or target == _template(name):
                return name
            name = target
        return None

    def _path(self, name: str) -> Optional[str]:
        names = (name, _template(name)) if "@" in name else (name,)
        return next((f"{place}/{one}" for one in names for place in UNIT_PATHS if one in self._names[place]), None)

    def unit(self, name: str) -> BootUnit:
        """Its file and drop-ins, and the links beside it."""
        found = self._mounts.get(name) or BootUnit(name)
        path = self._path(name)
        for one in (path, *self._drop_ins(name)):
            if one is not None:
                _add(found, self._host.text(one, TEXT_LIMIT) or "", one)
        for also in (name, *self._aliases.get(name, ())):
            self._add_links(found, also)
        _add_implicit(found)
        if name == "multi-user.target" and self._host.info(GENERATOR) is not None:
            found.lists.setdefault("Wants", []).append(("cloud-init.target", GENERATOR))
        for mount in self._mounts.values() if name in ("local-fs.target", "remote-fs.target") else ():
            if mount.values["target"] == name:
                found.lists.setdefault("Wants", []).append((mount.name, "/etc/fstab"))
        return found

    def _add_links(self, found: BootUnit, name: str) -> None:
        for place in UNIT_PATHS:
            for suffix, key in DIRECTORIES.items():
                if f"{name}.{suffix}" in self._names[place]:
                    names = self._host.list(f"{place}/{name}.{suffix}") or ()
                    links = ((one, f"{place}/{name}.{suffix}/{one}") for one in names)
                    found.lists.setdefault(key, []).extend(links)

    def _drop_ins(self, name: str) -> Iterator[str]:
        kind = name.rpartition(".")[2]
        stem = name.rpartition(".")[0].partition("@")[0]
        parts = [f"{stem[: at + 1]}.{kind}" for at, letter in enumerate(stem) if letter == "-"]
        owners = (f"{kind}", *parts, *((_template(name),) if "@" in name else ()), name)
        files: dict[str, str] = {}
        for owner in owners:
            for place in reversed(UNIT_PATHS):
                if f"{owner}.d" in self._names[place]:
                    paths = self._host.glob(f"{place}/{owner}.d/*.conf")
                    files.update((posixpath.basename(path), path) for path in paths)
        for _, path in sorted(files.items()):
            info = self._host.info(path)
            if info is not None and not is_masked(info):
                yield path


def _template(name: str) -> str:
    stem, _, kind = name.rpartition(".")
    return f"{stem.partition('@')[0]}@.{kind}"


def _add(found: BootUnit, text: str, path: str) -> None:
    stem = found.name.rpartition(".")[0]
    prefix, _, instance = stem.partition("@")
    put = {"%i": instance, "%I": instance, "%n": found.name, "%N": stem, "%p": prefix, "%P": prefix, "%%": "%"}
    for key, value in settings(text):
        if key in LISTS:
            words = _WORD.findall(_SPECIFIER.sub(lambda sign: put.get(sign.group(), sign.group()), value))
            found.lists.setdefault(key, []).extend((word, path) for word in words)
        else:
            found.values[key] = value
            if key == "OnCalendar" and value:
                found.values["calendar"] = "yes"


def _add_implicit(found: BootUnit) -> None:
    """What a unit needs without saying so."""
    needed = found.lists.setdefault("Requires", [])
    if found.default and found.kind in ("service", "socket", "timer", "path"):
        needed.append(("sysinit.target", ""))
    if found.values.get("Type") == "dbus":
        needed.append(("dbus.socket", ""))
    found.lists.setdefault("Wants", []).extend((word, path) for _, word, path in found.words("Sockets"))


def _mounts(host: Host) -> Iterator[tuple[str, BootUnit]]:
    """The units that systemd makes of fstab; / is mounted before all else."""
    try:
        text = host.text("/etc/fstab", SMALL) or ""
    except HostError:
        return
    for line in text.splitlines():
        row = line.split()
        if len(row) < 3 or row[0].startswith("#") or row[2] == "swap" or not row[1].startswith("/") or row[1] == "/":
            continue
        options = row[3].split(",") if len(row) > 3 else []
        if "noauto" in options or "x-systemd.automount" in options:
            continue
        remote = "_netdev" in options or row[2].startswith(REMOTE)
        unit = BootUnit(f"{_escaped(row[1])}.mount")
        unit.values.update(
            Where=row[1].rstrip("/"),
            Options=",".join(options),
            target="remote-fs.target" if remote else "local-fs.target",
        )
        for option in options:
            _add_option(unit, option)
        yield unit.name, unit


def _add_option(unit: BootUnit, option: str) -> None:
    key, _, value = option.partition("=")
    name = f"{_escaped(value)}.mount" if value.startswith("/") else value
    if key == "x-systemd.requires-mounts-for":
        unit.lists.setdefault("RequiresMountsFor", []).append((value, "/etc/fstab"))
    for one in OPTIONS.get(key, ()):
        unit.lists.setdefault(one, []).append((name, "/etc/fstab"))


def _escaped(path: str) -> str:
    """The name of a unit for a path."""
    inner = "/".join(part for part in path.split("/") if part)
    letters = (_letter(one, first=not at) for at, one in enumerate(inner))
    return "".join(letters) or "-"


def _letter(one: str, first: bool) -> str:
    if one == "/":
        return "-"
    kept = one.isascii() and (one.isalnum() or one in ":_" or (one == "." and not first))
    return one if kept else "".join(f"\\x{byte:02x}" for byte in one.encode())
