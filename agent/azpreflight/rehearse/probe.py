"""The checks of a rehearsal, as a probe of their own: `rehearse` brings its facts, and no other command asks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from azpreflight.host import HostError
from azpreflight.model import Cause, Check, Judge, Probe, Run, Severity, Stage
from azpreflight.rehearse import checks_boot, checks_vm
from azpreflight.rehearse.checks_boot import of_first
from azpreflight.rehearse.facts import RehearsalFacts

NAME = "rehearsal"


def gather(host: Any, run: Run) -> RehearsalFacts:
    """Of a machine that is inspected there are none."""
    raise HostError("only azpreflight rehearse boots an image")


def _check(name: str, title: str, judge: Judge, severity: Severity, cause: Cause = Cause.BOOT_CONFIG) -> Check:
    return Check(f"rehearsal-{name}", title, judge, severity, cause=cause, stages=(Stage.REHEARSAL,), offline=True)


CHECKS = (
    _check("devices", "the image has drivers for the emulator's devices", checks_boot.judge_devices, Severity.NOTE),
    _check("boots", "the kernel and init come up", of_first(checks_boot.judge_boots), Severity.ERROR),
    _check("console", "the serial console shows the boot", of_first(checks_boot.judge_console), Severity.WARNING),
    _check(
        "dhcp", "the VM takes an address by DHCP", of_first(checks_boot.judge_dhcp), Severity.ERROR, Cause.NO_NETWORK
    ),
    _check(
        "agents",
        "an agent connects to the platform",
        of_first(checks_boot.judge_agents),
        Severity.ERROR,
        Cause.NO_PROVISIONING_AGENT,
    ),
    _check(
        "ready",
        "the platform receives Ready",
        of_first(checks_boot.judge_ready),
        Severity.ERROR,
        Cause.NO_PROVISIONING_AGENT,
    ),
    _check("login", "the new user logs in by key and by password", of_first(checks_vm.judge_login), Severity.ERROR),
    _check(
        "custom-data",
        "custom data arrives",
        of_first(checks_vm.judge_custom_data),
        Severity.WARNING,
        Cause.AGENT_CONFIG,
    ),
    _check(
        "disk",
        "the root filesystem has room and takes the whole disk",
        of_first(checks_vm.judge_disk),
        Severity.ERROR,
    ),
    _check("extension", "an extension installs", checks_vm.judge_extension, Severity.ERROR, Cause.AGENT_CONFIG),
    _check("second-boot", "the VM boots a second time", checks_vm.judge_second_boot, Severity.ERROR),
    _check(
        "identity",
        "two VMs of the image share no identity",
        checks_vm.judge_identity,
        Severity.WARNING,
        Cause.NOT_GENERALIZED,
    ),
    _check(
        "budget",
        "provisioning takes less than half of the platform's time",
        of_first(checks_boot.judge_budget),
        Severity.WARNING,
    ),
)
PROBE: Probe[Any] = Probe(NAME, RehearsalFacts, gather, CHECKS)


def probe(causes: Mapping[str, Cause], judges: Mapping[str, Judge]) -> Probe[Any]:
    """The same where something else explains what failed: other causes and judges, by the id of the check."""
    checks = (
        replace(check, cause=causes.get(check.id, check.cause), judge=judges.get(check.id, check.judge))
        for check in CHECKS
    )
    return replace(PROBE, checks=tuple(checks))
