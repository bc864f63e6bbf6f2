"""Random rules: the kernel's word against what is worked out from their text. They agree on outcome and rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from azpreflight.firewall.facts import Backend, Flow, FlowFacts, Outcome, Purpose
from azpreflight.firewall.network_context import Scene
from azpreflight.firewall.parse_iptables_save import parse
from azpreflight.firewall.rule_names import Index
from azpreflight.firewall.rule_verdicts import Copy, decide
from azpreflight.firewall.static.evaluate import End, Opinion, evaluate
from azpreflight.host import Interface, Route
from azpreflight.host import Outcome as RouteOutcome
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

NETS = ("168.63.129.16/32", "168.0.0.0/8", "169.254.0.0/16", "10.0.0.0/24", "10.0.0.4/32", "20.60.0.10/32", "0.0.0.0/1")
STATES = st.lists(st.sampled_from(["NEW", "ESTABLISHED", "RELATED", "INVALID"]), min_size=1, max_size=2, unique=True)
NOT = st.sampled_from(["", "", "! "])


@st.composite
def conditions(draw: st.DrawFn, outgoing: bool) -> str:
    """What a rule asks for: any of the things that the text is understood to mean."""
    words = []
    for option in "sd":
        if draw(st.booleans()):
            words.append(f"{draw(NOT)}-{option} {draw(st.sampled_from(NETS))}")
    if draw(st.booleans()):
        words.append(f"{draw(NOT)}-{'o' if outgoing else 'i'} {draw(st.sampled_from(['eth0', 'lo', 'eth+', 'ens3']))}")
    protocol = draw(st.sampled_from(["", "tcp", "udp"]))
    if protocol:
        words.append(f"-p {protocol}")
        ports = draw(st.sampled_from(["80", "443", "53", "1:1023", "1024:65535"]))
        direction = draw(st.sampled_from(["--sport", "--dport"]))
        several = draw(st.sampled_from(["80,443", "53,32526", "1:60,70:90", "443"]))
        words.append(
            draw(
                st.sampled_from(
                    ["", f"-m {protocol} {draw(NOT)}{direction} {ports}", f"-m multiport {draw(NOT)}--dports {several}"]
                )
            )
        )
    if draw(st.booleans()):
        words.append(f"-m conntrack {draw(NOT)}--ctstate {','.join(draw(STATES))}")
    if outgoing and draw(st.integers(0, 4)) == 0:
        words.append(f"-m owner {draw(NOT)}--uid-owner {draw(st.sampled_from(['0', '99', '0-10']))}")
    return " ".join(word for word in words if word)


@st.composite
def rulesets(draw: st.DrawFn) -> str:
    """A filter and a mangle table with chains of the user's own."""
    tables = []
    for table in ("mangle", "filter"):
        policies = "".join(f":{chain} {draw(st.sampled_from(['ACCEPT', 'ACCEPT', 'DROP']))} [0:0]\n"
                           for chain in ("INPUT", "OUTPUT"))  # fmt: skip
        own = "".join(f":{name} - [0:0]\n" for name in ("in1", "in2", "out1", "out2"))
        rules = "".join(draw(st.lists(rule(table), max_size=19 if table == "filter" else 3)))
        tables.append(f"*{table}\n{policies}{own}{rules}COMMIT\n")
    return "".join(tables)


@st.composite
def rule(draw: st.DrawFn, table: str) -> str:
    """A rule of any chain; a chain jumps only to those after it."""
    outgoing = draw(st.booleans())
    chains = ("OUTPUT", "out1", "out2") if outgoing else ("INPUT", "in1", "in2")
    place = draw(st.integers(0, 2))
    ways = ["-j ACCEPT", "-j DROP", "-j RETURN"]
    ways += [f"-{how} {below}" for below in chains[place + 1 :] for how in "jg"]
    if table == "filter":
        ways.append("-j REJECT --reject-with icmp-admin-prohibited")
    return f"-A {chains[place]} {draw(conditions(outgoing))} {draw(st.sampled_from(ways))}\n"


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
