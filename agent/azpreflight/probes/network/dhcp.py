"""The verdict on what DHCP says of the platform. Pure."""

from collections.abc import Iterator

from azpreflight.guest.dhcp_leases import Lease
from azpreflight.model import Finding, NotApplicable, Run, Severity, Verdict
from azpreflight.probes.agents.facts import AgentsFacts
from azpreflight.probes.network.facts import WIRE_SERVER, NetworkFacts
from azpreflight.shell import argument


def judge_wire_server(facts: NetworkFacts, run: Run) -> Iterator[Verdict]:
    """Option 245 must be the address that the platform has.

    cloud-init goes by it always, waagent only where the routing table has no route to 168.63.129.16 of its own.
    """
    told = {interface: lease for interface, lease in facts.in_force.items() if lease.wire_server is not None}
    if not told:
        yield NotApplicable("no DHCP lease names a wire server")
    for interface, lease in told.items():
        if lease.wire_server != WIRE_SERVER:
            yield _another(interface, lease, facts, run)


def _another(interface: str, lease: Lease, facts: NetworkFacts, run: Run) -> Finding:
    agents = run.facts(AgentsFacts)
    provisions = agents is not None and agents.cloud_init_provisions
    followed = provisions or not facts.host_route
    who = "cloud-init" if provisions else "waagent"
    consequence = f"{who} goes there" if followed else "waagent passes it over, by its route to 168.63.129.16"
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
