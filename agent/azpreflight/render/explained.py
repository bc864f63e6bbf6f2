"""Logs without a report, explained: as text, JSON, JSON lines and JUnit. Pure; the logs come from machines that are not
trusted."""

from __future__ import annotations

import json
from typing import Any

from azpreflight.explain.exit_code import exit_code
from azpreflight.explain.model import ExplainedLog, LogCause, LogKind, LogLine, LogMilestone
from azpreflight.model import Readiness, Severity, codec
from azpreflight.model.exit_codes import EXIT_UNDECIDED
from azpreflight.render import junit
from azpreflight.text import Columns, count, printable, wrapped

SCHEMA = "azpreflight.log/1"
ALL = Columns()
INDENT = " " * 10
"""As wide as "warning" and three blanks."""
KINDS = {
    LogKind.SERIAL: "serial console log",
    LogKind.WAAGENT: "log of waagent",
    LogKind.CLOUD_INIT: "log of cloud-init",
    LogKind.JOURNAL: "journal",
    LogKind.BUNDLE: "support bundle",
    LogKind.AZURE_INIT: "log of azure-init",
    LogKind.PROXY_AGENT: "log of the Guest Proxy Agent",
    LogKind.TELEMETRY: "telemetry to the host (KVP)",
    LogKind.UNKNOWN: "not a boot log or an agent's log",
}
VERDICTS = {
    Readiness.READY: "provisioned: the log shows that the VM was provisioned, and no cause of a failure",
    Readiness.NOT_READY: "failed: the log shows why, or what it looks like",
    Readiness.UNDECIDED: "undecided: the log shows neither a cause nor that the VM was provisioned",
}
SHOWN_ELSEWHERE = {
    LogKind.SERIAL: "a serial console shows no extensions, and no report of cloud-init: see their own logs",
    LogKind.WAAGENT: "waagent.log shows nothing of the kernel, and of cloud-init only that it is waited for",
    LogKind.CLOUD_INIT: "cloud-init's log shows neither kernel nor extensions: see the serial console and waagent.log",
    LogKind.AZURE_INIT: "azure-init's log shows neither kernel nor extensions",
}
"""Why steps are missing in a log of this kind."""


# --- text ---------------------------------------------------------------------------------------------------------


def render(logs: tuple[ExplainedLog, ...], *, verbose: bool = False, quiet: bool = False, width: Columns = ALL) -> str:
    """Each log: what it is, the verdict, the causes with their lines, how far it came, and what it does not show, in
    lines of so many columns."""
    return "\n".join(line for log in logs for line in [*_log(log, verbose, quiet, width), ""])


def _log(log: ExplainedLog, verbose: bool, quiet: bool, width: Columns) -> list[str]:
    head = wrapped(f"{log.file}: {KINDS[log.kind]}{_boots(log)}", "", "  ", width.names)
    head += wrapped(VERDICTS[log.verdict], "  ", "  ", width.prose)
    if quiet:
        return head
    lines = [*head, *(line for one in about(log) for line in wrapped(one, "  ", "  ", width.prose))]
    for cause in log.causes:
        lines += ["", *_cause(cause, width)]
    lines += ["", *(line for one in progress(log) for line in wrapped(one, "  ", "    ", width.prose))]
    return [*lines, *_remarks(log, verbose, width)]


def _boots(log: ExplainedLog) -> str:
    return f"; of its {log.boots} boots the newest" if log.boots > 1 else ""


def about(log: ExplainedLog) -> list[str]:
    """Which log it is and of which machine, in sentences."""
    agent = " ".join(word for word in (log.provisioner, log.agent if log.provisioner else None) if word)
    parts = [f"provisioning agent: {agent}" if agent else "which agent provisions is not in this log"]
    parts += [log.os] if log.os else []
    parts += [f"kernel {log.kernel}"] if log.kernel else []
    return ["; ".join(parts), *([f"not inspected: {log.unread}"] if log.unread else [])]


def _cause(cause: LogCause, width: Columns) -> list[str]:
    lines = wrapped(
        f"{cause.cause.value} ({cause.confidence.value})", f"{cause.severity.value:<10}", INDENT, width.prose
    )
    lines += wrapped(cause.summary, INDENT, INDENT, width.prose)
    for line in cause.evidence:
        lines += wrapped(f"{place(line)}: {line.text}", f"{INDENT}| ", f"{INDENT}|   ", width.prose)
    lines += wrapped(f"how sure: {cause.confidence_reason}", INDENT, INDENT, width.prose)
    lines += wrapped(f"fix: {cause.fix}", INDENT, INDENT, width.prose)
    return [*lines, *(f"{INDENT}run: {printable(command)}" for command in cause.commands)]


def place(line: LogLine) -> str:
    """Where a line stands, and when it was written."""
    at = f", {line.at_s:.1f} s" if line.at_s is not None else ""
    return (f"{line.file} " if line.file else "") + f"line {line.line}{at}"


def progress(log: ExplainedLog) -> list[str]:
    """How far the boot came, where the log ends, and what is not in it, in sentences."""
    marks = ", ".join(_mark(item) for item in log.timeline)
    lines = [f"reached, in seconds: {marks}" if marks else "no step of a boot is in this log"]
    if log.last is not None and log.ends is not None:
        lines.append(f"last step: {log.last.milestone}; the log ends at {place(log.ends)}")
    if log.not_in_this_log:
        why = f" ({SHOWN_ELSEWHERE[log.kind]})" if log.kind in SHOWN_ELSEWHERE else ""
        steps = ", ".join(log.not_in_this_log)
        lines.append(f"not in this log, which does not mean that it did not happen: {steps}{why}")
    return lines


def _mark(item: LogMilestone) -> str:
    return item.milestone if item.at_s is None else f"{item.milestone} {item.at_s:.1f}"


def _remarks(log: ExplainedLog, verbose: bool, width: Columns) -> list[str]:
    """What else is in the log; where it went well only if that is asked for."""
    if log.verdict is Readiness.READY and not verbose:
        return []
    lines = []
    for remark in log.remarks:
        times = f", {count(remark.count, 'time')}" if remark.count > 1 else ""
        words = f"also: {remark.means}{times}: {place(remark.evidence)}: {remark.evidence.text}"
        lines += wrapped(words, "  ", "    ", width.prose)
    return lines


# --- JSON ---------------------------------------------------------------------------------------------------------


def render_json(logs: tuple[ExplainedLog, ...]) -> str:
    """One document with all logs."""
    return json.dumps({"schema": SCHEMA, "logs": [codec.encode(log) for log in logs]}, indent=2) + "\n"


def render_lines(logs: tuple[ExplainedLog, ...]) -> str:
    """A line for each log."""
    return "".join(json.dumps({"schema": SCHEMA, **codec.encode(log)}) + "\n" for log in logs)


def log_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the document."""
    definitions: dict[str, Any] = {}
    log = codec.schema(ExplainedLog, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        "title": "Logs explained by azpreflight",
        "type": "object",
        "properties": {"schema": {"const": SCHEMA}, "logs": {"type": "array", "items": log}},
        "required": ["schema", "logs"],
        "$defs": definitions,
    }


# --- JUnit --------------------------------------------------------------------------------------------------------


def render_junit(logs: tuple[ExplainedLog, ...], fail_on: Severity = Severity.ERROR) -> str:
    """A suite with a test case for each log, red where the exit code is not 0: a cause at or above `fail_on` is a
    failure, one below it text of a passed test, and a log that decides nothing is an error."""
    codes = [exit_code(log, fail_on) for log in logs]
    head = (
        f'<testsuite name="azpreflight.explain-log" tests="{len(logs)}" failures="{codes.count(1)}"'
        f' errors="{codes.count(EXIT_UNDECIDED)}">'
    )
    cases = [line for log, code in zip(logs, codes) for line in _case(log, code)]
    return "\n".join([junit.DECLARATION, "<testsuites>", head, *cases, "</testsuite>", "</testsuites>", ""])


def _case(log: ExplainedLog, code: int) -> list[str]:
    head = f'  <testcase classname="azpreflight.explain-log" name={junit.quoted(log.file)}'
    said = "; ".join(f"{one.severity.value}: {one.summary} ({one.confidence.value})" for one in log.causes)
    if code == 1:
        kind = log.causes[0].cause.value
        return [f"{head}>", f'    <failure message={junit.quoted(said)} type="{kind}"/>', "  </testcase>"]
    if code == EXIT_UNDECIDED:
        return [f"{head}>", f"    <error message={junit.quoted(VERDICTS[log.verdict])}/>", "  </testcase>"]
    if said:
        return [f"{head}>", f"    <system-out>{junit.quoted(said)[1:-1]}</system-out>", "  </testcase>"]
    return [f"{head}/>"]
