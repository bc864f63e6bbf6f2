"""What the checks of this probe have in common."""

from __future__ import annotations

from azpreflight.model import Cause, Check, Judge, Severity
from azpreflight.probes.network.clearance import cleared
from azpreflight.probes.network.detours import by_its_way

WAY = (
    "firewall-egress",
    "dns-resolv-conf",
    "dns-servers",
    "dns-answers",
    "platform-route",
    "network-default-route",
    "network-address",
)
NETWORK = (*WAY, "path-tunnel", "path-large-packets", "proxy-required")


def no_egress(check_id: str, title: str, judge: Judge, severity: Severity, azure_only: bool = True) -> Check:
    """A check with what all of this probe share."""
    return Check(
        check_id,
        title,
        by_its_way(cleared(judge)),
        severity,
        cause=Cause.NO_EGRESS,
        depends_on=NETWORK,
        reads=("firewall", "network"),
        azure_only=azure_only,
        environment=True,
    )
