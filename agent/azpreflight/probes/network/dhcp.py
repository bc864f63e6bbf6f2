"""The verdict on what DHCP says of the platform. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from azpreflight.azure.addresses import WIRE_SERVER
from azpreflight.firewall.facts import BROADCAST, FirewallFacts, Outcome
from azpreflight.firewall.rule_names import title
from azpreflight.guest.dhcp_leases import Lease
from azpreflight.model import Confidence, Finding, NotApplicable, Run, Severity, Verdict
from azpreflight.probes.agents.facts import AgentsFacts
from azpreflight.probes.network.facts import NetworkFacts
from azpreflight.shell import argument

AFTER_OTHERS = 1024
"""Metric of a route that waagent shall see and that is to replace no better one."""


def judge_wire_server(facts: NetworkFacts, run: Run) -> Iterator[Verdict]:
    """Option 245 must be the address that the platform has.

    cloud-init goes by it always, waagent only where the routing table has no route to 168.63.129.16 of its own.
    """
    told = {interface: lease for interface, lease in facts.in_force.items() if lease.wire_server is not None}
    if not told:
        lost = _not_found(facts, run)
        yield lost if lost is not None else NotApplicable("no DHCP lease names a wire server")
    for interface, lease in told.items():
        if lease.wire_server != WIRE_SERVER:
            yield _another(interface, lease, facts, run)


def _not_found(facts: NetworkFacts, run: Run) -> Optional[Finding]:
    """waagent takes 168.63.129.16 where the main table has a route to it alone, else what a lease that it reads says
    (option 245), else it sends a DHCP request of its own and waits for an answer, for ever (WALinuxAgent,
    common/dhcp.py). An address without DHCP brings neither."""
    agents = run.facts(AgentsFacts)
    static = facts.address_without_lease
    if not facts.agent_must_ask or static is None or agents is None or agents.waagent is None:
        return None
    stopped = _request_stopped(run)
    route = next((route for route in facts.default_routes if route.version == 4), None)
    via = f" via {route.gateway}" if route is not None and route.gateway is not None else ""
    device = route.interface if route is not None else static
    return Finding(
        Severity.ERROR,
        f"waagent does not find the wire server: {static} has an address without a DHCP lease, and there is no route to"
        f" {WIRE_SERVER} alone{f'; {stopped}' if stopped is not None else ''}",
        f"Let the interface get its address by DHCP, or add a route to {WIRE_SERVER} to its configuration, which the"
        " command does until the next boot.",
        (f"ip route replace {WIRE_SERVER}/32{via} dev {device} metric {AFTER_OTHERS}",),
        evidence={"interface": static, "leases": "none in force"},
        flow=f"tcp {WIRE_SERVER}:80",
        confidence=Confidence.POSSIBLE if stopped is None else Confidence.LIKELY,
        confidence_reason="so the agent looks for it; an answer to a DHCP request of its own is the alternative"
        if stopped is None
        else "so the agent looks for it, and the kernel did so in a rehearsal of the same rules",
    )


def _request_stopped(run: Run) -> Optional[str]:
    """The rule that takes the agent's own request."""
    facts = run.facts(FirewallFacts)
    flows = facts.flows if facts is not None else ()
    found = next((one for one in flows if one.flow.address == BROADCAST and one.outcome is Outcome.BLOCKED), None)
    if found is None:
        return None
    who = title(found.decider) if found.decider is not None else "a rule that could not be named"
    return f"{who} drops its DHCP request ({found.flow.text})"


def _another(interface: str, lease: Lease, facts: NetworkFacts, run: Run) -> Finding:
    agents = run.facts(AgentsFacts)
    provisions = agents is not None and agents.cloud_init_provisions
    spared = agents is not None and agents.azure_init_provisions
    followed = provisions or (not facts.host_route and not spared)
    who = "cloud-init" if provisions else "waagent"
    passed = "azure-init asks the right one all the same" if spared else "waagent passes it over, by its route to it"
    consequence = f"{who} goes there" if followed else passed
    return Finding(
        Severity.ERROR if followed else Severity.WARNING,
        f"DHCP names {lease.wire_server} as the wire server of {interface} (option 245), which is {WIRE_SERVER} on"
        f" Azure; {consequence}",
        "Find the DHCP server that gave this lease in the place of Azure's own, such as one on the same bridge or of a"
        " relay, stop it, and renew the lease.",
        (f"grep -H . {argument(lease.path)}",) if lease.client != "dhcpcd" else (),
        evidence={"client": lease.client, "lease": lease.path, "address": lease.address or "unknown"},
        flow=f"tcp {lease.wire_server}:80",
        confidence_reason="the lease says so",
    )
