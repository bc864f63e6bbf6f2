"""What the checks of this probe have in common."""

from __future__ import annotations

from typing import Any

from azpreflight.model import Cause, Check, Judge, Severity


def check(name: str, title: str, judge: Judge, severity: Severity, **more: Any) -> Check:
    """A check with what all of this probe share."""
    return Check(name, title, judge, severity, **{"cause": Cause.BOOT_CONFIG, "offline": True, **more})
