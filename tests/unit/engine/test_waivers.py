"""What a waiver does to a finding, and to all that is made of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from azpreflight.engine.assess import assess, exit_code
from azpreflight.engine.gather import gather
from azpreflight.engine.waivers import applied, matches, words
from azpreflight.model import (
    Cause,
    Config,
    Finding,
    Platform,
    Readiness,
    Report,
    Run,
    Severity,
    Stage,
    Waived,
    Waiver,
    WaiverState,
)
from azpreflight.render import json as render_json
from azpreflight.render import junit, prometheus, serial, text
from tests.support.fakes import FakeHost
from tests.support.probes import check, finding, probe

TODAY = "2026-11-27T10:00:00Z"
UNTIL = Waiver("dns", "the new servers come with ticket 4711", until="2027-01-31")


def judged(*waivers: Waiver, started_at: str = TODAY) -> Report:
    """A server that is dead, a name that does not resolve because of it, and an error of another check."""
    probes = (
        probe(
            "net",
            check("dns", finding("udp 10.0.0.9:53", breaks=("name *",)), cause=Cause.DNS_UNREACHABLE),
            check("egress", finding("name x.blob"), cause=Cause.NO_EGRESS, depends_on=("dns",)),
        ),
    )
    run = Run(stage=Stage.FIRSTBOOT, platform=Platform.AZURE, config=Config(waive=waivers))
    snapshot = gather(FakeHost(), probes, run)
    return assess(replace(snapshot, run=replace(snapshot.run, started_at=started_at)), probes)


def test_a_waived_cause_counts_for_less_and_so_do_its_symptoms() -> None:
    """The check has still failed, with the same words; verdict and exit code follow what it was lowered to."""
    plain, waived = judged(), judged(UNTIL)
    assert (plain.verdict, exit_code(plain, Severity.ERROR)) == (Readiness.NOT_READY, 1)
    assert (waived.verdict, exit_code(waived, Severity.ERROR)) == (Readiness.READY, 0)
    assert [entry.severity for entry in waived.causes] == [Severity.NOTE]
    assert [result.status for result in waived.results] == [result.status for result in plain.results]
    assert [result.severity for result in waived.results] == [Severity.NOTE, Severity.NOTE]
    found = waived.results[0].findings[0]
    assert found.message == plain.results[0].findings[0].message
    assert found.waived == Waived(UNTIL.reason, UNTIL.until, Severity.ERROR)


def test_it_is_lowered_to_the_severity_that_is_named_and_never_raised() -> None:
    warned = judged(replace(UNTIL, severity=Severity.WARNING))
    assert warned.results[0].severity is Severity.WARNING
    note = Finding(Severity.NOTE, "a note", "Fix it.")
    only = probe("net", check("dns", note))
    run = Run(config=Config(waive=(replace(UNTIL, severity=Severity.WARNING),)))
    report = assess(gather(FakeHost(), [only], run), [only])
    assert report.results[0].findings[0].severity is Severity.NOTE


@pytest.mark.parametrize(
    ("started_at", "state"),
    [
        ("2027-01-31T23:59:59Z", WaiverState.USED),
        ("2027-02-01T00:00:00Z", WaiverState.EXPIRED),
    ],
)
def test_the_last_day_counts_and_the_day_is_that_of_the_run(started_at: str, state: WaiverState) -> None:
    """A snapshot that is judged next year is judged as it was on its day."""
    results, uses = applied(judged().results, (UNTIL,), started_at)
    assert [use.state for use in uses] == [state]
    assert (results[0].findings[0].waived is None) is (state is WaiverState.EXPIRED)
    assert (judged(UNTIL, started_at=started_at).verdict is Readiness.READY) is (state is WaiverState.USED)


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        (None, True),
        ("10.0.0.9", True),
        ("10.0.0.8", False),
        ("udp*53", True),
        ("53*udp", False),
        ("*", True),
        ("10.0.0.?", False),
    ],
)
def test_the_text_is_literal_but_for_the_star(match: str | None, fits: bool) -> None:
    assert matches(replace(UNTIL, match=match), finding("udp 10.0.0.9:53")) is fits


def test_a_long_row_of_stars_takes_no_time() -> None:
    """Each part is looked for once, from where the one before it ended."""
    waiver = replace(UNTIL, match="a*" * 100)
    assert not matches(waiver, Finding(Severity.ERROR, "a" * 99 + "b" * 2000, "Fix it."))
    assert matches(waiver, Finding(Severity.ERROR, "a" * 100, "Fix it."))


def test_the_first_that_matches_decides() -> None:
    first = replace(UNTIL, match="nowhere")
    second, third = replace(UNTIL, severity=Severity.WARNING), UNTIL
    report = judged(first, second, third)
    assert report.results[0].severity is Severity.WARNING


def test_every_format_shows_it() -> None:
    """Text and JUnit say it in words, JSON has it as a field, and counts follow the severity."""
    report = judged(UNTIL)
    said = "waived until 2027-01-31: the new servers come with ticket 4711 (error without the waiver)"
    assert words(Waived(UNTIL.reason, UNTIL.until, Severity.ERROR)) == said
    assert said in " ".join(text.render(report).split())
    assert said in " ".join(text.render(report, verbose=True).split())
    assert said in junit.render(report)
    assert said in " ".join(serial.render(report).replace("azpreflight: ", "").split())
    document = json.loads(render_json.render(report))
    waived = {"reason": UNTIL.reason, "until": UNTIL.until, "severity_before": "error"}
    assert document["results"][0]["findings"][0]["waived"] == waived
    assert document["causes"][0]["waived"] == waived
    assert 'azpreflight_cause{cause="dns-unreachable",severity="note"} 1' in prometheus.render(report)


def test_one_without_a_last_day_says_so_by_silence() -> None:
    assert words(Waived("for good", None, Severity.WARNING)) == "waived: for good (warning without the waiver)"
