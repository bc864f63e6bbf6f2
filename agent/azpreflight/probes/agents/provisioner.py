"""Which agent would provision a VM made from this image: what waagent and cloud-init decide between them. Pure.

waagent looks at Provisioning.Agent, and for `auto` asks whether cloud-init-local.service is enabled. Enabled is not the
same as running: a marker file, a policy, a kernel parameter or a datasource list without Azure stop cloud-init while
its units stay enabled, and then waagent waits for somebody who never comes.
"""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.azure.agent_versions import WAIT_FOR_CLOUD_INIT_S
from azpreflight.guest import os_release, waagent_conf
from azpreflight.host.systemd import Unit, UnitState
from azpreflight.model import Cause, Check, Finding, NotApplicable, Platform, Profile, Run, Severity, Unknown, Verdict
from azpreflight.probes.agents.facts import (
    DISABLED_MARKER,
    DS_IDENTIFY_CFG,
    SEED,
    AgentsFacts,
    CloudInitFacts,
    Provisioner,
    WaagentFacts,
)
from azpreflight.text import plain, several

NOCLOUD = "NoCloud"
REASON = 240
"""Characters of one reason: a file in cloud.cfg.d, and the list that is in it."""


def obstacles(facts: CloudInitFacts) -> tuple[str, ...]:
    """Why cloud-init would not provision a VM on Azure; empty if it would."""
    return tuple(_obstacles(facts))


def _obstacles(facts: CloudInitFacts) -> Iterator[str]:
    if not facts.installed:
        yield "cloud-init is not installed"
        return
    if not facts.enabled:
        yield f"{facts.unit.name} is {facts.unit.state.value}"
    yield from (f"cloud-init is disabled by {place}" for place in facts.disabled_by)
    yield from _wrong_datasource(facts)


def _wrong_datasource(facts: CloudInitFacts) -> Iterator[str]:
    if facts.forced_datasource is not None:
        if facts.forced_datasource.lower() != "azure":
            yield f"{facts.forced_by} names the datasource {plain(facts.forced_datasource)}, not Azure"
        return
    names = facts.datasources.names if facts.datasources is not None else (NOCLOUD, "Azure")
    if "Azure" not in names:
        where = facts.datasources.source if facts.datasources is not None else "its built-in list"
        yield f"the datasource_list of {where} is {several(names)}, without Azure"
        return
    seed = next((seed for seed in facts.seeds if seed.startswith("nocloud")), None)
    if seed is not None and NOCLOUD in names and names.index(NOCLOUD) < names.index("Azure"):
        yield f"the seed /var/lib/cloud/seed/{seed} comes before Azure"


def waagent_refuses(facts: WaagentFacts) -> bool:
    """Provisioning.Agent is a word that it does not know: it provisions nothing and reports Ready."""
    return facts.config is not None and facts.config.provisioning_agent not in ("auto", "waagent", "cloud-init")


def provisioner(waagent: WaagentFacts, cloud_init: CloudInitFacts, azure_init: Unit) -> Provisioner:
    """Who provisions, from the facts of all; azure-init where the two leave it to somebody else."""
    who = _of_two(waagent, cloud_init)
    left = who in (Provisioner.NONE, Provisioner.WAITING) and azure_init.state is UnitState.ENABLED
    return Provisioner.AZURE_INIT if left else who


def _of_two(waagent: WaagentFacts, cloud_init: CloudInitFacts) -> Provisioner:
    if (waagent.installed and waagent.error is not None) or (cloud_init.installed and cloud_init.errors):
        return Provisioner.UNKNOWN
    healthy = not obstacles(cloud_init)
    if not waagent.starts or waagent_refuses(waagent) or waagent.config is None:
        return Provisioner.CLOUD_INIT if healthy else Provisioner.NONE
    chosen = waagent.config.provisioning_agent
    if chosen == "waagent" and cloud_init.enabled:
        return Provisioner.BOTH
    if chosen == "cloud-init" or cloud_init.enabled:
        return Provisioner.CLOUD_INIT if healthy else Provisioner.WAITING
    return Provisioner.WAAGENT


def judge_provisioner(facts: AgentsFacts, run: Run) -> Iterator[Verdict]:
    """Somebody would provision a VM made from this."""
    who = facts.provisioner
    if who is Provisioner.AZURE_INIT:
        return
    if who in (Provisioner.WAAGENT, Provisioner.CLOUD_INIT):
        yield from _judge_azure_init(facts)
        return
    if not facts.waagent.installed and not facts.cloud_init.installed and facts.azure_init.state is UnitState.ABSENT:
        yield _no_agents(facts, run)
    elif who is Provisioner.UNKNOWN:
        yield Unknown("; ".join(filter(None, (facts.waagent.error, *facts.cloud_init.errors))))
    elif who is Provisioner.BOTH:
        yield _nobody(facts, "waagent is to provision and will not, because cloud-init is enabled too")
    elif who is Provisioner.WAITING:
        reasons = several(obstacles(facts.cloud_init), limit=REASON)
        minutes = f"{WAIT_FOR_CLOUD_INIT_S / 60:.0f} min"
        yield _nobody(facts, f"waagent would wait {minutes} for cloud-init without success: {reasons}")
    else:
        others = (*obstacles(facts.cloud_init), *_why_not_azure_init(facts))
        reasons = several((_why_not_waagent(facts.waagent), *others), limit=REASON)
        yield _nobody(facts, f"nothing would provision a VM: {reasons}")


def _judge_azure_init(facts: AgentsFacts) -> Iterator[Finding]:
    """It asks nobody whether somebody else provisions."""
    if facts.azure_init.state is UnitState.ENABLED:
        yield Finding(
            Severity.WARNING,
            f"{facts.azure_init.name} is enabled, and {facts.provisioner.value} provisions too: each makes "
            "the user and reports Ready for itself",
            "Leave it to one of them.",
            (f"systemctl disable {facts.azure_init.name}",),
        )


def _no_agents(facts: AgentsFacts, run: Run) -> Verdict:
    if run.platform is Platform.NONE and not run.offline:
        return NotApplicable("no Azure agent is installed, and this is not Azure")
    if facts.system_extensions:
        merged = several(facts.system_extensions)
        return Unknown(
            f"no agent is in the root filesystem, and what the system extensions bring is not read: {merged}"
        )
    return Finding(
        Severity.ERROR,
        "neither waagent nor cloud-init is installed",
        "Install the Azure Linux agent and cloud-init from the distribution.",
        tuple(os_release.install_command(facts.distribution, package) for package in ("waagent", "cloud-init")),
        flow="any",
    )


def _nobody(facts: AgentsFacts, message: str) -> Finding:
    return Finding(
        Severity.ERROR,
        message,
        "Let cloud-init provision where it is installed, else waagent, else azure-init.",
        tuple(_fix_commands(facts)),
        {
            "waagent": _state(facts.waagent.installed, facts.waagent.unit.state),
            "Provisioning.Agent": plain(facts.waagent.config.provisioning_agent)
            if facts.waagent.config
            else "not read",
            "cloud-init": _state(facts.cloud_init.installed, facts.cloud_init.unit.state),
        },
        flow="any",
    )


def _state(installed: bool, state: UnitState) -> str:
    return state.value if installed else "not installed"


def _why_not_waagent(facts: WaagentFacts) -> str:
    if not facts.installed:
        return "waagent is not installed"
    if facts.unit.state is not UnitState.ENABLED:
        return f"{facts.unit.name} is {facts.unit.state.value}"
    if facts.config is None:
        return f"{facts.config_path} is missing or empty"
    return f"Provisioning.Agent={plain(facts.config.provisioning_agent)} switches waagent's provisioning off"


def _why_not_azure_init(facts: AgentsFacts) -> Iterator[str]:
    if facts.azure_init.state is not UnitState.ABSENT:
        yield f"{facts.azure_init.name} is {facts.azure_init.state.value}"


def _fix_commands(facts: AgentsFacts) -> Iterator[str]:
    """Commands that make cloud-init the provisioner if it is there, and waagent if not."""
    cloud_init, waagent = facts.cloud_init, facts.waagent
    if not cloud_init.installed and not waagent.installed:
        unmask = facts.azure_init.state is UnitState.MASKED
        yield from (f"systemctl unmask {facts.azure_init.name}",) if unmask else ()
        yield f"systemctl enable {facts.azure_init.name}"
    elif not cloud_init.installed:
        yield from _set_agent(waagent, "auto")
    else:
        yield from _set_agent(waagent, "cloud-init")
        yield from _mend_cloud_init(cloud_init)
    if waagent.installed and waagent.unit.state is UnitState.MASKED:
        yield f"systemctl unmask {waagent.unit.name}"
    if waagent.installed and waagent.unit.state is not UnitState.ENABLED:
        yield f"systemctl enable {waagent.unit.name}"


def _mend_cloud_init(facts: CloudInitFacts) -> Iterator[str]:
    if facts.unit.state is UnitState.MASKED:
        yield f"systemctl unmask {facts.unit.name}"
    if facts.unit.state is not UnitState.ENABLED:
        yield f"systemctl enable {facts.unit.name}"
    if DISABLED_MARKER in facts.disabled_by:
        yield f"rm -f {DISABLED_MARKER}"
    if facts.forced_by == DS_IDENTIFY_CFG or any(DS_IDENTIFY_CFG in place for place in facts.disabled_by):
        yield f"rm -f {DS_IDENTIFY_CFG}"
    if facts.datasources is not None and "Azure" not in facts.datasources.names:
        yield "echo 'datasource_list: [ Azure ]' > /etc/cloud/cloud.cfg.d/99-azure_datasource.cfg"
    if any(seed.startswith("nocloud") for seed in facts.seeds):
        yield f"rm -rf {SEED}/nocloud {SEED}/nocloud-net"


def _set_agent(facts: WaagentFacts, value: str) -> Iterator[str]:
    if facts.config is not None and facts.config.provisioning_agent != value:
        yield waagent_conf.set_key(facts.config_path, "Provisioning.Agent", value)


CHECKS = (
    Check(
        "agents-provisioner",
        "an agent will provision new VMs",
        judge_provisioner,
        Severity.ERROR,
        cause=Cause.NO_PROVISIONING_AGENT,
        depends_on=("agents-config",),
        profiles=(Profile.GENERALIZED,),
        offline=True,
    ),
)
