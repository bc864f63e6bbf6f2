"""The disc on which the platform hands a new VM its configuration, and what keeps Linux from reading it.

User name, password, keys and custom data come on a virtual DVD with a UDF filesystem and nothing else on it. waagent
mounts it, and without it provisions nothing; cloud-init takes what it can from the instance metadata instead, where no
password and no custom data are. Hardening guides (CIS 1.1.1) switch udf off because no server needs it, and minimal
kernels leave it out: the image works where it was built and is never provisioned again (WALinuxAgent,
azurelinuxagent/common/osutil/default.py, mount_dvd; cloud-init, cloudinit/sources/DataSourceAzure.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Optional

from azpreflight.guest import kernels, modprobe
from azpreflight.guest.kernels import Kernel, Presence
from azpreflight.guest.modprobe import Rule
from azpreflight.host import Host
from azpreflight.model import (
    Cause,
    Check,
    Confidence,
    Finding,
    Probe,
    Profile,
    Run,
    Severity,
    Verdict,
)
from azpreflight.probes.agents.facts import AgentsFacts, Provisioner
from azpreflight.probes.media import noexec
from azpreflight.probes.media.noexec import Barrier
from azpreflight.text import several

UDF = "udf"
DRIVES = ("sr_mod", "cdrom")
"""What every generation of VM needs for the drive; the generation's own controller comes on top of it."""
IDE = "ata_piix"
"""The controller of the drive in a generation 1 VM. In generation 2 it is hv_storvsc, which the disks need as well."""
WATCHED = (UDF, *DRIVES, IDE)
ALIASES: Mapping[str, str] = {UDF: "fs_udf"}
"""What the kernel asks for when the disc is mounted; the drivers have patterns for aliases."""

WORST_CASE_S = 2.0
"""One file on a disk that has died (host/local.py, FILE_TIMEOUT): the first failure ends it."""


@dataclass(frozen=True)
class MediaFacts:
    """What reading the provisioning disc takes."""

    kernels: tuple[Kernel, ...] = ()
    """Those with modules, the newest first, with the drivers that the disc needs."""
    boot_seen: bool = True
    """There are kernels under /boot."""
    blocked: Mapping[str, Rule] = field(default_factory=dict)
    """By driver, the line of modprobe.d that keeps a module of this name from being loaded."""
    arm: bool = False
    """The image is for ARM64, where every VM is of generation 2."""
    efi: Optional[bool] = None
    """The running system was started by UEFI, which only generation 2 has; None for a mounted image."""
    barriers: tuple[Barrier, ...] = ()
    """Mounts with noexec where agents and extensions run programs."""


def gather(host: Host, run: Run) -> MediaFacts:
    """Lists of modules, modprobe.d and mounts; nothing is loaded and nothing is mounted."""
    found = kernels.kernels(host, WATCHED)
    rules = modprobe.rules(host)
    blocked = {name: modprobe.blocking(rules, name, _needs(found, name), ALIASES.get(name)) for name in WATCHED}
    return MediaFacts(
        kernels=found,
        boot_seen=kernels.in_boot(host),
        blocked={name: rule for name, rule in blocked.items() if rule is not None},
        arm=kernels.is_arm(host),
        efi=None if run.offline else host.info("/sys/firmware/efi") is not None,
        barriers=noexec.barriers(host, run),
    )


def _needs(found: Sequence[Kernel], name: str) -> tuple[str, ...]:
    return found[0].drivers[name].needs if found else ()


def judge_filesystem(facts: MediaFacts, run: Run) -> Iterator[Verdict]:
    """UDF, the only filesystem of the disc, can be mounted."""
    if facts.kernels:
        yield from _judge_driver(UDF, facts, _severity(run))
    else:
        yield kernels.without_modules(facts.boot_seen)


def judge_drive(facts: MediaFacts, run: Run) -> Iterator[Verdict]:
    """The drive that holds the disc gets its drivers."""
    if not facts.kernels:
        yield kernels.without_modules(facts.boot_seen)
        return
    for name in DRIVES:
        yield from _judge_driver(name, facts, _severity(run))
    if facts.arm or facts.efi:
        return
    if facts.efi is False:
        yield from _judge_driver(IDE, facts, _severity(run))
    else:
        yield from (_for_generation_1(finding) for finding in _judge_driver(IDE, facts, Severity.WARNING))


def judge_noexec(facts: MediaFacts, run: Run) -> Iterator[Verdict]:
    """Nothing is mounted noexec where agents and extensions run programs."""
    return noexec.judge(facts.barriers)


def _severity(run: Run) -> Severity:
    """waagent cannot provision without the disc; cloud-init goes without password and custom data."""
    agents = run.facts(AgentsFacts)
    waagent = agents is not None and agents.provisioner is Provisioner.WAAGENT
    return Severity.ERROR if waagent else Severity.WARNING


def _judge_driver(name: str, facts: MediaFacts, severity: Severity) -> Iterator[Finding]:
    """By the kernel that starts, which is the newest; what only an older one lacks is a note."""
    newest, lacking = facts.kernels[0], kernels.without(facts.kernels, name)
    rule = facts.blocked.get(name)
    if rule is not None and newest.drivers[name].presence is Presence.MODULE:
        yield Finding(
            severity,
            f"{name} is blocked by {rule.where} ({rule.text}): {_consequence(severity)}",
            "Remove the line.",
            modprobe.comment_out(rule),
        )
    elif lacking:
        yield Finding(
            severity if newest.release in lacking else Severity.NOTE,
            f"{name} is missing from kernel {several(lacking)}: {_consequence(severity)}",
            "Install the package with the rest of this kernel's modules (linux-modules-extra, kernel-modules), or a "
            "kernel that has the driver.",
        )


def _consequence(severity: Severity) -> str:
    if severity is Severity.ERROR:
        return "waagent cannot read the provisioning disc, and provisions nothing"
    return "without the provisioning disc there is no password and no custom data"


def _for_generation_1(finding: Finding) -> Finding:
    return replace(
        finding, confidence=Confidence.LIKELY, confidence_reason="a VM of generation 2 has another controller"
    )


PROBE = Probe(
    name="media",
    facts=MediaFacts,
    gather=gather,
    needs=("agents",),
    checks=(
        Check(
            "media-filesystem",
            "the provisioning disc can be mounted",
            judge_filesystem,
            Severity.ERROR,
            cause=Cause.PROVISIONING_MEDIA,
            profiles=(Profile.GENERALIZED,),
            offline=True,
        ),
        Check(
            "media-drive",
            "the provisioning disc is detected",
            judge_drive,
            Severity.ERROR,
            cause=Cause.PROVISIONING_MEDIA,
            profiles=(Profile.GENERALIZED,),
            offline=True,
        ),
        Check(
            "media-noexec",
            "agent and extension directories are not mounted noexec",
            judge_noexec,
            Severity.WARNING,
            cause=Cause.AGENT_CONFIG,
            offline=True,
        ),
    ),
)
