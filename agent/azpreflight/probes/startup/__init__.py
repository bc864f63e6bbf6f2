"""Whether the boot of a new VM comes to its agents: what is started, mounted, and brought up on the way.

The image worked on the machine that it was made on, with that one's disk, memory and network. What a new VM has
otherwise ends its boot in a shell that nobody sees, and the platform reports OSProvisioningTimedOut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from azpreflight.host import Host, HostError
from azpreflight.model import ALL_PROFILES, Cause, Check, Judge, Probe, Profile, Run, Severity, Stage, Unknown, Verdict
from azpreflight.probes.startup import entry, filesystems, memory, nic, selinux, target, volumes
from azpreflight.probes.startup.entry import EntryFacts
from azpreflight.probes.startup.filesystems import FilesystemFacts
from azpreflight.probes.startup.memory import MemoryFacts
from azpreflight.probes.startup.nic import NicFacts
from azpreflight.probes.startup.selinux import SelinuxFacts
from azpreflight.probes.startup.target import TargetFacts
from azpreflight.probes.startup.volumes import VolumeFacts

__all__ = ["PROBE", "StartupFacts"]

WORST_CASE_S = 2.0
"""Seconds: files answer at once, unless a mount hangs, which costs the host's deadline for one call."""


@dataclass(frozen=True)
class StartupFacts:
    """All that was found, subject by subject. None: that subject could not be read, and `errors` says why."""

    entry: Optional[EntryFacts] = None
    filesystems: Optional[FilesystemFacts] = None
    memory: Optional[MemoryFacts] = None
    volumes: Optional[VolumeFacts] = None
    target: Optional[TargetFacts] = None
    nic: Optional[NicFacts] = None
    selinux: Optional[SelinuxFacts] = None
    errors: Mapping[str, str] = field(default_factory=dict)
    """Why a subject could not be read, by the name of its field."""


LOOKS: Mapping[str, Callable[[Host, Run], Any]] = {
    "entry": entry.look,
    "filesystems": filesystems.look,
    "memory": memory.look,
    "volumes": volumes.look,
    "target": target.look,
    "nic": nic.look,
    "selinux": selinux.look,
}


def gather(host: Host, run: Run) -> StartupFacts:
    """Every subject; one that cannot be read does not take the others with it."""
    found: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, look in LOOKS.items():
        try:
            found[name] = look(host, run)
        except HostError as error:
            errors[name] = str(error)
    return StartupFacts(**found, errors=errors)


def part(name: str, judge: Callable[[Any, Run], Iterator[Verdict]]) -> Judge:
    """The judge of one subject as a judge of the whole."""

    def judge_part(facts: StartupFacts, run: Run) -> Iterator[Verdict]:
        subject = getattr(facts, name)
        if subject is None:
            yield Unknown(facts.errors.get(name, f"{name} was not read"))
        else:
            yield from judge(subject, run)

    return judge_part


def _check(
    name: str, title: str, judge: Judge, severity: Severity = Severity.ERROR, profiles: Any = ALL_PROFILES
) -> Check:
    return Check(
        name,
        title,
        judge,
        severity,
        cause=Cause.BOOT_CONFIG,
        stages=(Stage.BUILD, Stage.CAPTURE),
        profiles=profiles,
        offline=True,
    )


PROBE = Probe(
    name="startup",
    facts=StartupFacts,
    gather=gather,
    needs=("agents",),
    checks=(
        _check(
            "boot-entry", "the kernel and initramfs of the boot loader's entry are there", part("entry", entry.judge)
        ),
        _check(
            "boot-filesystems",
            "the kernel has a driver for each file system that must be mounted",
            part("filesystems", filesystems.judge),
        ),
        _check(
            "boot-memory",
            "no huge pages and no limit of memory are made for one size of VM",
            part("memory", memory.judge),
            Severity.WARNING,
        ),
        _check("boot-volumes", "LVM takes the disk of a new VM", part("volumes", volumes.judge)),
        _check(
            "boot-target",
            "the default target is one of a running machine, and no unit of every boot is masked",
            part("target", target.judge),
        ),
        _check(
            "boot-nic",
            "a network manager starts and has or gets a configuration for the NIC",
            part("nic", nic.judge),
            profiles=(Profile.GENERALIZED,),
        ),
        _check(
            "boot-selinux",
            "where SELinux enforces, the files of a boot and a login are labelled",
            part("selinux", selinux.judge),
        ),
    ),
)
