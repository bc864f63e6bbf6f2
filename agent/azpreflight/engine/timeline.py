"""What a first boot reached, and when: milestones in seconds since boot, beside what the platform allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

from azpreflight.azure.agent_versions import (
    DHCP_RETRIES_S,
    EXTENSIONS_S,
    METADATA_RETRIES_S,
    WAIT_FOR_CLOUD_INIT_S,
    WIRE_RETRIES_S,
)
from azpreflight.dataclass import dataclass
from azpreflight.model import Milestone, Report, Status


@dataclass(frozen=True)
class Kind:
    """A milestone and how it is known to be reached."""

    name: str
    checks: tuple[str, ...] = ()
    """Checks that pass once it is reached."""
    allowed_s: Optional[float] = None
    """Seconds since boot that the platform or the agent allows for it; None where nobody sets a limit."""


KINDS = (
    Kind("address", ("network-address",), allowed_s=DHCP_RETRIES_S),
    Kind("default-route", ("network-default-route",)),
    Kind("wire-server", ("wireserver-http",), allowed_s=WIRE_RETRIES_S),
    Kind("goal-state", ("wireserver-goal-state",)),
    Kind("hostgaplugin", ("hostgaplugin-http",)),
    Kind("imds", ("imds-instance",), allowed_s=METADATA_RETRIES_S),
    Kind("name-servers", ("dns-servers",)),
    Kind("package-endpoints", ("egress-packages",)),
    Kind("provisioning-media", allowed_s=WAIT_FOR_CLOUD_INIT_S),
    Kind("provisioned", allowed_s=1200.0),  # the platform reboots a VM that is not Ready after 20 minutes
    Kind("extensions", allowed_s=EXTENSIONS_S),
)
"""In the order in which a VM comes up; what agents allow is theirs (azure/agent_versions.py), what the platform allows
is documented in Microsoft Learn, "Troubleshoot provisioning"."""


def reached(report: Report) -> frozenset[str]:
    """The milestones that the checks of a report show to be reached."""
    passed = {result.check for result in report.results if result.status is Status.PASS}
    return frozenset(kind.name for kind in KINDS if kind.checks and passed.issuperset(kind.checks))


def timeline(first_seen: Mapping[str, float], uptime_s: float) -> tuple[Milestone, ...]:
    """All milestones by when they were reached, those not yet reached last.

    `first_seen` gives seconds since boot by name; a milestone's wait is the time since the one before it, or for one
    that is not reached the time since the last one that was.
    """
    order = {kind.name: place for place, kind in enumerate(KINDS)}
    done = sorted(((at, name) for name, at in first_seen.items()), key=lambda item: (item[0], order[item[1]]))
    allowed = {kind.name: kind.allowed_s for kind in KINDS}
    before = [0.0, *(at for at, _ in done)]
    met = [
        Milestone(name, round(at, 1), round(at - since, 1), allowed.get(name))
        for (at, name), since in zip(done, before)
    ]
    waited = round(uptime_s - before[-1], 1)
    open_ones = [Milestone(kind.name, None, waited, kind.allowed_s) for kind in KINDS if kind.name not in first_seen]
    return (*met, *open_ones)


def sentences(line: tuple[Milestone, ...]) -> tuple[str, ...]:
    """What was reached, and what is waited for beside what is allowed; nothing where nobody watched."""
    reached = [f"{item.name} {item.at_s:.1f}" for item in line if item.at_s is not None]
    waited = [item for item in line if item.at_s is None]
    said = [f"reached, in seconds after boot: {', '.join(reached)}"] if reached else []
    if waited:
        since = f"waited for, by now {waited[0].waited_s:.0f} s" + (f" since {_last(line)}" if reached else "")
        said.append(f"{since}: {', '.join(f'{item.name}{_allowed(item)}' for item in waited)}")
    return tuple(said)


def _last(line: tuple[Milestone, ...]) -> str:
    return [item.name for item in line if item.at_s is not None][-1]


def _allowed(item: Milestone) -> str:
    return f" (may take {item.allowed_s:.0f} s)" if item.allowed_s is not None else ""
