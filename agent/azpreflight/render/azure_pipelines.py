"""The report as logging commands of Azure Pipelines: issues of the task, and how the task ends.

An agent obeys ##vso[...] wherever it stands in a line, and colours lines that begin with ##[...]. So what is found is
escaped, and neither mark survives in it. Source: Microsoft Learn "Logging commands", azure-pipelines-agent Command.cs.
"""

from __future__ import annotations

import re

from azpreflight.engine.assess import exit_code
from azpreflight.model import Report, Severity
from azpreflight.render import arrangement
from azpreflight.render.annotations import annotated
from azpreflight.text import printable

_ESCAPES = re.compile("%(?=0[AaDd]|3[Bb]|5[Dd]|AZP25)")


def render(report: Report, fail_on: Severity = Severity.ERROR) -> str:
    """An issue for each error and warning; notes as plain lines, for which there is no issue; then the end.

    The task fails as the exit code does with this `fail_on`, and succeeds with issues where there are warnings.
    """
    found = list(annotated(report))
    lines = []
    for one in found:
        said = _data(f"{one.title}: {one.lines[0]}", *one.lines[1:])
        kind = {Severity.ERROR: "error", Severity.WARNING: "warning"}.get(one.severity)
        lines.append(
            f"##vso[task.logissue type={kind};]{said}" if kind else f"note: {_escaped(f'{one.title}: {one.lines[0]}')}"
        )
    verdict = f"{arrangement.verdict_word(report)}: {arrangement.verdict_sentence(report)}"
    result = _result(report, fail_on, any(one.severity is Severity.WARNING for one in found))
    lines.append(f"##vso[task.complete result={result};]{_data(verdict)}")
    return "".join(f"{line}\n" for line in lines)


def _result(report: Report, fail_on: Severity, warned: bool) -> str:
    if exit_code(report, fail_on):
        return "Failed"
    return "SucceededWithIssues" if warned else "Succeeded"


def _data(*lines: str) -> str:
    """The text of a command: its lines are joined by an escaped end of line."""
    return "%0A".join(_escaped(line) for line in lines)


def _escaped(text: str) -> str:
    """A percent sign that an agent would take for the beginning of an escape is set apart from what follows: how it is
    escaped itself depends on the agent's version and on a variable of the pipeline."""
    return _ESCAPES.sub("% ", printable(text)).replace("##", "# #")
