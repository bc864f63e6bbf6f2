"""The report as JUnit XML, which CI systems show as tests: one test case a check."""

from __future__ import annotations

from azpreflight.model import Report, Result, Status
from azpreflight.text import printable

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'


def render(report: Report) -> str:
    """One test suite as a document."""
    return "\n".join([DECLARATION, *suite(report), ""])


def suite(report: Report) -> list[str]:
    """One test suite; findings are failures, what could not look is an error, what does not apply is skipped."""
    results = report.results
    counts = {
        "tests": len(results),
        "failures": sum(result.status is Status.FAIL for result in results),
        "errors": sum(result.status is Status.UNKNOWN for result in results),
        "skipped": sum(result.status is Status.NOT_APPLICABLE for result in results),
    }
    attributes = " ".join(f'{name}="{count}"' for name, count in counts.items())
    head = f'<testsuite name="azpreflight" {attributes} time="{report.run.duration_s:.3f}"'
    cases = [line for result in results for line in _case(result)]
    return [f"{head} timestamp={quoted(report.run.started_at)}>", *cases, "</testsuite>"]


def _case(result: Result) -> list[str]:
    # The time is that of the whole probe, so it is left out: summed over its checks it would be wrong.
    head = f"  <testcase classname={quoted(f'azpreflight.{result.probe}')} name={quoted(result.check)}"
    inside = _outcome(result)
    return [f"{head}>", *inside, "  </testcase>"] if inside else [f"{head}/>"]


def _outcome(result: Result) -> list[str]:
    if result.status is Status.UNKNOWN:
        return [f"    <error message={quoted(result.reason or '')}/>"]
    if result.status is Status.NOT_APPLICABLE:
        return [f"    <skipped message={quoted(result.reason or '')}/>"]
    if not result.findings:
        return []
    message = "; ".join(f"{finding.severity.value}: {finding.message}" for finding in result.findings)
    fixes = " ".join(dict.fromkeys(finding.fix for finding in result.findings))
    return [f"    <failure message={quoted(message)} type={quoted(_type(result))}>{_escaped(fixes)}</failure>"]


def _type(result: Result) -> str:
    return result.cause.value if result.cause is not None else "no-cause"


def quoted(text: str) -> str:
    """The text as an attribute's value."""
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    from html import escape

    return escape(printable(text))
