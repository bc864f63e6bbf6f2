"""The journal, with fields of its own, so that `journalctl AZPREFLIGHT_CAUSE=guest-firewall` finds it."""

from __future__ import annotations

from azpreflight.engine.assess import own_error
from azpreflight.host import service
from azpreflight.model import Readiness, Report, Severity

VERDICT_ID = "5b0c1f0a9c8e4c0f9a3d7a2f4f6f1e21"
"""MESSAGE_ID of the verdict of a report."""
CAUSE_ID = "a1d1b7a7c0c94a8f8a2c5a5b8b0b6d3e"
"""MESSAGE_ID of each cause in it."""
CHECK_ID = "6f1c9d2e7b3a4f58a0e6d4c2b1f09a7e"
"""MESSAGE_ID of each error that stands for no cause, such as that of a site's own check."""
_PRIORITY = {Severity.ERROR: "3", Severity.WARNING: "4", Severity.NOTE: "6"}
"""syslog(3) levels."""


def write_journal(report: Report) -> None:
    """A record for the verdict, each cause, and each error without one; nothing happens where there is no journal."""
    for fields in records(report):
        service.journal({"SYSLOG_IDENTIFIER": "azpreflight", **fields})


def records(report: Report) -> tuple[dict[str, str], ...]:
    """The records of a report, as fields by name."""
    verdict = {
        "MESSAGE_ID": VERDICT_ID,
        "MESSAGE": f"{report.verdict.value} at stage {report.run.stage.value}",
        "PRIORITY": "6" if report.verdict is Readiness.READY else "4",
        "AZPREFLIGHT_VERDICT": report.verdict.value,
    }
    status = {result.check: result.status.value for result in report.results}
    causes = (
        {
            "MESSAGE_ID": CAUSE_ID,
            "MESSAGE": f"{entry.cause.value}: {entry.summary}",
            "PRIORITY": _PRIORITY[entry.severity],
            "AZPREFLIGHT_CAUSE": entry.cause.value,
            "AZPREFLIGHT_CHECK": entry.check,
            "AZPREFLIGHT_STATUS": status.get(entry.check, "fail"),
            "AZPREFLIGHT_FIX": entry.fix,
        }
        for entry in report.causes
    )
    errors = (
        {
            "MESSAGE_ID": CHECK_ID,
            "MESSAGE": f"{result.check}: {result.findings[0].message}",
            "PRIORITY": _PRIORITY[Severity.ERROR],
            "AZPREFLIGHT_CHECK": result.check,
            "AZPREFLIGHT_STATUS": result.status.value,
            "AZPREFLIGHT_FIX": result.findings[0].fix,
        }
        for result in report.results
        if own_error(result)
    )
    return (verdict, *causes, *errors)
