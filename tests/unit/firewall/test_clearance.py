"""What the rehearsal says in favour of the guest's rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Optional

import pytest

from azpreflight.firewall.facts import FirewallFacts, Flow, FlowFacts, Outcome, Purpose, Rehearsal
from azpreflight.model import Finding, Run, Severity, Unknown, Verdict
from azpreflight.probes.network.clearance import NO_RULES, REHEARSED, cleared, rule_out

FLOW = Flow("tcp", "168.63.129.16", 80, Purpose.WIRE_SERVER)
FINDING = Finding(Severity.ERROR, "no answer", "Repair it.", flow=FLOW.text, confidence_reason="silence")


def run(*flows: FlowFacts, needed: bool = True, limits: tuple[str, ...] = ()) -> Run:
    facts = FirewallFacts(None, (), (), (), Rehearsal(needed, limits=limits), flows)
    return Run(needed={"firewall": facts})


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (run(FlowFacts(FLOW, Outcome.ALLOWED)), REHEARSED),
        (run(FlowFacts(FLOW, Outcome.ALLOWED), needed=False), NO_RULES),
        (run(FlowFacts(FLOW, Outcome.ALLOWED), limits=("rules look at what packets carry",)), None),
        (run(FlowFacts(FLOW, Outcome.BLOCKED)), None),
        (run(FlowFacts(FLOW, Outcome.REWRITTEN, source="192.0.2.99")), None),
        (run(FlowFacts(FLOW, Outcome.UNKNOWN)), None),
        (run(FlowFacts(FLOW, Outcome.PROBABILISTIC)), None),
        (run(FlowFacts(FLOW, Outcome.ALLOWED, rehearsed=False)), None),
        (run(FlowFacts(Flow("tcp", "168.63.129.16", 80, Purpose.WIRE_SERVER, uid=99), Outcome.ALLOWED)), None),
        (run(FlowFacts(Flow("tcp", "168.63.129.16", 81, Purpose.WIRE_SERVER), Outcome.ALLOWED)), None),
        (run(), None),
        (Run(), None),
    ],
)
def test_only_what_was_rehearsed_and_passed_is_cleared(known: Run, said: Optional[str]) -> None:
    assert rule_out(FLOW.text, known) == said


def test_findings_say_so_and_other_verdicts_do_not() -> None:
    answered = Finding(Severity.ERROR, "status 500", "Repair it.", flow=FLOW.text, evidence={"outcome": "ok"})
    verdicts = (FINDING, answered, Unknown("why"))

    def judge(facts: Any, run: Run) -> Iterator[Verdict]:
        yield from verdicts

    said = tuple(cleared(judge)(None, run(FlowFacts(FLOW, Outcome.ALLOWED))))
    assert isinstance(said[0], Finding)
    assert said[0].confidence_reason == f"silence; {REHEARSED}"
    assert said[1:] == verdicts[1:]
