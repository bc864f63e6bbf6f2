"""The exit code for an explained log."""

from __future__ import annotations

from azpreflight.explain.model import ExplainedLog
from azpreflight.model import Readiness, Severity
from azpreflight.model.exit_codes import EXIT_UNDECIDED


def exit_code(log: ExplainedLog, fail_on: Severity) -> int:
    """1 for a cause at or above `fail_on`, 3 where the log shows neither a cause nor that the VM was provisioned."""
    if any(one.severity.rank >= fail_on.rank for one in log.causes):
        return 1
    return EXIT_UNDECIDED if log.verdict is Readiness.UNDECIDED else 0
