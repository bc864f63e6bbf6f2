"""What the checks of this probe have in common."""

from __future__ import annotations

from azpreflight.model import Cause, Check, Judge, Profile, Severity, Stage


def check(name: str, title: str, judge: Judge, severity: Severity, cause: Cause = Cause.BOOT_CONFIG) -> Check:
    """A check with what all of this probe share."""
    return Check(
        name,
        title,
        judge,
        severity,
        cause=cause,
        stages=(Stage.BUILD, Stage.CAPTURE),
        profiles=(Profile.GENERALIZED,),
        offline=True,
    )
