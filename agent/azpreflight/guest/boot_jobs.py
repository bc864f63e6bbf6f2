"""The jobs of a boot, and their order: what systemd starts to reach default.target, as files and links tell it.

Besides the lines of the units, systemd adds an order of its own: services after basic.target, targets after what they
want, mounts before local-fs.target and so on (systemd.service(5), systemd.target(5), systemd.socket(5),
systemd.timer(5), systemd.mount(5), systemd.exec(5), each under implicit and default dependencies).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest.boot_units import NO, PULLS, BootUnit, Reader
from azpreflight.guest.unit_order import Edge
from azpreflight.host import Host, HostError

MOST = 1500
"""Units that are inspected; a large installation starts 400."""
MOST_PATHS = 50
"""Directories of a unit whose mounts are waited for; most have none."""
MUST = ("Requires", "BindsTo")
AT = {"socket": "sockets.target", "timer": "timers.target", "path": "paths.target", "swap": "swap.target"}
"""Targets that wait for units of a kind by default."""
TO_JOURNAL = ("", "journal", "journal+console", "kmsg", "kmsg+console")


@dataclass(frozen=True)
class Jobs:
    """What a boot starts."""

    units: tuple[str, ...] = ()
    order: tuple[Edge, ...] = ()
    required: frozenset[str] = frozenset()
    """Those without which the target itself is not reached; systemd drops none of them."""


def jobs(host: Host) -> Optional[Jobs]:
    """None where the image has no default.target of its own. HostError where a unit cannot be read."""
    reader = Reader(host)
    start = reader.resolve("default.target")
    if start is None:
        return None
    found: dict[str, BootUnit] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if len(found) >= MOST:
            raise HostError(f"the boot starts more than {MOST} units")
        if name in found:
            continue
        found[name] = reader.unit(name)
        wanted = (reader.resolve(word) for _, word, _ in found[name].words(*PULLS))
        waiting.extend(one for one in wanted if one is not None and one not in found)
    edges = (edge for unit in found.values() for edge in _edges(unit, found, reader))
    kept = {(edge.first, edge.then, edge.path, edge.word): edge for edge in edges if edge.first != edge.then}
    order = tuple(edge for edge in kept.values() if edge.first in found and edge.then in found)
    return Jobs(tuple(found), order, _required(start, found, reader))


def _required(start: str, found: Mapping[str, BootUnit], reader: Reader) -> frozenset[str]:
    needed: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in found and name not in needed:
            needed.add(name)
            waiting.extend(reader.resolve(word) or "" for _, word, _ in found[name].words(*MUST))
    return frozenset(needed)


def _edges(unit: BootUnit, found: Mapping[str, BootUnit], reader: Reader) -> Iterator[Edge]:
    for key, word, path in unit.words("Before", "After"):
        other = reader.resolve(word)
        if other is not None:
            first, then = (unit.name, other) if key == "Before" else (other, unit.name)
            yield Edge(first, then, path or None, f"{key}={word}")
    if unit.kind == "target" and unit.default:
        yield from _of_target(unit, found, reader)
    yield from _by_kind(unit, reader)
    yield from _by_mounts(unit, found)


def _of_target(unit: BootUnit, found: Mapping[str, BootUnit], reader: Reader) -> Iterator[Edge]:
    """A target is after what it pulls in, unless it is said to be before it."""
    before = {reader.resolve(word) for _, word, _ in unit.words("Before")}
    pulled = {word: path for _, word, path in unit.words(*PULLS, "Requisite")}
    for word, path in pulled.items():
        other = found.get(reader.resolve(word) or "")
        if other is None or not other.default or other.name in before or _is_after(other, unit.name, reader):
            continue
        yield Edge(other.name, unit.name, path if posixpath.basename(path) == word else None)


def _is_after(unit: BootUnit, name: str, reader: Reader) -> bool:
    after = (word for _, word, _ in unit.words("After"))
    return any(reader.resolve(word) == name for word in (*after, *_default_after(unit)))


def _default_after(unit: BootUnit) -> tuple[str, ...]:
    if not unit.default:
        return ()
    kinds: Mapping[str, tuple[str, ...]] = {
        "service": ("sysinit.target", "basic.target"),
        "socket": ("sysinit.target",),
        "path": ("sysinit.target",),
        "timer": ("sysinit.target", *(("time-set.target", "time-sync.target") if "calendar" in unit.values else ())),
        "automount": ("local-fs-pre.target",),
        "mount": (f"{unit.values.get('target', 'local-fs.target').partition('.')[0]}-pre.target",),
    }
    return kinds.get(unit.kind, ())


def _by_kind(unit: BootUnit, reader: Reader) -> Iterator[Edge]:
    for word in (*_default_after(unit), *_of_service(unit)):
        other = reader.resolve(word)
        if other is not None:
            yield Edge(other, unit.name)
    for word in _before(unit):
        other = reader.resolve(word)
        if other is not None:
            yield Edge(unit.name, other)


def _of_service(unit: BootUnit) -> Iterator[str]:
    if unit.kind != "service":
        return
    if unit.values.get("Type") == "dbus":
        yield "dbus.socket"
    if any(
        unit.values.get(f"Standard{one}", "inherit" * (one == "Error")) in TO_JOURNAL for one in ("Output", "Error")
    ):
        yield "systemd-journald.socket"
    if unit.values.get("PrivateTmp", "no").lower() not in (*NO, "disconnected"):
        yield "systemd-tmpfiles-setup.service"
    yield from (word for _, word, _ in unit.words("Sockets"))


def _before(unit: BootUnit) -> Iterator[str]:
    stem = unit.name.rpartition(".")[0]
    if unit.kind in ("socket", "timer", "path"):
        named = unit.values.get("Service" if unit.kind == "socket" else "Unit")
        yield named or f"{stem}.service"
    if unit.default and unit.kind in AT:
        yield AT[unit.kind]
    if unit.default and unit.kind == "automount":
        yield "local-fs.target"
    if unit.default and unit.kind == "mount" and "nofail" not in unit.values.get("Options", "").split(","):
        yield unit.values.get("target", "local-fs.target")


def _by_mounts(unit: BootUnit, found: Mapping[str, BootUnit]) -> Iterator[Edge]:
    """After the mounts of directories that it needs, and a mount after the one above it."""
    wanted = [(word, f"{key}={word}", path) for key, word, path in unit.words("RequiresMountsFor", "WantsMountsFor")]
    if unit.kind == "mount":
        wanted.append((posixpath.dirname(unit.values.get("Where", "/")), "", ""))
    for key, base in (("StateDirectory", "/var/lib"), ("CacheDirectory", "/var/cache"), ("LogsDirectory", "/var/log")):
        wanted.extend((f"{base}/{word}", "", "") for word in unit.values.get(key, "").split()[:MOST_PATHS])
    for path, word, origin in wanted[:MOST_PATHS]:
        for other in found.values():
            where = other.values.get("Where", "") if other.kind == "mount" else ""
            if where not in ("", "/") and f"{path}/".startswith(f"{where}/") and other is not unit:
                yield Edge(other.name, unit.name, origin or None, word)
