"""Whether the agents are alive at this boot, and what cloud-init says went wrong. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from azpreflight.azure.addresses import IMDS, WIRE_SERVER
from azpreflight.guest.unit_runs import UnitRun
from azpreflight.model import (
    Cause,
    Check,
    Confidence,
    Finding,
    NotApplicable,
    Platform,
    Run,
    Severity,
    Stage,
    Unknown,
    Verdict,
)
from azpreflight.probes.agents.facts import AgentsFacts, Provisioner
from azpreflight.probes.agents.state import LATE_STAGES, LATE_UNITS, STATUS, CloudInitStatus, StageError
from azpreflight.text import count, plain

BY_WAAGENT = (Provisioner.WAAGENT, Provisioner.BOTH)
IMDS_SEED = "[seed=IMDS]"
WIRE_FLOW, METADATA_FLOW = f"tcp {WIRE_SERVER}:80", f"tcp {IMDS}:80"


def judge_units(facts: AgentsFacts, run: Run) -> Iterator[Verdict]:
    """No unit of an agent has failed, ends again and again, or was kept from starting."""
    if facts.state is None:
        yield NotApplicable("no agent is installed, or systemd does not run here")
        return
    if facts.state.units_error is not None:
        yield Unknown(facts.state.units_error)
    for unit in facts.state.units:
        what = _what(unit, run)
        if what is not None:
            severity, consequence = _consequence(unit.name, facts)
            yield Finding(
                severity,
                f"{plain(unit.name)} {what}: {consequence}",
                "Read in the journal why, and fix that.",
                (f"journalctl --unit {plain(unit.name)} --boot --no-pager", f"systemctl status {plain(unit.name)}"),
            )


def _what(unit: UnitRun, run: Run) -> Optional[str]:
    """What is wrong with it. Conditions such as ConditionVirtualization=microsoft are right elsewhere than on Azure."""
    if unit.failed:
        return f"has failed ({plain(unit.result)})"
    if unit.ends_again_and_again:
        return f"has been started again {unit.restarts} times, and ended every time"
    if unit.condition_failed and unit.active == "inactive" and run.platform is Platform.AZURE:
        return "was not started, because a condition of its unit does not hold"
    return None


def _consequence(unit: str, facts: AgentsFacts) -> tuple[Severity, str]:
    if unit == facts.waagent.unit.name:
        if facts.provisioner in BY_WAAGENT:
            return Severity.ERROR, "this VM is not provisioned"
        return Severity.WARNING, "extensions of this VM do not run"
    if facts.guest_proxy is not None and unit == facts.guest_proxy.unit.name:
        return Severity.WARNING, "a VM with the Metadata Security Protocol cannot talk to the platform"
    if unit in LATE_UNITS:
        return Severity.WARNING, "part of what cloud-init was to do is not done"
    return _of_cloud_init(facts), "cloud-init did not provision this VM, or not wholly"


def _of_cloud_init(facts: AgentsFacts) -> Severity:
    """What goes wrong with it stops the VM where nobody else provisions."""
    return Severity.WARNING if facts.provisioner in BY_WAAGENT else Severity.ERROR


def judge_cloud_init(facts: AgentsFacts, run: Run) -> Iterator[Verdict]:
    """cloud-init ran, found Azure, and met no error."""
    state, needed = facts.state, facts.provisioner not in BY_WAAGENT
    if state is None or not facts.cloud_init.installed:
        yield NotApplicable("cloud-init is not installed, or systemd does not run here")
    elif state.cloud_init_error is not None:
        yield Unknown(state.cloud_init_error)
    elif state.cloud_init is None and state.cloud_init_off and needed:
        yield Finding(
            Severity.ERROR,
            "cloud-init was switched off at this boot, as if this were no machine of a cloud",
            "Name Azure in its datasource_list, and take out what disables it.",
            ("cat /run/cloud-init/ds-identify.log /run/cloud-init/cloud-init-generator.log",),
            flow="any",
        )
    elif state.cloud_init is None and needed:
        yield Unknown(f"cloud-init has not written {STATUS}")
    elif state.cloud_init is not None:
        yield from _judge_status(state.cloud_init, facts, run)


def _judge_status(status: CloudInitStatus, facts: AgentsFacts, run: Run) -> Iterator[Finding]:
    """Where its data came from, what it passed over, and the errors of its stages."""
    source, needed = status.datasource, facts.provisioner not in BY_WAAGENT
    if status.no_data:
        yield _no_data(status, facts)
    elif run.platform is Platform.AZURE and source is not None and "Azure" not in source and needed:
        yield _wrong_source(source)
    elif source is not None and IMDS_SEED in source and needed:
        yield _from_imds(source)
    if status.no_yaml is not None:
        yield _no_yaml(status.no_yaml)
    for error in status.errors:
        yield _of_stage(error, facts)


def _no_data(status: CloudInitStatus, facts: AgentsFacts) -> Finding:
    why = f" ({plain(status.gave_up, 160)})" if status.gave_up is not None else ""
    return Finding(
        _of_cloud_init(facts),
        f"cloud-init found no data{why}: it made no user, and set neither host name nor keys",
        "Make the platform's endpoints or the provisioning disc readable, and start from the image again.",
        ("grep -n -E 'Azure|IMDS|DHCP' /var/log/cloud-init.log",),
        confidence=Confidence.LIKELY,
        confidence_reason="its own account",
        flow=METADATA_FLOW,
    )


def _from_imds(source: str) -> Finding:
    """It goes there for what the disc would say, and IMDS has neither (DataSourceAzure.py, crawl_metadata)."""
    return Finding(
        Severity.WARNING,
        "cloud-init could not read the provisioning disc and took its data from IMDS, which has neither custom data "
        "nor a password: a VM that was given them does not have them",
        "Let sr_mod, udf and iso9660 load, and before cloud-init looks for the disc.",
        ("grep -n -E 'sr0|not mountable|IMDS' /var/log/cloud-init.log", "blkid /dev/sr0"),
        {"datasource": plain(source)},
        confidence=Confidence.LIKELY,
        confidence_reason="one of the platform's pre-provisioned VMs gets them from the wire server later on",
    )


def _no_yaml(where: str) -> Finding:
    return Finding(
        Severity.WARNING,
        f"cloud-init passed over configuration that is no YAML ({plain(where)}): nothing of it was done",
        "Repair the custom data of the VM, or the file in /etc/cloud/cloud.cfg.d.",
        ("cloud-init schema --system", "grep -n -A9 'Failed loading yaml' /var/log/cloud-init.log"),
        confidence=Confidence.LIKELY,
        confidence_reason="its own account",
    )


def _wrong_source(source: str) -> Finding:
    return Finding(
        Severity.ERROR,
        f"cloud-init took its data from {plain(source)} and not from Azure: this VM is not provisioned",
        "Name Azure alone in datasource_list, and remove seeds of other datasources.",
        ("cloud-init query --list-keys", "cat /run/cloud-init/ds-identify.log"),
        flow="any",
    )


def _of_stage(error: StageError, facts: AgentsFacts) -> Finding:
    late = error.stage in LATE_STAGES
    return Finding(
        Severity.WARNING if late else _of_cloud_init(facts),
        f"cloud-init's stage {plain(error.stage)} met {count(error.count, 'error')}: {plain(error.error, 120)}",
        "Read its log for what led to this.",
        ("cloud-init status --long", "grep -n -A20 Traceback /var/log/cloud-init.log"),
        confidence=Confidence.LIKELY,
        confidence_reason="its own account; what it was to do may be done in part",
        flow=None if error.stage != "init-local" else METADATA_FLOW if "imds" in error.error.lower() else WIRE_FLOW,
    )


CHECKS = (
    Check(
        "agents-units",
        "no agent unit has failed",
        judge_units,
        Severity.ERROR,
        cause=Cause.NO_PROVISIONING_AGENT,
        depends_on=("agents-program",),
        stages=(Stage.FIRSTBOOT,),
    ),
    Check(
        "agents-cloud-init",
        "cloud-init detected Azure and reported no error",
        judge_cloud_init,
        Severity.ERROR,
        cause=Cause.NO_PROVISIONING_AGENT,
        depends_on=("agents-provisioner", "platform-route", "wireserver-http", "imds-instance"),
        stages=(Stage.FIRSTBOOT,),
    ),
)
