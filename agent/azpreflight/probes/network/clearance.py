"""What the rehearsal says in favour of the guest's own rules, where a real connection failed.

A rule is the first thing that everybody suspects. If the kernel let the very flow through in the rehearsal, it is none,
and whoever reads the report need not look there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Optional

from azpreflight.firewall.facts import FirewallFacts, Outcome
from azpreflight.model import Finding, Judge, Run, Verdict
from azpreflight.probes.network import marks
from azpreflight.probes.network.facts import NetworkFacts

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
    innocent = rule_out(finding.flow, run) if finding.evidence.get("outcome") != "ok" else None
    if innocent is None:
        return finding
    return replace(finding, confidence_reason="; ".join(filter(None, (finding.confidence_reason, innocent))))


def rule_out(flow: Optional[str], run: Run) -> Optional[str]:
    """Why the guest's rules are none of the causes of a flow's failure; None where that is not proven."""
    facts = run.facts(FirewallFacts)
    found = next((one for one in facts.flows if one.flow.text == flow and one.flow.uid == 0), None) if facts else None
    if facts is None or found is None or found.outcome is not Outcome.ALLOWED or not found.rehearsed:
        return None
    if found.mark and marks.other_way(found, run.facts(NetworkFacts)) is not None:
        return None
    if facts.rehearsal.limits:
        return None  # a rule that no rehearsal can copy may be the one after all
    return REHEARSED if facts.rehearsal.needed else NO_RULES
