"""Judging the facts. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.azure.addresses import IMDS, WIRE_SERVER
from azpreflight.azure.answer import is_about_time
from azpreflight.model import (
    Cause,
    Check,
    Confidence,
    Finding,
    NotApplicable,
    Run,
    Severity,
    Stage,
    Unknown,
    Verdict,
)
from azpreflight.probes.clock.facts import SERVICES, ClockFacts, ahead_of, span, witnesses
from azpreflight.probes.egress.facts import EgressFacts, flow_of
from azpreflight.probes.platform.facts import PlatformFacts
from azpreflight.text import several

OFF_S = 60.0
"""Seconds from which a clock is called wrong: a date has whole seconds and an answer may take some, and no time service
that works leaves more than a fraction of one."""
BREAKS_S = 300.0
"""Seconds from which it is held to break TLS and sign-ins: tokens and shared access signatures allow five minutes (RFC
4120, section 8.2; Microsoft Learn, "Grant limited access with shared access signatures")."""


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
    """A time service that is known here is enabled, and the hardware's clock is taken for what it is."""
    if facts.local_time:
        yield Finding(
            Severity.WARNING,
            "/etc/adjtime has the hardware's clock in local time, and that of a VM on Azure is in UTC: the clock is"
            " hours off until a time service sets it",
            "Take it for UTC.",
            ("sed -i 's/^LOCAL$/UTC/' /etc/adjtime",),
        )
    if not facts.services:
        yield Finding(
            Severity.NOTE,
            f"no time service starts with the image (looked for {several(SERVICES)})",
            "Enable one, on Azure best chrony with the clock of the host (refclock PHC /dev/ptp_hyperv).",
            ("systemctl enable chrony.service || systemctl enable chronyd.service",),
        )


CHECKS = (
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
        "a time service starts with the image, and the hardware's clock is read as UTC",
        judge_service,
        Severity.WARNING,
        cause=Cause.CLOCK,
        stages=(Stage.BUILD, Stage.CAPTURE),
        offline=True,
    ),
)
