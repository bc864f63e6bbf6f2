"""What the checks of this probe have in common."""

from __future__ import annotations

from azpreflight.model import Cause, Check, Judge, Severity

WIRE = ("firewall-wireserver", "platform-route", "network-address", "network-default-route")
METADATA = ("firewall-imds", "platform-route", "network-address", "network-default-route")


def check(check_id: str, title: str, judge: Judge, depends_on: tuple[str, ...]) -> Check:
    """All ask the platform, for the same cause; how bad a silent metadata service is depends on who provisions."""
    return Check(
        check_id,
        title,
        judge,
        Severity.ERROR,
        cause=Cause.PLATFORM_UNREACHABLE,
        depends_on=depends_on,
        reads=("agents", "network", "firewall"),
        azure_only=True,
    )
