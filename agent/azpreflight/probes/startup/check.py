"""What the checks of this probe have in common."""

from __future__ import annotations

from typing import Any

from azpreflight.model import ALL_PROFILES, Cause, Check, Judge, Severity, Stage


def check(
    name: str,
    title: str,
    judge: Judge,
    severity: Severity = Severity.ERROR,
    profiles: Any = ALL_PROFILES,
    cause: Cause = Cause.BOOT_CONFIG,
) -> Check:
    """A check with what all of this probe share."""
    return Check(
        name,
        title,
        judge,
        severity,
        cause=cause,
        stages=(Stage.BUILD, Stage.CAPTURE),
        profiles=profiles,
        offline=True,
    )
