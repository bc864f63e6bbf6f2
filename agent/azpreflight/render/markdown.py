"""The report as Markdown for step summaries, merge requests and tickets: what is found stays text.

The dialect is GitHub's, which GitLab and Azure DevOps read as well. Nothing in a report can become a link, a heading,
markup of any kind, or a mention that sends mail to somebody.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from azpreflight.model import CauseEntry, Finding, Report, Result
from azpreflight.render import arrangement
from azpreflight.render.arrangement import Named
from azpreflight.text import count, printable

SHOWN = 10
"""Findings of one cause that are shown; the JSON has all."""
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
_ACTS = re.compile(
    r"[\\`*_{}\[\]|~$<>&]|[@#!](?=\w)|:(?=[A-Za-z0-9_+-]{1,40}:)"  # markup, mentions and references, emoji
    r"|(?<=/)/|(?<=[wW]{3})\."  # the second of two slashes and the stop after www make links
)
"""What means something to one of the dialects, other than at the beginning of a line, where nothing foreign stands."""
_APART = "@#!:/."
"""What no backslash keeps from acting, but an element of its own does."""
_TICKS = re.compile("`+")

_Lines = list[str]


def render(report: Report) -> str:
    """Verdict, a table of the causes, then each with its fix; what is not known; the counts."""
    lines = [
        f"## {arrangement.verdict_word(report)}: {text(arrangement.verdict_sentence(report))}",
        "",
        *_table(report.causes),
        *(line for entry in report.causes for line in _cause(entry, report.results)),
        *_others(report.results),
        *_unknown(report.results),
        *_extensions(report),
        "---",
        "",
        f"{text(arrangement.counts(report))}  ",
        text(arrangement.subject(report)),
    ]
    return "\n".join(lines) + "\n"


def text(foreign: str) -> str:
    """One line of Markdown that is shown as this text."""
    return _ACTS.sub(_safe, printable(foreign))


def code(foreign: str) -> str:
    """A span of code that is shown as this text, within a table too."""
    return f"<code>{text(foreign)}</code>"


def block(lines: Sequence[str]) -> _Lines:
    """Commands as a block that has a button to copy it."""
    shown = [printable(line) for line in lines]
    longest = max((len(run) for line in shown for run in _TICKS.findall(line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}sh", *shown, fence, ""]


def _safe(found: re.Match[str]) -> str:
    character = found[0]
    if character in _ENTITIES:
        return _ENTITIES[character]
    return f"<span>{character}</span>" if character in _APART else f"\\{character}"


def _link(page_id: str, folder: str) -> str:
    found = arrangement.address(folder, page_id)
    return f"[{page_id}]({found})" if found else code(page_id)


def _table(causes: Sequence[CauseEntry]) -> _Lines:
    if not causes:
        return []
    rows = [
        f"| {one.severity.value} | {_link(one.cause.value, 'causes')} | {text(one.summary)} | {one.confidence.value} |"
        for one in causes
    ]
    return ["| Severity | Cause | Finding | Confidence |", "| --- | --- | --- | --- |", *rows, ""]


def _cause(entry: CauseEntry, results: Sequence[Result]) -> _Lines:
    findings = arrangement.findings_of(entry, results)
    lines = [f"### {entry.cause.value} ({entry.severity.value})", ""]
    for group in arrangement.by_fix(findings[:SHOWN]):
        lines += _group(group)
    more = len(findings) - SHOWN
    lines += [f"and {count(more, 'more finding')} of this cause", ""] if more > 0 else []
    lines += [f"- log evidence: {code(line)}" for line in entry.evidence]
    lines += [f"- explains {', '.join(_link(check, 'checks') for check in entry.symptoms)}"] if entry.symptoms else []
    return [*lines, ""] if lines[-1] else lines


def _group(group: Sequence[Named]) -> _Lines:
    """Findings that one fix is for."""
    lines = []
    for check, one in group:
        sure = f"{one.confidence.value}, {text(one.confidence_reason)}"
        lines.append(f"- **{text(arrangement.message_of(one))}** ({_link(check, 'checks')}; {sure})")
    return [*lines, "", *_fix(group[-1][1])]


def _fix(one: Finding) -> _Lines:
    label = "" if one.fix.startswith(arrangement.SAID) else "**Fix:** "
    return [f"{label}{text(one.fix)}", "", *(block(one.commands) if one.commands else [])]


def _others(results: Sequence[Result]) -> _Lines:
    found = arrangement.without_cause(results)
    lines = ["### Other findings", ""] if found else []
    for check, one in found:
        lines += [
            f"- {one.severity.value}: **{text(arrangement.message_of(one))}** ({_link(check, 'checks')})",
            "",
            *_fix(one),
        ]
    return lines


def _unknown(results: Sequence[Result]) -> _Lines:
    rows = [
        f"- {', '.join(_link(check, 'checks') for check in checks)}: {text(reason)}{arrangement.at_most(severity)}"
        for severity, reason, checks in arrangement.unknown(results)
    ]
    return ["### Could not be determined", "", *rows, ""] if rows else []


def _extensions(report: Report) -> _Lines:
    rows = [f"- {text(arrangement.extension(one))}" for one in report.extensions if one.will_work != "yes"]
    return ["### Extensions", "", *rows, ""] if rows else []
