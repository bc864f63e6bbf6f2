"""Mounts with noexec where agents and extensions put programs and run them.

Hardening guides want noexec on /tmp and /var/tmp, and people put it on /var too. waagent runs each extension's own
programs from its library, cloud-init a user's scripts from /var/lib/cloud, and both fail there with "Permission
denied"; some extensions unpack programs in /tmp (WALinuxAgent issue 2207).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host import Host
from azpreflight.model import Finding, Run, Severity, Verdict
from azpreflight.probes.agents.facts import AgentsFacts
from azpreflight.text import plain

FSTAB = "/etc/fstab"
MOUNTS = "/proc/self/mounts"
CLOUD = "/var/lib/cloud"
SIMPLE = re.compile(r"[\w/.-]+$", re.ASCII)
"""Paths that a command can have in it as they are."""
OPTIONS = ("noexec", "exec", "nosuid", "nodev", "ro", "rw", "defaults", "nofail", "noauto", "bind", "user", "users")
"""Those that are kept; of a network filesystem one may be a password."""
TEMPORARY = "/tmp"  # noqa: S108 - a directory that is judged, not used


@dataclass(frozen=True)
class Mount:
    """A mount point and its options."""

    point: str
    options: tuple[str, ...]
    source: str
    """The file that says so."""


@dataclass(frozen=True)
class Barrier:
    """A directory whose programs cannot be run."""

    directory: str
    mount: Mount


def barriers(host: Host, run: Run) -> tuple[Barrier, ...]:
    """The directories that matter and are under noexec, by fstab and by what is mounted now."""
    tables = [parse(host.text(FSTAB) or "", FSTAB)]
    if not run.offline:
        tables.append(parse(host.text(MOUNTS) or "", MOUNTS))
    found = (_barrier(directory, tables) for directory in _directories(run.facts(AgentsFacts)))
    return tuple(barrier for barrier in found if barrier is not None)


def parse(text: str, source: str) -> tuple[Mount, ...]:
    """The mounts of fstab(5), or of /proc/self/mounts, which has the same form."""
    rows = (line.split() for line in text.splitlines() if not line.lstrip().startswith("#"))
    return tuple(
        Mount(row[1], tuple(option for option in row[3].split(",") if option in OPTIONS), source)
        for row in rows
        if len(row) >= 4
    )


def judge(found: Sequence[Barrier]) -> Iterator[Verdict]:
    """A warning for where extensions and scripts live, a note for /tmp."""
    for barrier in found:
        point, source = plain(barrier.mount.point), barrier.mount.source
        temporary = barrier.directory == TEMPORARY
        what = "extensions that unpack programs there fail" if temporary else "extensions and scripts cannot be run"
        yield Finding(
            Severity.NOTE if temporary else Severity.WARNING,
            f"{point} is mounted noexec ({source}), and {barrier.directory} is on it: {what}",
            "Mount it without noexec." if not temporary else "Leave noexec out if an extension fails there.",
            (rf"sed -i '\#[[:space:]]{point}[[:space:]]#s/\bnoexec\b/exec/' {FSTAB}",)
            if source == FSTAB and SIMPLE.match(point)
            else (),
        )


def _directories(agents: Optional[AgentsFacts]) -> tuple[str, ...]:
    if agents is None or not (agents.waagent.installed or agents.cloud_init.installed):
        return ()
    library = agents.waagent.config.lib_dir if agents.waagent.config is not None else "/var/lib/waagent"
    own = ((agents.waagent.installed, library), (agents.cloud_init.installed, CLOUD), (True, TEMPORARY))
    return tuple(directory for wanted, directory in own if wanted)


def _barrier(directory: str, tables: Sequence[Sequence[Mount]]) -> Optional[Barrier]:
    for mounts in tables:
        over = [mount for mount in mounts if f"{directory}/".startswith(f"{mount.point.rstrip('/')}/")]
        over.sort(key=lambda mount: len(mount.point))
        if over and "noexec" in over[-1].options:
            return Barrier(directory, over[-1])
    return None
