"""What is too long for a report: cut where it stands, counted, and judged whole."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather
from azpreflight.model import Check, Finding, Probe, Report, Run, Severity, Status, bounds, codec
from azpreflight.render.json import document, render
from tests.support.fakes import FakeHost

MIB = 1 << 20


@dataclass(frozen=True)
class Dump:
    """As the firewall's."""

    text: str


@dataclass(frozen=True)
class Long:
    """Facts of every kind that can be long."""

    text: str = ""
    names: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    dumps: tuple[Dump, ...] = ()
    by_name: dict[str, str] = field(default_factory=dict)


def report_of(facts: Long, *findings: Finding) -> Report:
    """The report on these facts, by a check that has these findings."""
    check = Check("long", "it is short", lambda facts, run: iter(findings), Severity.ERROR, offline=True)
    probe: Probe[Any] = Probe("long", Long, lambda host, run: facts, (check,))
    return assess(gather(FakeHost(), [probe], Run()), [probe])


def facts_of(report: Report) -> tuple[dict[str, Any], list[str]]:
    """The facts in the document, and what is cut of it."""
    made = json.loads(render(report))
    return made["facts"]["long"], made["cut"]


def test_what_is_short_is_whole() -> None:
    """And nothing is said to be cut."""
    facts, cut = facts_of(report_of(Long("x" * bounds.TEXT, ("a",) * bounds.ENTRIES, dumps=(Dump("y" * MIB),))))
    assert (len(facts["text"]), len(facts["names"]), len(facts["dumps"][0]["text"])) == (8192, 1000, MIB)
    assert cut == []


@pytest.mark.parametrize(
    ("facts", "cut"),
    [
        (Long("x" * 10_000), "facts.long.text: 1848 of 10000 characters"),
        (Long(names=("n",) * 12_000), "facts.long.names: 11001 of 12000 entries"),
        (Long(numbers=(1,) * 12_000), "facts.long.numbers: 11001 of 12000 entries"),
        (Long(dumps=(Dump("\0" * (32 * MIB)),)), "facts.long.dumps[0].text: 32505896 of 33554432 characters"),
        (Long(by_name={str(one): "" for one in range(1001)}), "facts.long.by_name: 2 of 1001 entries"),
    ],
)
def test_what_is_long_is_cut_and_named(facts: Long, cut: str) -> None:
    """By its place, with how much is left out."""
    assert facts_of(report_of(facts))[1] == [cut]


def test_the_reader_of_a_list_or_a_text_sees_that_there_is_more() -> None:
    """Where it ends."""
    facts, _ = facts_of(report_of(Long("x" * 9_000, ("n",) * 1_002)))
    assert facts["names"][-2:] == ["n", "and 3 more"]
    assert facts["text"].endswith("x ... and 848 more characters")


def test_a_report_has_an_end_whatever_it_is_made_of() -> None:
    """Many texts, each of them allowed."""
    facts = Long(dumps=(Dump("z" * MIB),) * 900)
    assert len(render(report_of(facts))) < bounds.WHOLE + 4 * MIB
    value: Any = "deep"
    for _ in range(500):
        value = [value]
    bounded, cut = bounds.document(value)
    assert len(json.dumps(bounded)) < 100 and len(cut) == 1


def test_what_was_cut_stays_said_where_a_report_is_read_and_written_again() -> None:
    """As the service does, whose inspection is another process."""
    first = document(report_of(Long("x" * 10_000)))
    again: Report = codec.decode(Report, first)
    assert again.cut == ("facts.long.text: 1848 of 10000 characters",)
    assert document(again) == first


def test_many_findings_are_counted_and_the_worst_is_kept() -> None:
    """So that the verdict and the exit code are the same."""
    notes = [Finding(Severity.NOTE, f"note {number}", "Do it.") for number in range(5_000)]
    report = report_of(Long(), *notes, Finding(Severity.ERROR, "the worst", "Fix it."))
    (result,) = report.results
    assert (result.status, result.severity, len(result.findings)) == (Status.FAIL, Severity.ERROR, 201)
    assert result.findings[0].message == "the worst"
    assert result.findings[-1].message == "and 4801 more findings of this check"


def test_a_command_is_never_cut() -> None:
    """What is left of it could do something else."""
    finding = Finding(Severity.ERROR, "m" * 3_000, "Fix it.", ("rm -- " + "a" * 5_000, "true"), {"k": "v" * 3_000})
    (kept,) = report_of(Long(), finding).results[0].findings
    assert kept.commands == ("true",)
    assert kept.message == "m" * 1_960 + " ... and 1040 more characters"
    assert len(kept.evidence["k"]) < 2_100
