"""What the rehearsal says in favour of the guest's rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Optional

import pytest

from azpreflight.firewall.facts import FirewallFacts, Flow, FlowFacts, Outcome, Purpose, Rehearsal
from azpreflight.host import LinkFilter
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


QUEUE = LinkFilter("eth0", "egress", "qdisc tbf", 37)
PROGRAM = LinkFilter("eth0", "egress", "tc bpf")


@pytest.mark.parametrize(
    ("attached", "flow", "words", "command"),
    [
        (QUEUE, FLOW.text, "traffic control on eth0 (qdisc tbf, egress) has dropped 37", "tc qdisc del dev eth0 root"),
        (PROGRAM, FLOW.text, "decides over these packets too", "tc filter show dev eth0 egress"),
        (QUEUE, "tcp 20.60.0.10:443", None, None),
    ],
)
def test_what_is_attached_to_an_interface_is_named_where_the_platform_is_silent(
    attached: LinkFilter, flow: str, words: Optional[str], command: Optional[str]
) -> None:
    """Elsewhere the network may have been asked, and a queue that drops now and then is no proof."""
    silent = replace(FINDING, flow=flow, evidence={"outcome": "timeout"})
    facts = FirewallFacts(None, (), (), (), Rehearsal(True), (), link_filters=(attached,))
    (said,) = cleared(lambda *_: iter((silent,)))(None, Run(needed={"firewall": facts}))
    assert isinstance(said, Finding)
    assert (said.message == silent.message) is (words is None)
    assert words is None or words in said.message
    assert said.commands == (() if command is None else (command,))
