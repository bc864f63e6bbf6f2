"""The file `provisioned`, in which waagent writes the id of the VM that it provisioned.

With another VM's id in it waagent says nothing on the console, reports Ready and skips provisioning: the VM looks well
and has neither user nor key nor host name (WALinuxAgent, azurelinuxagent/pa/provision/default.py). cloud-init decides
by its own instance id and does not look at this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host import Host
from azpreflight.model import (
    ALL_PROFILES,
    ALL_STAGES,
    Finding,
    NotApplicable,
    Profile,
    Run,
    Severity,
    Stage,
    Unknown,
    Verdict,
)
from azpreflight.probes.agents.facts import Provisioner
from azpreflight.probes.generalization.check import ERROR, check
from azpreflight.probes.generalization.leftover import agents_of, config_of, leftover
from azpreflight.probes.platform.facts import PlatformFacts
from azpreflight.probes.subjects import part
from azpreflight.text import files, plain

PRODUCT_UUID = "/sys/class/dmi/id/product_uuid"


@dataclass(frozen=True)
class SentinelFacts:
    """The sentinel, and the id of this VM."""

    path: str
    provisioned: Optional[str] = None
    """The id in it; None: no such file. Empty: a very old agent wrote it."""
    vm_id: Optional[str] = None
    """This VM's SMBIOS UUID; None with a mounted image, without a sentinel, or where the firmware shows none."""
    written: Optional[float] = None
    """When it was written, in seconds since the epoch; None: no such file."""


def look(host: Host, run: Run) -> SentinelFacts:
    """Both as they are written."""
    path = f"{config_of(run).lib_dir}/provisioned"
    content = host.text(path, 4096)
    info = host.info(path) if content is not None else None
    vm_id = None if run.offline or content is None else host.text(PRODUCT_UUID, 4096)
    return SentinelFacts(
        path=path,
        provisioned=plain(content.strip()) if content is not None else None,
        vm_id=vm_id.strip().lower() if vm_id else None,
        written=info.modified if info is not None else None,
    )


def same_vm(one: str, other: str) -> bool:
    """True for the same UUID, in either case and with either byte order of its first three groups.

    The order differs between SMBIOS 2.6 and what came before, and between what the kernel and the platform show.
    """
    one, other = one.strip().lower(), other.strip().lower()
    return one == other or swapped(one) == other


def swapped(uuid: str) -> str:
    """The UUID with the bytes of its first three groups reversed; itself if it is none."""
    groups = uuid.split("-")
    if [len(group) for group in groups] != [8, 4, 4, 4, 12]:
        return uuid
    turned = ["".join(reversed([group[at : at + 2] for at in range(0, len(group), 2)])) for group in groups[:3]]
    return "-".join((*turned, *groups[3:]))


def judge(facts: SentinelFacts, run: Run) -> Iterator[Verdict]:
    """No sentinel that would keep a new VM from being provisioned."""
    if run.profile is Profile.SPECIALIZED:
        yield from _judge_specialized(facts, run)
    elif facts.provisioned is None:
        return
    elif run.stage is not Stage.FIRSTBOOT:
        yield _left_behind(facts, run)
    else:
        yield from _judge_first_boot(facts, facts.provisioned, run)


def _judge_first_boot(facts: SentinelFacts, provisioned: str, run: Run) -> Iterator[Verdict]:
    """The id in it is this VM's, which the instance metadata service tells too where the firmware does not."""
    platform = run.facts(PlatformFacts)
    instance = platform.instance if platform is not None else None
    vm_id = facts.vm_id or (instance.vm_id if instance is not None else None)
    if vm_id is None:
        yield Unknown("the id of this VM is not known")
    elif not same_vm(provisioned, vm_id):
        yield _of_another_vm(replace(facts, vm_id=vm_id), run)


def _blocks(run: Run) -> bool:
    agents = agents_of(run)
    return agents.waagent.installed and not (agents.cloud_init_provisions or agents.azure_init_provisions)


def _left_behind(facts: SentinelFacts, run: Run) -> Finding:
    if not _blocks(run):
        message = f"{facts.path} is left, without consequence where waagent does not provision"
        severity = Severity.NOTE
    else:
        message = f"{facts.path} is left: a new VM would be reported Ready without user, key and host name"
        severity = Severity.ERROR
    return leftover(
        run,
        severity,
        message,
        "Deprovision this machine before it is captured.",
        (f"rm -f {files([facts.path])}",),
        cleaned=True,
        evidence=_evidence(facts),
    )


def _of_another_vm(facts: SentinelFacts, run: Run) -> Finding:
    silent = _blocks(run)
    consequence = "waagent provisions nothing and reports Ready" if silent else "the VM is provisioned all the same"
    return Finding(
        Severity.ERROR if silent else Severity.NOTE,
        f"{facts.path} names another VM: the image was not generalised, and {consequence}",
        "Make the image again from a machine that was deprovisioned.",
        (f"rm -f {files([facts.path])}",),
        _evidence(facts),
    )


def _evidence(facts: SentinelFacts) -> dict[str, str]:
    seen = {"provisioned": facts.provisioned or "empty"}
    return {**seen, "vm id": facts.vm_id} if facts.vm_id else seen


def _judge_specialized(facts: SentinelFacts, run: Run) -> Iterator[Verdict]:
    """A specialised image must keep it, or waagent takes the copy for a new VM."""
    if agents_of(run).provisioner is not Provisioner.WAAGENT:
        yield NotApplicable("waagent does not provision here")
    elif facts.provisioned is None:
        yield Finding(
            Severity.WARNING,
            f"{facts.path} is missing: waagent would provision a VM from this specialised image as a new one",
            "Capture a machine that was provisioned, and do not deprovision it.",
        )


CHECKS = (
    check(
        "gen-provisioned-sentinel",
        "waagent has no marker of an already provisioned VM",
        part("sentinel", judge),
        ERROR,
        stages=ALL_STAGES,
        profiles=ALL_PROFILES,
        reads=("platform",),
    ),
)
