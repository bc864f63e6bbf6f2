"""The Guest Proxy Agent, through which a VM with the Metadata Security Protocol talks to the platform.

It is asked for when a VM is created, and then cloud-init from 24.3 on runs `azure-proxy-agent --status --wait 120`
before anything else. Where that fails it reports a failure, and the VM is not provisioned. The agent is no part of most
images; where one has it, somebody means to use it (GuestProxyAgent, proxy_agent_setup/; cloud-init,
cloudinit/sources/DataSourceAzure.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Optional

from azpreflight.azure.agent_versions import WAITS_FOR_PROXY_AGENT
from azpreflight.host import Host, systemd
from azpreflight.host.systemd import UnitState
from azpreflight.model import Cause, Check, Confidence, Finding, NotApplicable, Run, Severity, Verdict
from azpreflight.probes.agents.facts import AgentsFacts, GuestProxyFacts
from azpreflight.text import plain

PROGRAM = "/usr/sbin/azure-proxy-agent"
UNIT_NAMES = ("azure-proxy-agent.service", "GuestProxyAgent.service")
"""Today's name, and that of older versions."""
PARTS = ("/etc/azure/proxy-agent.json", "/usr/lib/azure-proxy-agent/ebpf_cgroup.o")
"""Its configuration, and what it loads into the kernel."""
OLD_PARTS = "/usr/lib/azure-proxy-agent/package"
"""Where older versions keep both."""


def look(host: Host) -> Optional[GuestProxyFacts]:
    """Program, unit and files; None where it is not installed."""
    if host.info(PROGRAM, follow=False) is None:
        return None
    whole = host.info(OLD_PARTS) is not None
    missing = tuple(part for part in (PROGRAM, *PARTS) if host.info(part) is None and (part == PROGRAM or not whole))
    return GuestProxyFacts(systemd.best(host, UNIT_NAMES), missing)


def judge(facts: Optional[GuestProxyFacts], cloud_init: Optional[str], run: Run) -> Iterator[Verdict]:
    """It is whole, starts at the next boot, and is waited for by this version of cloud-init (None: not known, or
    another one provisions)."""
    if facts is None:
        yield NotApplicable("the Guest Proxy Agent is not installed, which only VMs that ask for it need")
        return
    for path in facts.missing:
        yield _finding(f"{path} is missing", "Install the agent again.")
    if facts.unit.state is not UnitState.ENABLED:
        name, state = plain(facts.unit.name), facts.unit.state
        unmask = (f"systemctl unmask {name}",) if state is UnitState.MASKED else ()
        yield _finding(
            f"{name} is {state.value}", "Enable the agent, or remove it.", *unmask, f"systemctl enable {name}"
        )

    if cloud_init is not None and WAITS_FOR_PROXY_AGENT.holds(cloud_init) is False:
        yield replace(
            _finding(
                f"cloud-init {plain(cloud_init)} does not wait for the Guest Proxy Agent, by which alone it may ask the"
                " platform",
                f"Install cloud-init {WAITS_FOR_PROXY_AGENT.first} or newer.",
            ),
            confidence=Confidence.LIKELY,
            confidence_reason="where the protocol only audits, cloud-init may ask without it",
        )


def _finding(what: str, fix: str, *commands: str) -> Finding:
    return Finding(
        Severity.WARNING,
        f"{what}: a VM with the Metadata Security Protocol is not provisioned",
        fix,
        commands,
    )


def judge_guest_proxy(facts: AgentsFacts, run: Run) -> Iterator[Verdict]:
    """Whole, enabled, and waited for."""
    cloud_init = facts.cloud_init.version if facts.cloud_init_provisions else None
    yield from judge(facts.guest_proxy, cloud_init, run)


CHECKS = (
    Check(
        "agents-guest-proxy",
        "the Guest Proxy Agent, if installed, is intact and enabled",
        judge_guest_proxy,
        Severity.WARNING,
        cause=Cause.AGENT_CONFIG,
        offline=True,
    ),
)
