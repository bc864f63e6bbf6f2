"""The report as a monitoring plugin prints it, for Nagios, Icinga, Checkmk and the like: one line, details, numbers.

Source: Monitoring Plugins Development Guidelines; a bar ends the text and begins the numbers, so none is in the text.
"""

from __future__ import annotations

from collections import Counter
from enum import IntEnum

from azpreflight.engine.assess import exit_code, undecided
from azpreflight.model import Report, Severity, Status
from azpreflight.render import arrangement
from azpreflight.render.annotations import annotated
from azpreflight.text import printable

LINES = 40
"""Of details; what reads them takes some 8 KiB."""
LONGEST = 160
"""Characters of one of them."""


class State(IntEnum):
    """What a plugin reports; the number is its exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


def state(report: Report, fail_on: Severity = Severity.ERROR) -> State:
    """CRITICAL for what fails with this `fail_on`, WARNING for a lesser warning, UNKNOWN for what could not be decided
    and for a bug."""
    code = exit_code(report, fail_on)
    if code == 1:
        return State.CRITICAL
    if code:
        return State.UNKNOWN
    severities = {finding.severity for one in report.results for finding in one.findings}
    return State.WARNING if Severity.WARNING in severities else State.OK


def render(report: Report, fail_on: Severity = Severity.ERROR) -> str:
    """The state with the verdict and the numbers, then a line for each cause and finding."""
    head = f"AZPREFLIGHT {state(report, fail_on).name} - {_text(arrangement.verdict_sentence(report))}"
    details = [
        f"{one.severity.value}: {one.title}: {line}" if place == 0 else line
        for one in annotated(report)
        for place, line in enumerate(one.lines)
    ]
    shown = [_text(line) for line in details[:LINES]]
    shown += [f"and {len(details) - LINES} more lines"] if len(details) > LINES else []
    return "\n".join([f"{head} | {_numbers(report)}", *shown, _text(arrangement.subject(report))]) + "\n"


def _numbers(report: Report) -> str:
    """Performance data: label=value;warning;critical;least."""
    found = Counter(finding.severity for one in report.results for finding in one.findings)
    blind = sum(undecided(one) for one in report.results)
    passed = sum(one.status is Status.PASS for one in report.results)
    return (
        f"errors={found[Severity.ERROR]};;0;0 warnings={found[Severity.WARNING]};0;;0 notes={found[Severity.NOTE]};;;0 "
        f"undecided={blind};;;0 passed={passed};;;0 duration={report.run.duration_s:.3f}s;;;0"
    )


def _text(line: str) -> str:
    safe = printable(line).replace("|", "\\x7c")
    return safe if len(safe) <= LONGEST else safe[: LONGEST - 3] + "..."
