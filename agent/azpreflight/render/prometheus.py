"""The report as Prometheus text for node_exporter's textfile collector. Every label is from a closed set."""

from __future__ import annotations

from azpreflight.model import Readiness, Report, Status


def render(report: Report) -> str:
    """Gauges: the verdict, every check by status, every cause by severity, when and for how long was looked."""
    lines = ["# HELP azpreflight_verdict 1 for the verdict of the last run.", "# TYPE azpreflight_verdict gauge"]
    lines += [_gauge("verdict", report.verdict is verdict, verdict=verdict.value) for verdict in Readiness]
    lines += ["# HELP azpreflight_check 1 for the status of each check.", "# TYPE azpreflight_check gauge"]
    lines += [
        _gauge("check", result.status is status, check=result.check, status=status.value)
        for result in report.results
        for status in Status
    ]
    lines += ["# HELP azpreflight_cause Causes that were found.", "# TYPE azpreflight_cause gauge"]
    lines += [_gauge("cause", True, cause=entry.cause.value, severity=entry.severity.value) for entry in report.causes]
    lines += [
        "# HELP azpreflight_duration_seconds Seconds that gathering took.",
        "# TYPE azpreflight_duration_seconds gauge",
    ]
    lines += [f"azpreflight_duration_seconds {report.run.duration_s}"]
    return "\n".join(lines) + "\n"


def _gauge(name: str, value: bool, **labels: str) -> str:
    inside = ",".join(f'{label}="{text}"' for label, text in labels.items())
    return f"azpreflight_{name}{{{inside}}} {int(value)}"
