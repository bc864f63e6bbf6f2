"""Whether systemd goes to the target of a running machine, with what a login needs on the way.

An image that was repaired is left with rescue.target as its default, and a hardened one with a unit masked without
which nobody but root logs in (systemd.special(7); systemd-user-sessions.service(8)).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import package_database
from azpreflight.host import Host, systemd
from azpreflight.host.systemd import UnitState
from azpreflight.model import Finding, Run, Severity, Verdict
from azpreflight.probes.startup.check import check
from azpreflight.probes.subjects import part
from azpreflight.text import plain, several

DEFAULT = "/etc/systemd/system/default.target"
INITS = ("/sbin/init", "/etc/init", "/bin/init", "/usr/lib/systemd/systemd", "/lib/systemd/systemd")
ENDS = (
    "rescue.target",
    "emergency.target",
    "halt.target",
    "poweroff.target",
    "reboot.target",
    "kexec.target",
    "exit.target",
)
"""Targets that no agent is started in."""
NEEDED = {
    "multi-user.target": "no agent is started",
    "basic.target": "nothing is started",
    "sysinit.target": "nothing is started",
    "local-fs.target": "nothing is mounted",
    "network.target": "what waits for the network is not ordered after it",
    "systemd-user-sessions.service": "nobody but root can log in",
    "systemd-udevd.service": "disks and the NIC get no names",
    "systemd-udev-trigger.service": "disks and the NIC get no names",
    "dbus.service": "systemctl, and with it the agents, cannot ask systemd",
    "dbus.socket": "systemctl, and with it the agents, cannot ask systemd",
    "systemd-remount-fs.service": "the root filesystem stays read-only where the boot loader has ro",
}
"""Units of every boot, and what happens without each."""


@dataclass(frozen=True)
class TargetFacts:
    """Where a boot goes."""

    default: Optional[str] = None
    """The name that default.target is a link to; None: the distribution's."""
    dangling: bool = False
    no_init: bool = False
    """The image is a whole one, and has no program for the kernel to start."""
    masked: tuple[str, ...] = ()
    """Units of every boot that are masked."""


def look(host: Host, run: Run) -> TargetFacts:
    """Links only."""
    info = host.info(DEFAULT, follow=False)
    target = info.target if info is not None else None
    null = target == "/dev/null"
    return TargetFacts(
        default=target.rpartition("/")[2] if target is not None else None,
        dangling=target is not None and not null and not _exists(host, target.rpartition("/")[2]),
        no_init=package_database.is_whole(host) and all(host.info(path) is None for path in INITS),
        masked=tuple(name for name in NEEDED if systemd.unit(host, name).state is UnitState.MASKED),
    )


def _exists(host: Host, name: str) -> bool:
    """A unit of that name; where the image has no targets at all, it is a tree for tests."""
    if not any(host.glob(f"{base}/*.target") for base in systemd.UNIT_PATHS[1:]):
        return True
    return any(host.info(f"{base}/{name}", follow=False) is not None for base in systemd.UNIT_PATHS)


def judge(facts: TargetFacts, run: Run) -> Iterator[Verdict]:
    """The default target is one of a running machine, and nothing on the way is masked."""
    if facts.default in (*ENDS, "null") or facts.dangling:
        yield Finding(
            Severity.ERROR,
            f"default.target is {plain(facts.default or '')}{', which is not there' if facts.dangling else ''}: a VM"
            " does not come up, and no agent runs",
            "Set the default target.",
            ("ln -sf /usr/lib/systemd/system/multi-user.target /etc/systemd/system/default.target",),
        )
    if facts.no_init:
        yield Finding(
            Severity.ERROR,
            f"no init is there (looked for {several(INITS)}): the kernel ends in a panic",
            "Install the distribution's init again (Debian: systemd-sysv).",
        )
    for name in facts.masked:
        yield Finding(
            Severity.ERROR if name != "network.target" else Severity.WARNING,
            f"{name} is masked: {NEEDED[name]}",
            "Unmask it.",
            (f"systemctl unmask {name}",),
        )


CHECKS = (
    check(
        "boot-target",
        "the default target is one of a running machine, and no unit of every boot is masked",
        part("target", judge),
    ),
)
