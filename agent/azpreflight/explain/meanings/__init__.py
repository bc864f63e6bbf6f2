"""What a signature means for the boot that it was seen in."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from azpreflight.azure.log_signatures import BY_ID, Step
from azpreflight.explain.meanings.agents import AGENTS
from azpreflight.explain.meanings.boot import BOOT
from azpreflight.explain.meanings.meaning import Meaning
from azpreflight.explain.meanings.network import NETWORK_LINES

__all__ = ["DONE", "MEANINGS", "REMARKS", "Meaning", "conclusive", "matters", "steps"]

MEANINGS: Mapping[str, Meaning] = {**AGENTS, **NETWORK_LINES, **BOOT}
"""By the id of the signature; every signature with a cause has one."""

REMARKS: Mapping[str, str] = {
    "provisioning-failed": "waagent reported ProvisioningFailed, or tried to",
    "cloud-init-failure": "cloud-init's Azure datasource failed",
    "cloud-init-reported-failure": "cloud-init reported ProvisioningFailed to the platform",
    "cloud-init-stage-failed": "a stage of cloud-init ended with an exception",
    "azure-init-failed": "azure-init reported ProvisioningFailed, or tried to",
    "agent-crashed": "waagent's daemon ended with an exception and started again",
    "hidden-exception": "waagent 2.7 hides its own exception on this Python",
    "extension-failed": "an extension ended with an error: its own log says why",
    "download-failed": "a package or a manifest was not downloaded",
    "kernel-oops": "the kernel met a fault of its own",
    "kernel-hung-task": "a program waited for the disk for minutes",
    "kernel-lockup": "a processor was stuck in the kernel",
    "kernel-stall": "a processor did not get to run: the host or the kernel is overloaded",
    "kernel-disk": "a disk has errors",
    "kernel-memory": "memory was not enough, and a program was killed",
    "kernel-crash-dump": "this kernel was started to save a crash dump of the one before",
    "unit-failed": "a unit failed to start",
    "dependency-failed": "a unit was not started, because what it needs failed",
    "ordering-cycle": "systemd did not start a unit, to break an ordering cycle",
}
"""Of lines that are worth knowing and have many causes."""

DONE = (
    *("already-provisioned", "azure-init-already", "waagent-saw-cloud-init-provision", "cloud-init-finished-azure"),
)
"""Signatures of an agent that has ended well, where the log does not show that Ready was reported."""


def steps(seen: Collection[str]) -> frozenset[Step]:
    """What these signatures show to be reached."""
    return frozenset(step for name in seen if (step := BY_ID[name].step) is not None)


def matters(seen: Collection[str]) -> bool:
    """These signatures show something of a boot."""
    return bool(steps(seen)) or any(name in MEANINGS for name in seen)


def conclusive(seen: Collection[str]) -> bool:
    """The boot came further than its kernel and its agent's first words, or they show what stopped it."""
    early = {Step.KERNEL, Step.ROOT, Step.INIT, Step.AGENT}
    return bool(steps(seen) - early) or any(name in MEANINGS or name in DONE for name in seen)
