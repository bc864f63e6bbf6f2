"""Judging the facts. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from azpreflight.guest import kernels, modprobe
from azpreflight.guest.kernels import Presence
from azpreflight.model import (
    Cause,
    Check,
    Confidence,
    Finding,
    Profile,
    Run,
    Severity,
    Verdict,
)
from azpreflight.probes.agents.facts import AgentsFacts, Provisioner
from azpreflight.probes.media import noexec
from azpreflight.probes.media.facts import DRIVES, IDE, UDF, MediaFacts
from azpreflight.text import several


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


CHECKS = (
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
)
