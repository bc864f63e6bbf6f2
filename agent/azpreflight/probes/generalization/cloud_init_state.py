"""cloud-init's memory of the build VM.

Most of it does no harm: cloud-init notices by itself that the VM is another one and does everything again. Three things
stop it. `manual-clean` makes it trust the old VM's data, `reported_ready` makes it wait for a second deployment that
never comes, and a seed is taken for the provisioning disc. User data of the build VM, with whatever secrets were in it,
stays readable in every VM (cloud-init, cloudinit/stages.py, cloudinit/sources/DataSourceAzure.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host import FileKind, Host
from azpreflight.model import ALL_STAGES, Confidence, Finding, Run, Severity, Stage, Verdict
from azpreflight.probes.generalization.check import ERROR, check
from azpreflight.probes.generalization.leftover import CLEAN, agents_of, filled, leftover, matching
from azpreflight.probes.generalization.provisioned_marker import same_vm
from azpreflight.probes.subjects import part
from azpreflight.text import files, plain, several

STATE = "/var/lib/cloud"
MANUAL_CLEAN = f"{STATE}/instance/manual-clean"
REPORTED_READY = f"{STATE}/data/reported_ready"
OVF_SEED = f"{STATE}/seed/azure/ovf-env.xml"
SET_HOSTNAME = f"{STATE}/data/set-hostname"
NO_INSTANCE = "NO_PREVIOUS_INSTANCE_ID"
"""What cloud-init writes where there was none before (cloudinit/stages.py)."""


@dataclass(frozen=True)
class CloudStateFacts:
    """What is under /var/lib/cloud."""

    instance: Optional[str] = None
    """Where the link `instance` points; None: there is none, as on a cleaned machine."""
    linked: Optional[float] = None
    """When the link was made, in seconds since the epoch: when this instance was first seen; None: no link."""
    blockers: tuple[str, ...] = ()
    """Those of manual-clean, reported_ready and the ovf-env.xml seed that are there."""
    host_name_memory: bool = False
    """data/set-hostname: a VM with the old one's name keeps the name that deprovisioning left."""
    user_data: tuple[str, ...] = ()
    """Files with the build VM's user data in them."""
    remains: tuple[str, ...] = ()
    """Any other file that it keeps for itself."""
    instance_id: Optional[str] = None
    previous_id: Optional[str] = None
    """data/instance-id and data/previous-instance-id; None: no such file, or none before."""


def look(host: Host, run: Run) -> CloudStateFacts:
    """Names and ids only."""
    link = host.info(f"{STATE}/instance", follow=False)
    present = (path for path in (MANUAL_CLEAN, REPORTED_READY, OVF_SEED) if host.info(path) is not None)
    is_link = link is not None and link.kind is FileKind.LINK
    return CloudStateFacts(
        instance=plain(link.target or "") if link is not None and is_link else None,
        linked=link.modified if link is not None and is_link else None,
        blockers=tuple(present),
        host_name_memory=host.info(SET_HOSTNAME) is not None,
        user_data=filled(host, matching(host, (f"{STATE}/instances/*/user-data.txt",))),
        remains=filled(host, matching(host, (f"{STATE}/data/*", f"{STATE}/sem/*", f"{STATE}/instances/*/sem/*"))),
        instance_id=_id(host, "instance-id"),
        previous_id=_id(host, "previous-instance-id"),
    )


def _id(host: Host, name: str) -> Optional[str]:
    text = (host.text(f"{STATE}/data/{name}", 4096) or "").strip()
    return plain(text) if text and text != NO_INSTANCE else None


def judge(facts: CloudStateFacts, run: Run) -> Iterator[Verdict]:
    """cloud-init would take a new VM for a new one, and finds nothing of the old one."""
    if run.stage is Stage.FIRSTBOOT:
        yield from _judge_first_boot(facts)
        return
    provisions = agents_of(run).cloud_init_provisions
    for path in facts.blockers:
        yield _blocked(run, path, Severity.ERROR if provisions else Severity.NOTE)
    if facts.user_data:
        message = f"user data of this VM, which may hold secrets: {several(facts.user_data)}"
        yield _left(run, Severity.WARNING, message, facts.user_data)
    elif facts.instance is not None and not facts.blockers:
        message = f"{STATE}/instance still points to this VM's state, which cloud-init leaves alone on a new VM"
        yield _left(run, Severity.NOTE, message, (f"{STATE}/instance", f"{STATE}/instances"))
    elif facts.remains and not facts.blockers and not (facts.host_name_memory and provisions):
        message = f"cloud-init's memory of this VM, which it leaves alone on a new VM: {several(facts.remains)}"
        yield _left(run, Severity.NOTE, message, facts.remains)
    if facts.host_name_memory and provisions:
        message = f"{SET_HOSTNAME} is left: a new VM with this one's name would not get its name set"
        yield _left(run, Severity.WARNING, message, (SET_HOSTNAME,))


def _blocked(run: Run, path: str, severity: Severity) -> Finding:
    why = {
        MANUAL_CLEAN: "cloud-init would take a new VM for this one and never report Ready",
        REPORTED_READY: "cloud-init would wait for a second deployment and never report Ready",
        OVF_SEED: "cloud-init would provision every VM from this file instead of its own disc",
    }[path]
    return _left(run, severity, f"{path} is left: {why}", (path,))


def _left(run: Run, severity: Severity, message: str, paths: tuple[str, ...]) -> Finding:
    installed = agents_of(run).cloud_init.installed
    commands = (CLEAN,) if installed else (f"rm -rf {files(paths)}",)
    return leftover(run, severity, message, "Clean cloud-init's state before capture.", commands, cleaned=False)


def _judge_first_boot(facts: CloudStateFacts) -> Iterator[Verdict]:
    """The same VM's later boots have the same id twice; another id is that of the machine the image was made from."""
    if facts.instance_id is None or facts.previous_id is None or same_vm(facts.instance_id, facts.previous_id):
        return
    yield Finding(
        Severity.NOTE,
        f"cloud-init found the state of another VM in the image ({facts.previous_id}) and provisioned this one again",
        "Clean cloud-init's state before the image is captured.",
        (CLEAN,),
        {"instance id": facts.instance_id, "previous instance id": facts.previous_id},
        confidence=Confidence.LIKELY,
        confidence_reason="a disk that was moved to this VM looks the same",
    )


CHECKS = (
    check(
        "gen-cloud-init-state",
        "cloud-init will detect a new instance",
        part("cloud_state", judge),
        ERROR,
        stages=ALL_STAGES,
    ),
)
