"""Random rules: the kernel's word against what is worked out from their text. They agree on outcome and rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

import pytest
from hypothesis import HealthCheck, given, note, settings

from azpreflight.firewall.facts import Backend, Flow, FlowFacts, Outcome, Purpose
from azpreflight.firewall.network_context import Scene
from azpreflight.firewall.parse_iptables_save import parse
from azpreflight.firewall.rule_names import Index
from azpreflight.firewall.rule_verdicts import Copy, decide
from azpreflight.firewall.static.evaluate import End, Opinion, evaluate
from azpreflight.host import Interface, Route
from azpreflight.host import Outcome as RouteOutcome
from tests.netns.rulesets import rulesets
from tests.netns.trials import Kernel

pytestmark = pytest.mark.root

ADDRESS = "10.0.0.4"
FLOWS = tuple(
    Flow(protocol, address, port, Purpose.PACKAGE)
    for address in ("168.63.129.16", "169.254.169.254", "10.0.0.9", "20.60.0.10")
    for protocol, port in (("tcp", 80), ("tcp", 443), ("udp", 53), ("tcp", 32526))
)
WAY = Route(RouteOutcome.OK, "eth0", "10.0.0.1", ADDRESS)
SCENE = Scene(
    {"eth0": Interface("eth0", True, "00:0d:3a:aa:bb:cc", 1500, (f"{ADDRESS}/24",))},
    {flow.address: WAY for flow in FLOWS},
    {},
)
RULESETS = 300
"""For each kind of tables."""


@pytest.fixture(name="kernel")
def kernel_to_ask() -> Iterator[Kernel]:
    with Kernel(SCENE.as_json(FLOWS, set(), set())) as asked:
        yield asked


@pytest.mark.parametrize("backend", [Backend.LEGACY, Backend.NFT])
def test_the_kernel_and_the_text_agree(kernel: Kernel, backend: Backend) -> None:
    decisions = claims = 0

    @settings(max_examples=RULESETS, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(rulesets())
    def compare(text: str) -> None:
        nonlocal decisions, claims
        note(text)
        tables = parse(text, backend, "ip")
        seen = kernel.ask((f"iptables-{backend.value}-restore", text))
        for flow, of_kernel in zip(FLOWS, seen):
            decided = decide(flow, of_kernel, Copy(Index(tables), {}))
            opinion = evaluate(flow, tables, SCENE.environment(flow))
            note(f"{flow.text}: {decided} {opinion}")
            decisions += 1
            if len(opinion.ends) == 1:
                assert of_kernel_in_words(decided) == of_text_in_words(opinion), (flow.text, of_kernel)
                claims += 1

    compare()
    assert decisions >= RULESETS * len(FLOWS)
    assert claims > 0.9 * decisions


Words = tuple[frozenset[End], Optional[tuple[str, str, Optional[int]]]]
"""How it ends, and the table, chain and number of what dropped it."""


def of_kernel_in_words(decided: FlowFacts) -> Words:
    ends = {Outcome.ALLOWED: End.PASSED, Outcome.BLOCKED: End.DROPPED}.get(decided.outcome, End.UNTOLD)
    by = decided.decider
    return frozenset([ends]), None if by is None else (by.table, by.chain, by.number)


def of_text_in_words(opinion: Opinion) -> Words:
    by = opinion.by
    return opinion.ends, None if by is None else (by.table.name, by.chain.name, by.number)
