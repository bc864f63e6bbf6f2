"""The report as Prometheus text for node_exporter's textfile collector: a dozen series a machine, of closed labels.

What passes has no series of its own: with a hundred checks and a thousand machines that would be some 400,000, and
nobody asks for them. What fails, or is unknown, has one. The time of the run is there so that a file that is no longer
written can be told from one that is.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Callable

from azpreflight.model import Readiness, Report, Severity, Status


def render(report: Report) -> str:
    """Gauges: what ran and when, the verdict, and what is wrong."""
    lines = []
    for name, (help_text, series) in GAUGES.items():
        lines += [f"# HELP azpreflight_{name} {help_text}", f"# TYPE azpreflight_{name} gauge"]
        lines += [f"azpreflight_{name}{one}" for one in series(report)]
    return "\n".join(lines) + "\n"


def _info(report: Report) -> Iterator[str]:
    run = report.run
    words = {"stage": run.stage.value, "profile": run.profile.value, "platform": run.platform.value}
    yield _gauge(1, version=report.tool.version, **words)


def _verdict(report: Report) -> Iterator[str]:
    yield from (_gauge(int(report.verdict is one), verdict=one.value) for one in Readiness)


def _checks(report: Report) -> Iterator[str]:
    count = Counter(result.status for result in report.results)
    yield from (_gauge(count[one], status=one.value) for one in Status)


def _findings(report: Report) -> Iterator[str]:
    count = Counter(found.severity for result in report.results for found in result.findings)
    yield from (_gauge(count[one], severity=one.value) for one in Severity)


def _causes(report: Report) -> Iterator[str]:
    yield from (_gauge(1, cause=one.cause.value, severity=one.severity.value) for one in report.causes)


def _failed(report: Report) -> Iterator[str]:
    for one in report.results:
        if one.status is Status.FAIL and one.severity is not None:
            yield _gauge(1, check=one.check, severity=one.severity.value)


def _unknown(report: Report) -> Iterator[str]:
    for one in report.results:
        if one.status is Status.UNKNOWN and one.severity is Severity.ERROR:
            yield _gauge(1, check=one.check)


def _began(report: Report) -> Iterator[str]:
    """Unix time; 0 for what is no time, which is very old."""
    try:
        seconds = datetime.datetime.fromisoformat(report.run.started_at.replace("Z", "+00:00")).timestamp()
    except ValueError:
        seconds = 0
    yield f" {int(seconds)}"


def _took(report: Report) -> Iterator[str]:
    yield f" {report.run.duration_s}"


GAUGES: Mapping[str, tuple[str, Callable[[Report], Iterator[str]]]] = {
    "info": ("What ran, and for which question; always 1.", _info),
    "verdict": ("1 for the verdict of the last run.", _verdict),
    "checks": ("Checks of the last run by status.", _checks),
    "findings": ("Findings of the last run by severity.", _findings),
    "cause": ("1 for each cause that was found.", _causes),
    "check_failed": ("1 for each check that failed.", _failed),
    "check_unknown": ("1 for each check that is unknown and whose failure would be an error.", _unknown),
    "run_timestamp_seconds": ("When the last run began, by the clock of the machine.", _began),
    "duration_seconds": ("Seconds that gathering took.", _took),
}
"""By the name behind azpreflight_: what it is, and its series."""


def _gauge(value: int, **labels: str) -> str:
    inside = ",".join(f'{label}="{_label(text)}"' for label, text in labels.items())
    return f"{{{inside}}} {value}"


def _label(text: str) -> str:
    """A report may have been saved by somebody else."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
