"""The state of a systemd unit as its files and links tell it: the same for a running system and for a mounted image.

Nothing is asked of systemd: an image has none running, and in a chroot `systemctl is-enabled` itself does no more than
this. What holds only until the next boot (/run) is left out, because a VM made from the image starts without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host.api import Host
from azpreflight.host.file_types import FileInfo, FileKind

RUNNING = "/run/systemd/system"
"""There where systemd runs (sd_booted(3))."""

UNIT_PATHS = (
    "/etc/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
"""Where units are looked for, first found first, without /run and the generators (systemd.unit(5))."""

TEXT_LIMIT = 64 * 1024
"""Bytes of a unit file or of a drop-in; none has 4 KiB."""
TARGETS = ("multi-user.target", "graphical.target", "sockets.target", "sysinit.target", "basic.target")
"""Targets of every boot, whose own file or drop-ins may name what they start."""
_STARTS = re.compile(r"^(?:Wants|Requires|Upholds|BindsTo)=(.*)$", re.MULTILINE)


class UnitState(str, Enum):
    """What the next boot will make of a unit."""

    ENABLED = "enabled"
    """Some target wants it, or an init script of its name is linked for a run level."""
    DISABLED = "disabled"
    MASKED = "masked"
    """Linked to /dev/null, or an empty file: it cannot be started."""
    ABSENT = "absent"


@dataclass(frozen=True)
class Unit:
    """A unit and its state."""

    name: str
    state: UnitState
    path: Optional[str] = None
    """The file that counts; None where there is none."""


def unit(host: Host, name: str) -> Unit:
    """The state of one unit, such as waagent.service."""
    found = ((f"{directory}/{name}", host.info(f"{directory}/{name}", follow=False)) for directory in UNIT_PATHS)
    path, info = next(((path, info) for path, info in found if info is not None), (None, None))
    if path is None or info is None:
        state = UnitState.ENABLED if _init_script(host, name) else UnitState.ABSENT
        return Unit(name, state)
    if is_masked(info):
        return Unit(name, UnitState.MASKED, path)
    wanted = _wanted(host, name) or (not _has_systemd(host) and _init_script(host, name))
    return Unit(name, UnitState.ENABLED if wanted else UnitState.DISABLED, path)


def best(host: Host, names: Sequence[str]) -> Unit:
    """Of units that go by several names, the one that is enabled, else that is there at all."""
    units = [unit(host, name) for name in names]
    order = list(UnitState)
    return min(units, key=lambda one: order.index(one.state))


def text(host: Host, found: Unit) -> str:
    """The file of a unit and its drop-ins, in which a later line replaces an earlier one; empty where it is masked.

    A masked unit is a link to a device, which is never opened. HostError where a file cannot be read.
    """
    if found.state is UnitState.MASKED:
        return ""
    return "\n".join(host.text(path, TEXT_LIMIT) or "" for path in (found.path, *drop_ins(host, found.name)) if path)


def drop_ins(host: Host, name: str) -> Iterator[str]:
    """The files that are dropped in beside a unit, those that count most last."""
    for base in UNIT_PATHS[::-1]:
        for path in host.glob(f"{base}/{name}.d/*.conf"):
            info = host.info(path, follow=False)
            if info is not None and not is_masked(info):
                yield path


def is_masked(info: FileInfo) -> bool:
    """It cannot be started, whoever wants it."""
    return info.target == "/dev/null" or (info.kind is FileKind.FILE and info.size == 0)


def _wanted(host: Host, name: str) -> bool:
    kinds = ("wants", "requires", "upholds")
    patterns = (f"{path}/*.{kind}/{name}" for path in UNIT_PATHS for kind in kinds)
    return any(host.glob(pattern) for pattern in patterns) or name in started_by_text(host)


def started_by_text(host: Host) -> frozenset[str]:
    """Units that a target of every boot names in its file or its drop-ins, as system extensions do with Upholds=."""
    files = (f"{base}/{name}" for name in TARGETS for base in UNIT_PATHS)
    paths = (*(path for path in files if _is_file(host, path)), *_target_drop_ins(host))
    texts = (host.text(path, TEXT_LIMIT) or "" for path in paths)
    return frozenset(word for one in texts for line in _STARTS.findall(one) for word in line.split())


def _target_drop_ins(host: Host) -> Iterator[str]:
    for base in UNIT_PATHS[::-1]:
        yield from (path for path in host.glob(f"{base}/*.target.d/*.conf") if _is_file(host, path))


def _is_file(host: Host, path: str) -> bool:
    info = host.info(path)
    return info is not None and info.kind is FileKind.FILE


def _has_systemd(host: Host) -> bool:
    """Then a unit hides the init script of its name."""
    return any(host.info(f"{directory}/systemd/systemd") is not None for directory in ("/usr/lib", "/lib"))


def _init_script(host: Host, name: str) -> bool:
    """System V run levels 2 to 5, and OpenRC."""
    service = name.rpartition(".")[0]
    return bool(host.glob(f"/etc/rc[2345].d/S[0-9][0-9]{service}") or host.glob(f"/etc/runlevels/*/{service}"))
