"""The state of a systemd unit as its files and links tell it: the same for a running system and for a mounted image.

Nothing is asked of systemd: an image has none running, and in a chroot `systemctl is-enabled` itself does no more than
this. What holds only until the next boot (/run) is left out, because a VM made from the image starts without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Optional

from azpreflight.host.api import FileInfo, FileKind, Host

UNIT_PATHS = (
    "/etc/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
"""Where units are looked for, first found first, without /run and the generators (systemd.unit(5))."""


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


def is_masked(info: FileInfo) -> bool:
    """It cannot be started, whoever wants it."""
    return info.target == "/dev/null" or (info.kind is FileKind.FILE and info.size == 0)


def _wanted(host: Host, name: str) -> bool:
    patterns = (f"{path}/*.{kind}/{name}" for path in UNIT_PATHS for kind in ("wants", "requires"))
    return any(host.glob(pattern) for pattern in patterns)


def _has_systemd(host: Host) -> bool:
    """Then a unit hides the init script of its name."""
    return any(host.info(f"{directory}/systemd/systemd") is not None for directory in ("/usr/lib", "/lib"))


def _init_script(host: Host, name: str) -> bool:
    """System V run levels 2 to 5, and OpenRC."""
    service = name.rpartition(".")[0]
    return bool(host.glob(f"/etc/rc[2345].d/S[0-9][0-9]{service}") or host.glob(f"/etc/runlevels/*/{service}"))
