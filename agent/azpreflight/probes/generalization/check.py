"""What the checks of this probe have in common."""

from __future__ import annotations

from azpreflight.model import Cause, Check, Judge, Profile, Severity, Stage

BEFORE_FIRST_BOOT = (Stage.BUILD, Stage.CAPTURE)
"""A VM that has started has keys, users, ids and logs of its own, and nothing tells them from the image's."""
ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


def check(
    name: str,
    title: str,
    judge: Judge,
    severity: Severity,
    *,
    stages: tuple[Stage, ...] = BEFORE_FIRST_BOOT,
    profiles: tuple[Profile, ...] = (Profile.GENERALIZED,),
    cause: Cause = Cause.NOT_GENERALIZED,
    reads: tuple[str, ...] = (),
) -> Check:
    """A check with what all of this probe share."""
    return Check(
        name,
        title,
        judge,
        severity,
        cause=cause,
        reads=reads,
        stages=stages,
        profiles=profiles,
        offline=True,
    )
