"""The monitoring plugin: its state, its first line, and numbers that a grammar takes."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from azpreflight.model import Report, Severity, Status
from azpreflight.render import nagios
from azpreflight.render.nagios import State
from tests.support.hostile_reports import EVERY, hostile
from tests.support.reports import BROKEN, READY, RULE, UNDECIDED, result

NUMBER = r"[0-9.]+"
PERFDATA = re.compile(rf"[a-z]+={NUMBER}(s|)(;({NUMBER})?){{0,3}}")
WARNED = replace(READY, results=(result("a-b", Status.FAIL, replace(RULE, severity=Severity.WARNING)),))
NOTED = replace(READY, results=(result("a-b", Status.FAIL, replace(RULE, severity=Severity.NOTE)),))


@pytest.mark.parametrize(
    ("report", "fail_on", "state"),
    [
        (READY, Severity.ERROR, State.OK),
        (NOTED, Severity.ERROR, State.OK),
        (NOTED, Severity.NOTE, State.CRITICAL),
        (WARNED, Severity.ERROR, State.WARNING),
        (WARNED, Severity.WARNING, State.CRITICAL),
        (BROKEN, Severity.ERROR, State.CRITICAL),
        (UNDECIDED, Severity.ERROR, State.UNKNOWN),
        (replace(READY, results=(*WARNED.results, *UNDECIDED.results)), Severity.ERROR, State.UNKNOWN),
        (
            replace(BROKEN, results=(*BROKEN.results, result("x-y", Status.UNKNOWN, traceback="t"))),
            Severity.ERROR,
            State.UNKNOWN,
        ),
    ],
)
def test_the_state(report: Report, fail_on: Severity, state: State) -> None:
    assert nagios.state(report, fail_on) is state
    assert nagios.render(report, fail_on).startswith(f"AZPREFLIGHT {state.name} - ")


def test_one_line_then_details() -> None:
    first, *details = nagios.render(BROKEN).splitlines()
    text, numbers = first.split(" | ")
    assert text.startswith("AZPREFLIGHT CRITICAL - this VM fails, or will fail, because of guest-firewall")
    assert all(PERFDATA.fullmatch(one) for one in numbers.split(" "))
    assert "errors=3;;0;0" in numbers and "undecided=2" in numbers
    assert details[0] == f"error: guest-firewall: {RULE.message}"
    assert f"  $ {RULE.commands[0]}" in details


@pytest.mark.parametrize("text", EVERY)
def test_hostile_text_has_no_part_in_the_numbers(text: str) -> None:
    """A bar would end the text; a monitoring system reads what follows as numbers."""
    lines = nagios.render(hostile(text)).splitlines()
    assert lines[0].count("|") == 1 and not any("|" in line for line in lines[1:])
    assert all(len(line) <= nagios.LONGEST for line in lines[1:]) and len(lines) <= nagios.LINES + 3
