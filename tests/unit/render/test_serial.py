"""The report on a serial console: what a person reads, and the frame after it."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from azpreflight.console import frame
from azpreflight.console.decode import Condition, decode
from azpreflight.model import Cause, CauseEntry, Report, Status
from azpreflight.render import json, serial
from tests.fuzz import damage
from tests.support import golden
from tests.support.examples import whole_report
from tests.support.records import wrong_with_record
from tests.support.reports import BROKEN, READY, UNDECIDED

REAL = {path.stem: path for path in (Path(__file__).parents[2] / "data" / "records").glob("*.json")}
"""Reports of whole machines of the stand-in platform."""
MANY = replace(BROKEN, causes=tuple(replace(BROKEN.causes[0], cause=cause) for cause in Cause))
WORDY_CAUSE = replace(
    BROKEN.causes[0],
    summary="rule 3 of OUTPUT drops it " * 40,
    fix="delete the rule, and save the rules again " * 40,
    commands=("iptables -D OUTPUT 3",) * 100,
    symptoms=("wireserver-http",) * 100,
)
WORDY = [replace(BROKEN, causes=(WORDY_CAUSE,) * count) for count in range(1, 6)]
BLIND = replace(UNDECIDED, results=UNDECIDED.results * 50)
ODD = replace(READY, run=replace(READY.run, vm_id="x" * 300))


def raw(report: Report, size: int, **facts: Any) -> Report:
    """The report with so many bytes of facts that do not compress, of a probe whose checks do not all pass."""
    return replace(report, facts={"probe": {"rules": noise(size), **facts}})


def noise(size: int, length: int = 4_000) -> list[str]:
    """So many characters that do not compress, in texts that a report does not cut."""
    text = random.Random(size).randbytes(size // 2).hex()
    return [text[start : start + length] for start in range(0, size, length)]


def documents(text: str) -> list[Any]:
    return [recovered.document for recovered in decode(text.encode("ascii")).reports]


def test_a_summary_leads_with_the_causes() -> None:
    assert serial.summary(BROKEN, "/var/lib/azpreflight/report.json", ["~"] * 35) == (
        "azpreflight: NOT READY at firstboot, 2026-11-22T17:30:00Z, vm e3b7a3f0-0000-4000-8000-000000000001",
        "azpreflight: 1. guest-firewall, certain; see azpreflight explain guest-firewall",
        "azpreflight:   rule 3 of OUTPUT (legacy filter) drops tcp 168.63.129.16:80",
        "azpreflight:   fix: delete the rule, and save the rules again",
        "azpreflight:   run: iptables-legacy -D OUTPUT 3 && netfilter-persistent save",
        "azpreflight:   explains: wireserver-http, wireserver-goal-state",
        "azpreflight: 2. dns-unreachable (warning), likely; see azpreflight explain dns-unreachable",
        "azpreflight:   10.0.0.9 did not answer over udp (and 1 more finding of this cause)",
        "azpreflight:   fix: take it out of /etc/resolv.conf",
        "azpreflight: checks: 2 passed, 6 failed, 2 unknown, 1 not applicable; took 0.4 s",
        "azpreflight: report: /var/lib/azpreflight/report.json or azpreflight decode of the next 35 lines",
    )


def test_one_cause_alone_says_what_it_explains() -> None:
    lines = serial.summary(replace(BROKEN, causes=BROKEN.causes[:1]), None)
    assert "azpreflight:   explains: wireserver-http, wireserver-goal-state" in lines


def test_a_ready_machine_gets_three_lines() -> None:
    assert serial.summary(READY, None) == (
        "azpreflight: READY at capture, 2026-11-22T17:30:00Z, vm e3b7a3f0-0000-4000-8000-000000000001",
        "azpreflight: checks: 1 passed, 0 failed, 0 unknown, 1 not applicable; took 0.4 s",
        "azpreflight: report: azpreflight check in the VM",
    )


def test_an_undecided_machine_says_what_could_not_look() -> None:
    lines = serial.summary(UNDECIDED, None)
    assert "azpreflight: unknown: gen-users: cannot read /etc/shadow: Permission denied" in lines


@pytest.mark.parametrize("report", [BROKEN, READY, UNDECIDED, BLIND, MANY, ODD, *WORDY])
def test_a_summary_has_at_most_12_lines_of_100_columns(report: Report) -> None:
    lines = serial.summary(report, "/var/lib/azpreflight/report.json", ["~"] * 500, ["facts.a"] * 100)
    assert len(lines) <= 12
    assert all(len(line) <= 100 for line in lines)
    assert all(line.startswith("azpreflight: ") for line in lines)


def test_no_escape_sequence_and_no_second_line_comes_through() -> None:
    nasty = replace(BROKEN.causes[0], summary="a\x1b[2Jb\nc\u202ed", fix="\x9b31m", commands=("\r\0",))
    lines = serial.summary(replace(BROKEN, causes=(nasty,)), None)
    assert all(line.isascii() and line.isprintable() for line in lines)


def test_a_notice_is_a_few_lines_of_100_columns() -> None:
    lines = serial.notice("no verdict: \x1b[2J " + "a long word and another " * 40).splitlines()
    assert len(lines) == serial.NOTICE_LINES
    assert all(line.startswith(serial.PREFIX) and line.isascii() and line.isprintable() for line in lines)
    assert max(map(len, lines)) <= serial.COLUMNS


@pytest.mark.parametrize("report", [BROKEN, READY, UNDECIDED, MANY, *WORDY])
def test_the_frame_decodes_to_the_very_report(report: Report) -> None:
    assert documents(serial.render(report)) == [json.document(report)]


def test_it_decodes_from_a_noisy_console_too() -> None:
    rng = random.Random(1)
    report = raw(BROKEN, 4000)
    log = serial.render(report).encode("ascii")
    for _ in range(20):
        log = damage.splice(log, rng)
    decoded = decode(damage.booted(log, rng))
    assert [found.document for found in decoded.reports] == [json.document(report)]
    assert decoded.reports[0].condition is Condition.REPAIRED


@pytest.mark.parametrize("size", [100, 10_000, 50_000, 60_000, 1_000_000, 4_000_000])
def test_it_never_takes_more_than_64_kib(size: int) -> None:
    text = serial.render(raw(MANY, size))
    assert len(text.replace("\n", "\r\n")) <= 64 * 1024
    assert len(documents(text)) == 1


def test_the_largest_facts_are_left_out_first_and_that_is_said() -> None:
    report = raw(BROKEN, 100_000, policy="DROP")
    text = serial.render(report)
    recovered = decode(text.encode("ascii")).reports[0]
    assert recovered.omitted == ("facts.probe.rules",)
    assert recovered.document["facts"] == {"probe": {"policy": "DROP"}}
    assert recovered.document["results"] == json.document(report)["results"]
    assert "azpreflight: left out of these lines: facts.probe.rules\n" in text


def test_what_passed_is_left_out_before_what_failed() -> None:
    """Whole probes of which nothing failed, and at last what tells machines apart in a fleet."""
    told = {"metadata": {"instance": noise(600)}, "goal_state": noise(9_000)}
    facts = {"probe": {"rules": noise(4_000)}, "login": {"users": noise(3_000)}, "platform": told}
    recovered = decode(serial.render(replace(BROKEN, facts=facts)).encode("ascii")).reports[0]
    assert recovered.omitted == ("facts.login", "facts.platform.goal_state")
    assert set(recovered.document["facts"]["platform"]) == {"metadata"}
    assert recovered.document["facts"]["probe"] == facts["probe"]


@pytest.mark.parametrize("name", [*REAL, *golden.CHECKS])
def test_a_record_is_short_and_says_what_the_report_says(name: str) -> None:
    """12 kB where all is well and 16 kB where it is not, with all causes and results, and the facts of what failed."""
    report = json.parse_report(REAL[name].read_text()) if name in REAL else whole_report(name)
    assert wrong_with_record(report) == []
    omitted = decode(serial.render(report).encode("ascii")).reports[0].omitted
    failed = {result.probe for result in report.results if result.status in (Status.FAIL, Status.UNKNOWN)}
    assert {path.split(".")[1] for path in omitted} & failed == set()


def test_the_causes_come_through_when_even_the_results_do_not_fit() -> None:
    long = tuple(replace(BROKEN.results[0], reason=text) for text in noise(200_000))
    text = serial.render(replace(BROKEN, results=long, facts={"a": {"b": noise(200_000)}}))
    recovered = decode(text.encode("ascii")).reports[0]
    assert recovered.omitted == ("facts", "results")
    assert recovered.document["causes"] == json.document(BROKEN)["causes"]


def test_causes_that_do_not_fit_leave_the_summary() -> None:
    endless: CauseEntry = replace(BROKEN.causes[0], commands=tuple(noise(200_000)))
    text = serial.render(replace(BROKEN, causes=(endless,)))
    assert frame.START.decode() not in text
    assert len(text.splitlines()) <= 12
    assert "too long for this console" in text
