"""What is made of python-iptables' answers; the library itself is asked in tests/netns."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

import pytest

from azpreflight.firewall import python_iptables
from azpreflight.firewall.facts import Backend, SecondOpinion
from azpreflight.firewall.parse_iptables_save import parse
from azpreflight.host import Completed
from azpreflight.model import Finding, Run, Severity
from azpreflight.probes.firewall.dumped import judge_dump
from tests.support.fakes import FakeHost
from tests.support.machines.firewall import HEALTHY, facts_of

TEXT = "*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT DROP [0:0]\n:own - [0:0]\n[0:0] -A OUTPUT -j own\nCOMMIT\n"
TABLES = parse(TEXT, Backend.LEGACY, "ip")
SAME: list[dict[str, Any]] = [
    {"family": "ip", "table": "filter", "chain": "INPUT", "policy": "ACCEPT", "rules": 0},
    {"family": "ip", "table": "filter", "chain": "OUTPUT", "policy": "DROP", "rules": 1},
    {"family": "ip", "table": "filter", "chain": "own", "policy": None, "rules": 0},
]


def opinion_of(answer: Completed) -> SecondOpinion:
    host = FakeHost(programs={(sys.executable, *python_iptables.COMMAND): answer})
    return python_iptables.opinion(host, TABLES)


@pytest.mark.parametrize(
    ("answer", "opinion"),
    [
        (Completed(0, json.dumps({"chains": SAME}), ""), SecondOpinion()),
        (
            Completed(0, json.dumps({"chains": SAME[:2]}), ""),
            SecondOpinion(differences=("ip filter own: 0 rules against absent",)),
        ),
        (
            Completed(0, json.dumps({"chains": [*SAME[::2], {**SAME[1], "policy": "ACCEPT", "rules": 0}]}), ""),
            SecondOpinion(differences=("ip filter OUTPUT: policy DROP and 1 rules against policy ACCEPT and 0 rules",)),
        ),
        (
            Completed(0, json.dumps({"error": "XTablesError: no geoip"}), ""),
            SecondOpinion(error="XTablesError: no geoip"),
        ),
        (Completed(-9, "", ""), SecondOpinion(error="it ended with -9")),
    ],
)
def test_answers(answer: Completed, opinion: SecondOpinion) -> None:
    assert opinion_of(answer) == opinion


def test_no_answer_is_no_opinion() -> None:
    assert opinion_of(Completed(0, "garbage", "")).error is not None


def test_without_legacy_tables_nobody_is_asked() -> None:
    assert python_iptables.second_opinion(FakeHost(), ()) is None


def test_a_difference_is_a_note_and_no_opinion_is_nothing() -> None:
    facts = facts_of(HEALTHY)
    different = replace(facts, second_opinion=SecondOpinion(differences=("ip filter OUTPUT: 1 rules against 2 rules",)))
    (finding,) = judge_dump(different, Run())
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.NOTE
    assert list(judge_dump(replace(facts, second_opinion=SecondOpinion(error="none")), Run())) == []
