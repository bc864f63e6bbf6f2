"""The report as workflow commands of GitHub Actions, which shows them as annotations of the run.

A runner obeys every line that begins with two colons, and the older form with ##[ anywhere in a line. So each line here
is a command of our own, what it says is escaped as the runner's own toolkit does it, and the older form is broken up.
Source: actions/runner ActionCommand.cs, actions/toolkit command.ts.
"""

from __future__ import annotations

from azpreflight.model import Report, Severity
from azpreflight.render import arrangement
from azpreflight.render.annotations import annotated
from azpreflight.text import printable

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(report: Report) -> str:
    """An annotation a line, the worst first; then the verdict as a notice."""
    lines = [
        f"::{_COMMANDS[one.severity]} title={_property(f'azpreflight: {one.title}')}::{_data(*one.lines)}"
        for one in annotated(report)
    ]
    verdict = f"{arrangement.verdict_word(report)}: {arrangement.verdict_sentence(report)}"
    lines.append(
        f"::notice title=azpreflight::{_data(verdict, arrangement.counts(report), arrangement.subject(report))}"
    )
    return "".join(f"{line}\n" for line in lines)


def _data(*lines: str) -> str:
    """The text of a command: its lines are joined by an escaped end of line."""
    return "%0A".join(_escaped(line) for line in lines)


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _escaped(text: str) -> str:
    return printable(text).replace("%", "%25").replace("##[", "# #[")
