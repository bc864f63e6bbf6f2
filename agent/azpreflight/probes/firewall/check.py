"""What the checks of this probe have in common."""

from __future__ import annotations

from typing import Any

from azpreflight.model import Cause, Check, Judge, Severity

AT_BOOT = ("firewall-boot-flows",)
"""Before first boot a live rule matters only if the next boot has it too."""
AFTER_AGENT = ("firewall-agent-rules", *AT_BOOT)


def check(id: str, title: str, judge: Judge, severity: Severity, **more: Any) -> Check:
    """A check with what all of this probe share."""
    return Check(id, title, judge, severity=severity, cause=Cause.GUEST_FIREWALL, **more)
