"""The Guest Proxy Agent, through which a VM with the Metadata Security Protocol talks to the platform.

It is asked for when a VM is created, and then cloud-init runs `azure-proxy-agent --status --wait 120` before anything
else. Where that fails it reports a failure, and the VM is not provisioned. The agent is no part of most images; where
one has it, somebody means to use it (GuestProxyAgent, proxy_agent_setup/; cloud-init,
cloudinit/sources/DataSourceAzure.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Optional

from azpreflight.host import Host, systemd
from azpreflight.host.systemd import Unit, UnitState
from azpreflight.model import Cause, Check, Finding, NotApplicable, Run, Severity, Verdict
from azpreflight.text import plain

PROGRAM = "/usr/sbin/azure-proxy-agent"
UNIT_NAMES = ("azure-proxy-agent.service", "GuestProxyAgent.service")
"""Today's name, and that of older versions."""
PARTS = ("/etc/azure/proxy-agent.json", "/usr/lib/azure-proxy-agent/ebpf_cgroup.o")
"""Its configuration, and what it loads into the kernel."""
OLD_PARTS = "/usr/lib/azure-proxy-agent/package"
"""Where older versions keep both."""


@dataclass(frozen=True)
class GuestProxyFacts:
    """The Guest Proxy Agent of this image."""

    unit: Unit
    missing: tuple[str, ...] = ()
    """Files that it needs and that are not there."""


def look(host: Host) -> Optional[GuestProxyFacts]:
    """Program, unit and files; None where it is not installed."""
    if host.info(PROGRAM, follow=False) is None:
        return None
    whole = host.info(OLD_PARTS) is not None
    missing = tuple(part for part in (PROGRAM, *PARTS) if host.info(part) is None and (part == PROGRAM or not whole))
    return GuestProxyFacts(systemd.best(host, UNIT_NAMES), missing)


def judge(facts: Optional[GuestProxyFacts], run: Run) -> Iterator[Verdict]:
    """It is whole, and starts at the next boot."""
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


def _finding(what: str, fix: str, *commands: str) -> Finding:
    return Finding(
        Severity.WARNING,
        f"{what}: a VM with the Metadata Security Protocol is not provisioned",
        fix,
        commands,
    )


CHECKS = (
    Check(
        "agents-guest-proxy",
        "the Guest Proxy Agent, if installed, is intact and enabled",
        lambda facts, run: judge(facts.guest_proxy, run),
        Severity.WARNING,
        cause=Cause.AGENT_CONFIG,
        offline=True,
    ),
)
