"""The two agents that may provision a VM: waagent, the Azure Linux agent, and cloud-init.

One of them makes the user, sets the host name and tells the platform that the VM is ready. Which one, they work out
between themselves: waagent asks systemd whether cloud-init-local.service is enabled and then waits for it, up to half
an hour, even where cloud-init has been switched off by a file, a policy or a list without Azure. A misspelt
Provisioning.Agent is worse: waagent provisions nothing and reports Ready, so the VM looks well and has no user
(WALinuxAgent, azurelinuxagent/pa/provision/factory.py and default.py; cloud-init, tools/ds-identify).
"""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.model import Cause, Check, NotApplicable, Probe, Profile, Run, Severity, Stage, Verdict
from azpreflight.probes.agents import guestproxy, openssl, policy, provenance, stages
from azpreflight.probes.agents.collect import gather
from azpreflight.probes.agents.configuration import judge_config
from azpreflight.probes.agents.facts import AgentsFacts, CloudInitFacts, Provisioner, WaagentFacts
from azpreflight.probes.agents.provisioner import judge_provisioner
from azpreflight.probes.agents.running import judge_cloud_init, judge_units
from azpreflight.probes.agents.versions import judge_program, judge_version

__all__ = ["PROBE", "AgentsFacts", "CloudInitFacts", "Provisioner", "WaagentFacts"]


def judge_openssl(facts: AgentsFacts, run: Run) -> Iterator[Verdict]:
    """openssl works as waagent calls it."""
    if not facts.waagent.installed:
        yield NotApplicable("waagent is not installed")
    else:
        yield from openssl.judge(facts.waagent.openssl, facts.provisioner is Provisioner.WAAGENT)


def judge_guest_proxy(facts: AgentsFacts, run: Run) -> Iterator[Verdict]:
    """Whole, enabled, and waited for."""
    cloud_init = facts.cloud_init.version if facts.cloud_init_provisions else None
    yield from guestproxy.judge(facts.guest_proxy, cloud_init, run)


WORST_CASE_S = 2.0
"""Seconds: files answer at once, unless a mount hangs, which costs the host's deadline for one call; at first boot
systemd is asked, which is as long at most, and is not asked where a disk has died; /run is in memory."""

PROBE = Probe(
    name="agents",
    facts=AgentsFacts,
    gather=gather,
    checks=(
        Check(
            "agents-config",
            "the agents' configuration allows provisioning and extensions",
            judge_config,
            Severity.ERROR,
            cause=Cause.AGENT_CONFIG,
            offline=True,
        ),
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
        Check(
            "agents-program",
            "the agents' Python and modules are complete",
            judge_program,
            Severity.ERROR,
            cause=Cause.NO_PROVISIONING_AGENT,
            offline=True,
        ),
        Check(
            "agents-stages",
            "every stage of cloud-init starts, and its configuration makes the user of a new VM",
            stages.judge_stages,
            Severity.ERROR,
            cause=Cause.NO_PROVISIONING_AGENT,
            stages=(Stage.BUILD, Stage.CAPTURE),
            profiles=(Profile.GENERALIZED,),
            offline=True,
        ),
        Check(
            "agents-openssl",
            "openssl takes its configuration in the environment of waagent's service",
            judge_openssl,
            Severity.ERROR,
            cause=Cause.AGENT_CONFIG,
            offline=True,
        ),
        Check(
            "agents-password",
            "the agent that provisions can hash a password",
            stages.judge_password,
            Severity.WARNING,
            cause=Cause.AGENT_CONFIG,
            stages=(Stage.BUILD, Stage.CAPTURE),
            profiles=(Profile.GENERALIZED,),
            offline=True,
        ),
        Check(
            "agents-version",
            "waagent is a supported version",
            judge_version,
            Severity.WARNING,
            cause=Cause.AGENT_CONFIG,
            reads=("egress",),
            offline=True,
        ),
        Check(
            "agents-policy",
            "waagent's policy file lets this VM's extensions run",
            policy.judge,
            Severity.ERROR,
            cause=Cause.AGENT_CONFIG,
            reads=("platform",),
            offline=True,
        ),
        Check(
            "agents-provenance",
            "waagent and its interpreter belong to packages",
            provenance.judge,
            Severity.NOTE,
            cause=Cause.AGENT_CONFIG,
            stages=(Stage.BUILD, Stage.CAPTURE),
            offline=True,
        ),
        Check(
            "agents-guest-proxy",
            "the Guest Proxy Agent, if installed, is intact and enabled",
            judge_guest_proxy,
            Severity.WARNING,
            cause=Cause.AGENT_CONFIG,
            offline=True,
        ),
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
    ),
)
