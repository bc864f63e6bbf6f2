"""What in a VM that has started is older than its first boot, and so came in with the image. Pure.

At first boot most traces are gone: waagent rewrites its sentinel, and cloud-init its instance. But host keys and the
machine id of a VM from a generalised image are made by its first boot. Where they are older than that by hours, all
VMs of the image have the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from azpreflight.model import ALL_STAGES, Confidence, Finding, Judge, NotApplicable, Run, Severity, Stage, Verdict
from azpreflight.probes.generalization import hostkeys, machine_identity
from azpreflight.probes.generalization.check import ERROR, WARNING, check
from azpreflight.probes.generalization.facts import GeneralizationFacts
from azpreflight.probes.subjects import part

MARGIN = 3600.0
"""Seconds: the agents write their marks within half an hour of the boot that makes keys and ids, and a clock that
was set at first boot is off by less."""


def first_boot(facts: GeneralizationFacts) -> Optional[float]:
    """The earliest mark of this VM's own provisioning, in seconds since the epoch; None without any."""
    sentinel = facts.sentinel.written if facts.sentinel is not None else None
    linked = facts.cloud_state.linked if facts.cloud_state is not None else None
    return min((mark for mark in (sentinel, linked) if mark is not None), default=None)


def judge_host_keys(facts: GeneralizationFacts, run: Run) -> Iterator[Verdict]:
    """The host keys were made by this VM."""
    newest = facts.host_keys.newest if facts.host_keys is not None else None
    yield from _older(
        facts, newest, "the SSH host keys of this VM are", ("rm -f /etc/ssh/ssh_host_*key*", "ssh-keygen -A")
    )


def judge_machine_id(facts: GeneralizationFacts, run: Run) -> Iterator[Verdict]:
    """The machine id was made by this VM."""
    written = facts.identity.machine_id_written if facts.identity is not None and facts.identity.machine_id else None
    yield from _older(
        facts, written, "the machine id of this VM is", ("rm -f /etc/machine-id", "systemd-machine-id-setup")
    )


def _older(
    facts: GeneralizationFacts, made: Optional[float], what: str, commands: tuple[str, ...]
) -> Iterator[Verdict]:
    began = first_boot(facts)
    if began is None or made is None:
        yield NotApplicable("nothing tells when this VM was provisioned")
    elif made < began - MARGIN:
        yield Finding(
            Severity.WARNING,
            f"{what} {(began - made) / 3600:.0f} h older than its first boot, and the same on all VMs of the image",
            "Generalise the image, and make new ones on this VM.",
            commands,
            confidence=Confidence.LIKELY,
            confidence_reason="a file with a false time, or a disk that was moved to this VM, looks the same",
        )


def by_age(before: Judge, after: Judge) -> Judge:
    """What is in the image is judged by `before`; what a VM that has started has, by its age."""

    def judge_by_age(facts: GeneralizationFacts, run: Run) -> Iterator[Verdict]:
        yield from (after if run.stage is Stage.FIRSTBOOT else before)(facts, run)

    return judge_by_age


CHECKS = (
    check(
        "gen-ssh-host-keys",
        "new VMs get their own SSH host keys",
        by_age(part("host_keys", hostkeys.judge), judge_host_keys),
        ERROR,
        stages=ALL_STAGES,
    ),
    check(
        "gen-machine-id",
        "every new VM generates its own machine-id",
        by_age(part("identity", machine_identity.judge_machine_id), judge_machine_id),
        WARNING,
        stages=ALL_STAGES,
    ),
)
