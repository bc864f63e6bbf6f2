"""The two agents that may provision a VM: waagent, the Azure Linux agent, and cloud-init.

One of them makes the user, sets the host name and tells the platform that the VM is ready. Which one, they work out
between themselves: waagent asks systemd whether cloud-init-local.service is enabled and then waits for it, up to half
an hour, even where cloud-init has been switched off by a file, a policy or a list without Azure. A misspelt
Provisioning.Agent is worse: waagent provisions nothing and reports Ready, so the VM looks well and has no user
(WALinuxAgent, azurelinuxagent/pa/provision/factory.py and default.py; cloud-init, tools/ds-identify).
"""

from __future__ import annotations

from azpreflight.model import Probe
from azpreflight.probes.agents import (
    configuration,
    guestproxy,
    openssl,
    policy,
    provenance,
    provisioner,
    running,
    stages,
    versions,
)
from azpreflight.probes.agents.collect import gather
from azpreflight.probes.agents.facts import AgentsFacts, CloudInitFacts, Provisioner, WaagentFacts

__all__ = ["PROBE", "AgentsFacts", "CloudInitFacts", "Provisioner", "WaagentFacts"]


WORST_CASE_S = 2.0
"""Seconds: files answer at once, unless a mount hangs, which costs the host's deadline for one call; at first boot
systemd is asked, which is as long at most, and is not asked where a disk has died; /run is in memory."""

PROBE = Probe(
    name="agents",
    facts=AgentsFacts,
    gather=gather,
    checks=(
        *configuration.CHECKS,
        *provisioner.CHECKS,
        *versions.CHECKS,
        *stages.CHECKS,
        *openssl.CHECKS,
        *policy.CHECKS,
        *provenance.CHECKS,
        *guestproxy.CHECKS,
        *running.CHECKS,
    ),
)
