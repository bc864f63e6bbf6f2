"""Judging the facts. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.guest import os_release
from azpreflight.model import Cause, Check, Finding, NotApplicable, Run, Severity, Stage, Unknown, Verdict
from azpreflight.probes.egress.consequences import consequence_of
from azpreflight.probes.egress.facts import EgressFacts, Way, flow_of, way
from azpreflight.probes.tls.facts import ROOTS, CaStoreFacts
from azpreflight.text import several


def judge_roots(facts: CaStoreFacts, run: Run) -> Iterator[Verdict]:
    """The bundle has what Azure's endpoints chain to, by the name of the subject."""
    missing = tuple(name for name in ROOTS if name not in facts.roots)
    if facts.empty:
        yield NotApplicable("there are no CA certificates at all, which tls-ca-store says")
    elif not facts.read and (facts.bundle or facts.hollow) is not None:
        what = f"{facts.hollow} is empty" if facts.hollow else f"no certificate of {facts.bundle} can be decoded"
        yield Finding(
            Severity.WARNING,
            f"{what}: programs that use the bundle trust no server over HTTPS",
            "Install the distribution's CA certificates, and build its bundle again.",
            (os_release.install_command(facts.distribution, "ca-certificates"), _anew(facts)),
        )
    elif not facts.read:
        yield Unknown("there is no bundle, and single certificates are not decoded")
    elif missing:
        yield Finding(
            Severity.WARNING,
            f"{facts.bundle} has {facts.read} certificates and not {several(missing)}: endpoints of Azure chain to it"
            " and are not trusted over HTTPS",
            "Install the distribution's CA certificates, and build its bundle again.",
            (os_release.install_command(facts.distribution, "ca-certificates"), _anew(facts)),
        )


def judge(facts: CaStoreFacts, run: Run) -> Iterator[Verdict]:
    """How bad it is depends on what has to be fetched by HTTPS; of an image that is not known."""
    if not facts.empty:
        return
    egress = run.facts(EgressFacts) or EgressFacts()
    untrusted = [answer for answer in egress.every if way(answer) is Way.UNTRUSTED]
    severity, consequence = consequence_of(egress, untrusted) if untrusted else (Severity.WARNING, None)
    where = f"{facts.bundle} has none" if facts.bundle is not None else "there is no bundle of them"
    yield Finding(
        severity,
        f"the image has no CA certificates ({where}): no server is trusted over HTTPS"
        + (f"; {consequence}" if consequence else ""),
        "Install the distribution's CA certificates, and build its bundle again.",
        (
            os_release.install_command(facts.distribution, "ca-certificates"),
            _anew(facts),
        ),
        breaks=tuple(dict.fromkeys(flow_of(answer) for answer in untrusted)),
        in_image=True,
    )


def _anew(facts: CaStoreFacts) -> str:
    """The command that builds the bundle."""
    debian_way = facts.distribution.of("debian", "ubuntu", "suse", "sles", "opensuse", "alpine")
    return "update-ca-certificates" if debian_way else "update-ca-trust"


CHECKS = (
    Check(
        "tls-ca-store",
        "the image has CA certificates",
        judge,
        Severity.ERROR,
        cause=Cause.AGENT_CONFIG,
        reads=("egress",),
        offline=True,
    ),
    Check(
        "tls-azure-roots",
        "the CA bundle has the roots that Azure's endpoints chain to",
        judge_roots,
        Severity.WARNING,
        cause=Cause.AGENT_CONFIG,
        stages=(Stage.BUILD, Stage.CAPTURE),
        offline=True,
    ),
)
