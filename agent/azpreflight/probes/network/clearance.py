"""What the rehearsal says in favour of the guest's own rules, where a real connection failed.

A rule is the first thing that everybody suspects. If the kernel let the very flow through in the rehearsal, it is none,
and whoever reads the report need not look there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Optional

from azpreflight.azure.addresses import IMDS, WIRE_SERVER
from azpreflight.firewall.facts import FirewallFacts
from azpreflight.firewall.facts import Outcome as Rehearsed
from azpreflight.host import LinkFilter, Outcome
from azpreflight.model import Confidence, Finding, Judge, Run, Verdict
from azpreflight.probes.network import marks
from azpreflight.probes.network.facts import NetworkFacts
from azpreflight.shell import argument

TO_PLATFORM = tuple(f"tcp {address}:" for address in (WIRE_SERVER, IMDS))
REHEARSED = "this machine's own rules let it through, as the rehearsal shows"
NO_RULES = "this machine has no firewall rules of its own"


def cleared(judge: Judge) -> Judge:
    """The judge, whose findings say so where the guest's rules have nothing to do with them."""

    def judging(facts: Any, run: Run) -> Iterator[Verdict]:
        for verdict in judge(facts, run):
            yield _of_finding(verdict, run) if isinstance(verdict, Finding) else verdict

    return judging


def _of_finding(finding: Finding, run: Run) -> Finding:
    """A server that answered has been reached, so nobody suspects a rule."""
    facts = run.facts(FirewallFacts)
    silent = finding.evidence.get("outcome") == Outcome.TIMEOUT.value
    if facts is not None and facts.link_filters and silent and (finding.flow or "").startswith(TO_PLATFORM):
        return _before_the_wire(finding, facts.link_filters)
    innocent = rule_out(finding.flow, run) if finding.evidence.get("outcome") != "ok" else None
    if innocent is None:
        return finding
    return replace(finding, confidence_reason="; ".join(filter(None, (finding.confidence_reason, innocent))))


def _before_the_wire(finding: Finding, filters: Sequence[LinkFilter]) -> Finding:
    """Of the platform's own addresses, which no network keeps from a VM: what is attached to an interface sees packets
    after all rules, and no rehearsal shows what it does with them. A queue tells how many it has dropped."""
    queue = next((one for one in filters if one.drops), None)
    first = queue or filters[0]
    place, name = f"{first.interface} ({first.kind}, {first.direction})", argument(first.interface)
    if queue is None:
        return replace(
            finding,
            message=f"{finding.message}; traffic control or a program on {place} decides over these packets too",
            commands=(*finding.commands, f"tc filter show dev {argument(name)} {first.direction}"),
        )
    return replace(
        finding,
        message=f"{finding.message}; traffic control on {place} has dropped {queue.drops} of this machine's packets",
        fix=f"Take that queue away from {first.interface}, or give it a rate and a bucket that packets fit; the command"
        " lasts until what makes it runs again.",
        commands=(f"tc qdisc del dev {argument(name)} root",),
        confidence=Confidence.LIKELY,
        confidence_reason="the kernel counts what the queue drops; another fault beyond it is the alternative",
    )


def rule_out(flow: Optional[str], run: Run) -> Optional[str]:
    """Why the guest's rules are none of the causes of a flow's failure; None where that is not proven."""
    facts = run.facts(FirewallFacts)
    found = next((one for one in facts.flows if one.flow.text == flow and one.flow.uid == 0), None) if facts else None
    if facts is None or found is None or found.outcome is not Rehearsed.ALLOWED or not found.rehearsed:
        return None
    if found.mark and marks.other_way(found, run.facts(NetworkFacts)) is not None:
        return None
    if facts.rehearsal.limits or any(not one.drops for one in facts.link_filters or ()):
        return None  # a rule that no rehearsal can copy, or a program that none sees, may be the one after all
    return REHEARSED if facts.rehearsal.needed else NO_RULES
