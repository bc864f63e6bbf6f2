"""Reports written down for the tests of what is printed."""

from __future__ import annotations

from dataclasses import replace

from azpreflight.model import (
    Cause,
    CauseEntry,
    Confidence,
    ExtensionVerdict,
    Finding,
    Os,
    Platform,
    Profile,
    Readiness,
    Report,
    Result,
    RunInfo,
    Severity,
    Stage,
    Status,
    Tool,
)

RUN = RunInfo(
    stage=Stage.FIRSTBOOT,
    profile=Profile.GENERALIZED,
    platform=Platform.AZURE,
    root=None,
    started_at="2026-11-22T17:30:00Z",
    duration_s=0.412,
    vm_id="e3b7a3f0-0000-4000-8000-000000000001",
    boot_id="5f0c1f3e-0000-4000-8000-000000000002",
    os=Os("debian", "12"),
    kernel="6.1.0-18-cloud-amd64",
    privileged=True,
)


def result(check: str, status: Status, *findings: Finding, cause: Cause | None = None, **fields: object) -> Result:
    """A result of a check, with the severity that its findings or its status give it."""
    worst = max((finding.severity for finding in findings), key=lambda severity: severity.rank, default=None)
    made = Result(
        check=check,
        title=f"{check} is well",
        probe="probe",
        status=status,
        severity=worst or (Severity.ERROR if status is Status.UNKNOWN else None),
        cause=cause,
        because_of=(),
        reason=None,
        duration_s=0.061,
        findings=findings,
    )
    return replace(made, **fields)  # type: ignore[arg-type]  # the fields of a Result, by name


RULE = Finding(
    Severity.ERROR,
    "rule 3 of OUTPUT (legacy filter) drops tcp 168.63.129.16:80",
    "delete the rule, and save the rules again",
    ("iptables-legacy -D OUTPUT 3", "netfilter-persistent save"),
    flow="tcp 168.63.129.16:80",
)
SILENT = Finding(
    Severity.ERROR,
    "168.63.129.16:80 did not answer within 2.0 s",
    "let it through",
    flow="tcp 168.63.129.16:80",
)
DEAD = Finding(
    Severity.WARNING,
    "10.0.0.9 did not answer over udp",
    "take it out of /etc/resolv.conf",
    flow="udp 10.0.0.9:53",
    confidence=Confidence.LIKELY,
)
SLOW = Finding(Severity.NOTE, "10.0.0.9 did not answer over tcp", "take it out", flow="tcp 10.0.0.9:53")

BROKEN = Report(
    tool=Tool("azpreflight", "1.0.0"),
    run=RUN,
    verdict=Readiness.NOT_READY,
    causes=(
        CauseEntry(
            cause=Cause.GUEST_FIREWALL,
            check="firewall-wireserver",
            severity=Severity.ERROR,
            confidence=Confidence.CERTAIN,
            confidence_reason="the kernel dropped it in a rehearsal of the same rules",
            summary=RULE.message,
            fix=RULE.fix,
            commands=RULE.commands,
            symptoms=("wireserver-http", "wireserver-goal-state"),
        ),
        CauseEntry(
            cause=Cause.DNS_UNREACHABLE,
            check="dns-servers",
            severity=Severity.WARNING,
            confidence=Confidence.LIKELY,
            confidence_reason="two questions were lost, which a busy server can do too",
            summary=DEAD.message + " (and 1 more finding of this cause)",
            fix=DEAD.fix,
            commands=(),
            symptoms=(),
        ),
    ),
    results=(
        result("firewall-wireserver", Status.FAIL, RULE, cause=Cause.GUEST_FIREWALL),
        result(
            "wireserver-http",
            Status.FAIL,
            SILENT,
            cause=Cause.PLATFORM_UNREACHABLE,
            because_of=("firewall-wireserver",),
        ),
        result(
            "wireserver-goal-state",
            Status.FAIL,
            SILENT,
            cause=Cause.PLATFORM_UNREACHABLE,
            because_of=("firewall-wireserver",),
        ),
        result("dns-servers", Status.FAIL, DEAD, cause=Cause.DNS_UNREACHABLE),
        result("dns-tcp", Status.FAIL, SLOW, cause=Cause.DNS_UNREACHABLE),
        result("gen-odd", Status.FAIL, Finding(Severity.NOTE, "/root has 3 odd files", "look at them")),
        result("gen-users", Status.UNKNOWN, reason="cannot read /etc/shadow: Permission denied"),
        result("gen-root-password", Status.UNKNOWN, reason="cannot read /etc/shadow: Permission denied"),
        result("gen-sudoers", Status.NOT_APPLICABLE, reason="not asked at stage firstboot"),
        result("network-address", Status.PASS),
        result("network-default-route", Status.PASS),
    ),
    extensions=(
        ExtensionVerdict("Microsoft.Azure.Extensions.CustomScript", "none", "no", "no way delivers its package"),
        ExtensionVerdict("Microsoft.OSTCExtensions.VMAccessForLinux", "direct", "yes", "it needs no endpoints"),
    ),
    facts={},
)

READY = Report(
    tool=BROKEN.tool,
    run=replace(RUN, stage=Stage.CAPTURE, platform=Platform.NONE),
    verdict=Readiness.READY,
    causes=(),
    results=(
        result("network-address", Status.PASS),
        result("wireserver-http", Status.NOT_APPLICABLE, reason="not on Azure"),
    ),
    extensions=(),
    facts={},
)

UNDECIDED = replace(
    READY,
    verdict=Readiness.UNDECIDED,
    results=(result("gen-users", Status.UNKNOWN, reason="cannot read /etc/shadow: Permission denied"),),
)
