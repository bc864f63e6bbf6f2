"""What was got back out of serial console logs, for people and for programs. Pure.

The logs come from machines that are not trusted: text and JUnit go through `plain` line by line, JSON is 7-bit ASCII.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Optional

from azpreflight.console.decode import Condition, Damaged, Decoded, Recovered
from azpreflight.dataclass import dataclass
from azpreflight.engine import fleet
from azpreflight.model import Finding, Report, Severity, codec
from azpreflight.render import arrangement, junit, text
from azpreflight.text import Columns, printable, wrapped

SCHEMA = "azpreflight.decoded/1"
ALL = Columns()


@dataclass(frozen=True)
class Log:
    """One log and what it held."""

    name: str
    decoded: Decoded
    unread: Optional[str] = None
    """Which part of it was not inspected; None if all of it was."""


def report_of(recovered: Recovered) -> Optional[Report]:
    """The report; None if it is of a version that this one does not know."""
    try:
        report: Report = codec.decode(Report, recovered.document)
    except codec.DecodeError:
        return None
    return report


@dataclass(frozen=True)
class Counted:
    """The report of a log that counts."""

    report: Report
    id: str
    doubt: Optional[str]
    """Why the reports of the log may not be in order."""


def counted(log: Log, now: datetime.datetime) -> Optional[Counted]:
    """The report that counts; None where the newest cannot be read, or there is none."""
    read = [(one.id, report_of(one)) for one in log.decoded.reports]
    known = [(name, report) for name, report in read if report is not None]
    if not read or read[0][1] is None:
        return None
    place, doubt = fleet.counted([report for _, report in known], now)
    return Counted(known[place][1], known[place][0], doubt)


def as_said(report: Report, log: str) -> Report:
    """The report with what is to be done as the words of its log: they are somebody's, and no advice of ours."""
    causes = tuple(replace(one, fix=_said(one.fix, one.commands, log), commands=()) for one in report.causes)
    results = tuple(
        replace(one, findings=tuple(_finding(found, log) for found in one.findings)) for one in report.results
    )
    return replace(report, causes=causes, results=results)


def _finding(found: Finding, log: str) -> Finding:
    return replace(found, fix=_said(found.fix, found.commands, log), commands=())


def _said(fix: str, commands: tuple[str, ...], log: str) -> str:
    return f"{arrangement.SAID}{log} says: " + "; ".join(f'"{words}"' for words in (fix, *commands))


def why_none(log: Log) -> str:
    """Why a log, or its newest part, has no report that can be read."""
    if log.decoded.reports:
        return "its report is of a version that this one cannot read"
    found = [lost(frame) for frame in log.decoded.damaged] or ["no report in this log"]
    return "; ".join([*found, *(f"not inspected: {part}" for part in _not_looked_at(log))])


def harmless(lines: str) -> str:
    """The text without anything that a terminal would obey."""
    return "\n".join(printable(line) for line in lines.split("\n"))


# --- text ---------------------------------------------------------------------------------------------------------


def render(logs: tuple[Log, ...], *, verbose: bool = False, quiet: bool = False, width: Columns = ALL) -> str:
    """Every report as text, newest first, under a line that says where it comes from and what was lost, in lines of so
    many columns."""
    return harmless("\n".join(line for log in logs for line in _log(log, verbose, quiet, width)))


def _log(log: Log, verbose: bool, quiet: bool, width: Columns) -> list[str]:
    reports, damaged = log.decoded.reports, log.decoded.damaged
    head = f"{log.name}: {_number(len(reports), 'report')}" + (", newest first" if len(reports) > 1 else "")
    told = [f"not inspected: {part}" for part in _not_looked_at(log)]
    told += [f"a report that is lost, {lost(frame)}" for frame in damaged]
    if damaged and not reports:
        told.append('its summary may still be there: the lines that begin with "azpreflight:"')
    lines = [
        *wrapped(head, "", "  ", width.names),
        *(line for one in told for line in wrapped(one, "  ", "    ", width.names)),
    ]
    for recovered in reports:
        about = [f"report {recovered.id}, {_boot(recovered.boot)}, {_condition(recovered)}"]
        about += [f"left out by the machine: {', '.join(recovered.omitted)}"] if recovered.omitted else []
        lines += ["", *(line for one in about for line in wrapped(one, "", "  ", width.names))]
        lines += ["", *_report(recovered, log.name, verbose, quiet, width)]
    return [*lines, ""]


def _report(recovered: Recovered, log: str, verbose: bool, quiet: bool, width: Columns) -> list[str]:
    report = report_of(recovered)
    if report is None:
        return wrapped("a report that this version cannot read; --format json prints it", "", "  ", width.prose)
    return text.render(as_said(report, log), verbose=verbose, quiet=quiet, width=width.prose).splitlines()


def _number(count: int, word: str) -> str:
    return f"{count} {word}" + ("" if count == 1 else "s")


def _not_looked_at(log: Log) -> list[str]:
    parts = [log.unread] if log.unread else []
    return parts + ([_number(log.decoded.skipped, "older report")] if log.decoded.skipped else [])


def lost(frame: Damaged) -> str:
    """What is told of a report that cannot be brought back."""
    return f"{frame.id}: {frame.found} of {frame.lines} lines found; {frame.reason}"


def _boot(boot: int) -> str:
    return "of the newest boot" if boot == 0 else f"of {_number(boot, 'boot')} before"


def _condition(recovered: Recovered) -> str:
    if recovered.condition is Condition.COMPLETE:
        return f"complete ({recovered.lines} lines)"
    return (
        f"repaired: of {recovered.lines} lines {recovered.lost} were lost "
        f"and {recovered.joined} had other text in their middle"
    )


# --- JSON ---------------------------------------------------------------------------------------------------------


def render_json(logs: tuple[Log, ...]) -> str:
    """One document with all logs."""
    return json.dumps({"schema": SCHEMA, "logs": [_document(log) for log in logs]}, indent=2) + "\n"


def _document(log: Log) -> dict[str, Any]:
    return {"log": log.name, "unread": log.unread, **codec.encode(log.decoded)}


def render_lines(logs: tuple[Log, ...]) -> str:
    """A line for each report and for each that is damaged, and one for a log that held neither."""
    rows = [row for log in logs for row in _rows(log)]
    return "".join(json.dumps({"schema": SCHEMA, **row}) + "\n" for row in rows)


def _rows(log: Log) -> list[dict[str, Any]]:
    rows = [{"kind": "report", "log": log.name, **codec.encode(one)} for one in log.decoded.reports]
    rows += [{"kind": "damaged", "log": log.name, **codec.encode(one)} for one in log.decoded.damaged]
    return rows or [{"kind": "nothing", "log": log.name}]


# --- JUnit --------------------------------------------------------------------------------------------------------


def render_junit(logs: tuple[Log, ...], fail_on: Severity, now: datetime.datetime) -> str:
    """A suite with a test case for each log, which is an error without a report that counts, then the suite of each
    report that does: it is red where the exit code is not 0."""
    read = [(log, counted(log, now)) for log in logs]
    suites = [
        line
        for log, found in read
        if found is not None
        for line in junit.suite(as_said(found.report, log.name), fail_on, log=log.name)
    ]
    without = [log for log, found in read if found is None]
    lines = [junit.DECLARATION, "<testsuites>", *_logs_suite(logs, without), *suites, "</testsuites>", ""]
    return harmless("\n".join(lines))


def _logs_suite(logs: tuple[Log, ...], without: Sequence[Log]) -> list[str]:
    head = f'<testsuite name="azpreflight.decode" tests="{len(logs)}" failures="0" errors="{len(without)}" skipped="0">'
    lines = [head]
    for log in logs:
        case = f'  <testcase classname="azpreflight.decode" name={junit.quoted(log.name)}'
        if log not in without:
            lines.append(f"{case}/>")
        else:
            lines += [f"{case}>", f"    <error message={junit.quoted(why_none(log))}/>", "  </testcase>"]
    return [*lines, "</testsuite>"]
