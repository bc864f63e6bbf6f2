"""The report as JUnit XML, which CI systems show as tests, one a check. It is red where the exit code is not 0.

A finding below `fail_on` is a passed test with its text in system-out, and what could not be decided is an error only
where it makes the exit code 3; otherwise it is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.engine.assess import exit_code, undecided
from azpreflight.model import Report, Result, Severity, Status
from azpreflight.render import arrangement
from azpreflight.text import printable

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'

_Lines = list[str]


@dataclass(frozen=True)
class _Case:
    """What became of one check: the kind of element inside, with its text; no kind for a passed test."""

    result: Result
    kind: Optional[str]
    message: str
    body: tuple[str, ...] = ()


def render(report: Report, fail_on: Severity = Severity.ERROR) -> str:
    """One test suite as a document."""
    return "\n".join([DECLARATION, *suite(report, fail_on), ""])


def suite(report: Report, fail_on: Severity = Severity.ERROR, log: Optional[str] = None) -> _Lines:
    """One test suite. `log`, where it is one of several, is in its name and in those of its cases."""
    run = report.run
    machine = run.vm_id or run.root or "this machine"
    cases = [_case(result, fail_on) for result in report.results]
    extra = _nothing_known(report, cases, fail_on)
    counts = {
        "tests": len(cases) + len(extra[:1]),
        "failures": sum(case.kind == "failure" for case in cases),
        "errors": sum(case.kind == "error" for case in cases) + len(extra[:1]),
        "skipped": sum(case.kind == "skipped" for case in cases),
    }
    name = " ".join(part for part in ("azpreflight", log, run.stage.value, machine) if part)
    head = " ".join(
        (
            f"<testsuite name={quoted(name)}",
            *(f'{key}="{count}"' for key, count in counts.items()),
            f'time="{run.duration_s:.3f}" timestamp={quoted(run.started_at)} hostname={quoted(machine)}>',
        )
    )
    place = ".".join(part for part in ("azpreflight", _dotless(log), run.stage.value) if part)
    return [head, *_properties(report), *_written(cases, place), *extra, "</testsuite>"]


# --- one check ----------------------------------------------------------------------------------------------------


def _case(result: Result, fail_on: Severity) -> _Case:
    if result.traceback:
        return _Case(result, "error", result.reason or "a bug in azpreflight")
    if result.status is Status.UNKNOWN:
        reason = result.reason or "unknown"
        if undecided(result):
            return _Case(result, "error", reason)
        limit = arrangement.at_most(result.severity) if result.severity is not None else ""
        return _Case(result, "skipped", f"could not be determined{limit}: {reason}")
    if result.status is Status.NOT_APPLICABLE:
        return _Case(result, "skipped", result.reason or "not applicable")
    if not result.findings:
        return _Case(result, None, "")
    message = "; ".join(f"{finding.severity.value}: {arrangement.message_of(finding)}" for finding in result.findings)
    fails = any(finding.severity.rank >= fail_on.rank for finding in result.findings)
    return _Case(result, "failure" if fails else None, message, _body(result))


def _body(result: Result) -> tuple[str, ...]:
    """Every finding with its fix and commands, then where to read more."""
    lines: _Lines = []
    for named in arrangement.by_fix((result.check, finding) for finding in result.findings):
        lines += [f"{finding.severity.value}: {arrangement.message_of(finding)}" for _, finding in named]
        last = named[-1][1]
        lines += [last.fix if last.fix.startswith(arrangement.SAID) else f"fix: {last.fix}"]
        lines += [f"  $ {command}" for command in last.commands]
    lines += [f"because of {', '.join(result.because_of)}"] if result.because_of else []
    found = arrangement.address("checks", result.check)
    return (*lines, *([f"more: {found}"] if found else []))


def _written(cases: Sequence[_Case], place: str) -> Iterator[str]:
    """The elements. The time of a probe is that of its first check, so that the sum is right."""
    timed: set[str] = set()
    for case in cases:
        result = case.result
        seconds = 0.0 if result.probe in timed else result.duration_s
        timed.add(result.probe)
        head = (
            f"  <testcase classname={quoted(f'{place}.{result.probe}')} name={quoted(result.check)}"
            f' time="{seconds:.3f}"'
        )
        inside = list(_inside(case))
        yield from ([f"{head}>", *inside, "  </testcase>"] if inside else [f"{head}/>"])


def _inside(case: _Case) -> Iterator[str]:
    text = "\n".join(_escaped(line) for line in case.body)
    if case.kind == "skipped":
        yield f"    <skipped message={quoted(case.message)}/>"
    elif case.kind is not None:
        cause = case.result.cause.value if case.result.cause is not None else "no-cause"
        kind = cause if case.kind == "failure" else "undecided"
        yield f"    <{case.kind} message={quoted(case.message)} type={quoted(kind)}>{text}</{case.kind}>"
    elif case.body:
        yield f"    <system-out>{text}</system-out>"


# --- the suite ----------------------------------------------------------------------------------------------------


def _properties(report: Report) -> Iterator[str]:
    """What was asked of which machine, and the verdict."""
    run = report.run
    system = " ".join(part for part in (run.os.id, run.os.version_id) if part)
    named = {
        "verdict": report.verdict.value,
        "stage": run.stage.value,
        "profile": run.profile.value,
        "platform": run.platform.value,
        "vm_id": run.vm_id,
        "boot_id": run.boot_id,
        "root": run.root,
        "os": system or None,
        "kernel": run.kernel,
        "tool": f"{report.tool.name} {report.tool.version}",
    }
    yield "  <properties>"
    yield from (f"    <property name={quoted(key)} value={quoted(value)}/>" for key, value in named.items() if value)
    yield "  </properties>"


def _nothing_known(report: Report, cases: Sequence[_Case], fail_on: Severity) -> _Lines:
    """A case for an exit code that no check stands for: nothing that was asked for applies here."""
    if not exit_code(report, fail_on) or any(case.kind in ("failure", "error") for case in cases):
        return []
    reason = quoted(arrangement.verdict_sentence(report))
    head = f'  <testcase classname="azpreflight.{report.run.stage.value}" name="verdict" time="0.000">'
    return ["".join((head, f'<error message={reason} type="undecided"/>', "</testcase>"))]


def _dotless(log: Optional[str]) -> Optional[str]:
    """A name that is one part of a class name."""
    return log.replace(".", "_").replace("/", "_") if log is not None else None


def quoted(text: str) -> str:
    """The text as an attribute's value."""
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    from html import escape

    return escape(printable(text))
