"""The clock of this machine, compared with those of the servers that answered.

A VM takes its time from its host at start, and from then on from a time service. An image without one, or a VM that was
resumed or moved, can be hours off, and then every certificate is out of date: what looks like broken or inspected TLS
is a wrong clock. Every HTTP answer has a date in whole seconds, so no time server need be asked; the VM's own host, one
hop away, is the best witness (Microsoft Learn, "Time sync for Linux VMs in Azure").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from azpreflight.azure.answer import is_about_time
from azpreflight.azure.imds import IMDS
from azpreflight.azure.wire_server import WIRE_SERVER
from azpreflight.host import Host, systemd
from azpreflight.host.systemd import UnitState
from azpreflight.model import (
    Cause,
    Check,
    Confidence,
    Finding,
    NotApplicable,
    Probe,
    Run,
    Severity,
    Stage,
    Unknown,
    Verdict,
)
from azpreflight.probes.clock.facts import ahead_of, span, witnesses
from azpreflight.probes.egress.facts import EgressFacts, flow_of
from azpreflight.probes.platform.facts import PlatformFacts
from azpreflight.text import several

OFF_S = 60.0
"""Seconds from which a clock is called wrong: a date has whole seconds and an answer may take some, and no time service
that works leaves more than a fraction of one."""
BREAKS_S = 300.0
"""Seconds from which it is held to break TLS and sign-ins: tokens and shared access signatures allow five minutes (RFC
4120, section 8.2; Microsoft Learn, "Grant limited access with shared access signatures")."""
SERVICES = ("chrony.service", "chronyd.service", "systemd-timesyncd.service", "ntp.service", "ntpd.service")
HOST_CLOCK = "/dev/ptp_hyperv"
"""The host's clock as a PTP device, by a udev rule that Azure's images and newer distributions have."""


@dataclass(frozen=True)
class ClockFacts:
    """Who keeps this machine's clock."""

    services: tuple[str, ...]
    """Time services that the next boot starts."""
    host_clock: bool
    """The host's clock is there as a PTP device."""


def gather(host: Host, run: Run) -> ClockFacts:
    """No server is asked: the answers that other probes got are dated."""
    units = [systemd.unit(host, name) for name in SERVICES]
    services = tuple(unit.name for unit in units if unit.state is UnitState.ENABLED)
    return ClockFacts(services, host.info(HOST_CLOCK) is not None)


# --- judging ------------------------------------------------------------------------------------------------------


def judge(facts: ClockFacts, run: Run) -> Iterator[Verdict]:
    """One finding, with the flows that the wrong time breaks."""
    platform, egress = run.facts(PlatformFacts), run.facts(EgressFacts)
    public = egress.every if egress is not None else ()
    readings = witnesses(platform, public)
    ahead = ahead_of(readings)
    misdated = tuple(dict.fromkeys(flow_of(answer) for answer in public if is_about_time(answer)))
    if ahead is None:
        yield Unknown("no answer had a date") if misdated else NotApplicable("no server told the time")
    elif abs(ahead) > OFF_S:
        servers = tuple(reading.server for reading in readings)
        yield _finding(facts, ahead, servers, misdated)


def _finding(facts: ClockFacts, ahead: float, servers: tuple[str, ...], misdated: tuple[str, ...]) -> Finding:
    by_host = WIRE_SERVER in servers or IMDS in servers
    too_far = bool(misdated) and abs(ahead) > BREAKS_S
    broken = "; certificates of public servers are out of date by it" if too_far else ""
    fix, commands = _fix(facts)
    return Finding(
        Severity.ERROR if too_far else Severity.WARNING,
        f"this machine's clock is {span(ahead)} {'behind' if ahead > 0 else 'ahead'} by {several(servers)}{broken}",
        fix,
        commands,
        evidence={"time services": ", ".join(facts.services) or "none", "ptp_hyperv": str(facts.host_clock).lower()},
        breaks=misdated if too_far else (),
        confidence=Confidence.CERTAIN if by_host else Confidence.LIKELY,
        confidence_reason="the VM's own host tells the time" if by_host else "public servers tell the time",
    )


def _fix(facts: ClockFacts) -> tuple[str, tuple[str, ...]]:
    """By the service that is there."""
    refclock = "with the host's clock as its source (refclock PHC /dev/ptp_hyperv poll 3 dpoll -2 offset 0)"
    if any(name.startswith("chrony") for name in facts.services):
        return f"Let chrony set the clock at once, and run it {refclock}.", ("chronyc makestep", "chronyc tracking")
    if facts.services:
        restart = f"systemctl restart {facts.services[0]}"
        return f"Let the time service set the clock, or on Azure rather use chrony {refclock}.", (restart, "date -u")
    return f"Enable a time service, on Azure best chrony {refclock}.", ("date -u",)


def judge_service(facts: ClockFacts, run: Run) -> Iterator[Verdict]:
    """A time service that is known here is enabled."""
    if not facts.services:
        yield Finding(
            Severity.NOTE,
            f"no time service starts with the image (looked for {several(SERVICES)})",
            "Enable one, on Azure best chrony with the clock of the host (refclock PHC /dev/ptp_hyperv).",
            ("systemctl enable chrony.service || systemctl enable chronyd.service",),
        )


WORST_CASE_S = 2.0
"""Seconds: files answer at once, unless a mount hangs, which costs the host's deadline for one call."""

PROBE = Probe(
    name="clock",
    facts=ClockFacts,
    gather=gather,
    checks=(
        Check(
            "clock-skew",
            "the system clock is correct",
            judge,
            Severity.ERROR,
            cause=Cause.CLOCK,
            reads=("platform", "egress"),
            environment=True,
        ),
        Check(
            "clock-service",
            "a time service starts with the image",
            judge_service,
            Severity.NOTE,
            stages=(Stage.BUILD, Stage.CAPTURE),
            offline=True,
        ),
    ),
)
