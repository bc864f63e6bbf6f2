"""What a mark that rules put on packets does to their way out. Pure.

Marks change nothing by themselves: `ip rule` sends what has one to another table. The rehearsal knows the mark, and the
tables show where that leads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from azpreflight.firewall.facts import FlowFacts
from azpreflight.firewall.rule_names import title
from azpreflight.model import Confidence, Finding, Run, Severity
from azpreflight.probes.network.facts import NetworkFacts
from azpreflight.probes.network.policy import Decision, decide, table_name


def other_way(found: FlowFacts, network: Optional[NetworkFacts]) -> Optional[Decision]:
    """What the kernel does with the marked packet, if it is not what it does without the mark."""
    if network is None or not found.mark:
        return None
    plain = decide(network.routing, found.flow.address)
    marked = decide(network.routing, found.flow.address, mark=found.mark)
    return marked if _leads(marked) != _leads(plain) else None


def _leads(decision: Optional[Decision]) -> object:
    """Where packets go: the same route of another table, or by another rule, is no other way."""
    if decision is None or decision.route is None or decision.rejects is not None:
        return decision and decision.rejects
    return (decision.route.interface, decision.route.gateway, decision.route.source)


def rerouted(found: FlowFacts, severity: Severity, run: Run) -> Iterator[Finding]:
    """A mark that leads another way, after which nobody answered."""
    network = run.facts(NetworkFacts)
    way = other_way(found, network)
    if way is None:
        return
    who = title(found.marker) if found.marker is not None else "a rule that could not be named"
    rule = f"rule {way.rule.priority}"
    leads = f"{rule} rejects what has that mark"
    if way.route is not None:
        where = f"out of {way.route.interface}" if way.route.interface is not None else f"to {way.route.kind}"
        if way.route.kind == "local":
            where = "to this machine itself, as to a transparent proxy (TPROXY),"
        leads = f"{rule} leads what has that mark {where} by table {table_name(way.rule.table)}"
    yield Finding(
        severity,
        f"{who} marks {found.flow.text} with {found.mark:#x}, and {leads}",
        f"Exempt {found.flow.address} from that mark, or from the routing rule; the command lasts until the next boot.",
        ("ip rule show", f"ip rule add priority {max(way.rule.priority - 1, 1)} to {found.flow.address} lookup main"),
        evidence={"mark": f"{found.mark:#x}"},
        flow=found.flow.text,
        confidence=Confidence.LIKELY,
        confidence_reason="the kernel set the mark in a rehearsal of the same rules, and the real connection failed",
    )
