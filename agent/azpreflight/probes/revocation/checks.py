"""Judging the facts. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.model import Check, NotApplicable, Run, Severity, Unknown, Verdict
from azpreflight.probes.egress.facts import Way, by_flow, host_of, way
from azpreflight.probes.egress.messages import hosts_of, open_up, place_of, shut_finding, told
from azpreflight.probes.revocation.facts import RevocationFacts


def judge(facts: RevocationFacts, run: Run) -> Iterator[Verdict]:
    """A note: what this VM's own agents need does not ask there."""
    if not facts.answers:
        yield NotApplicable("no certificate was seen that names such a server")
    for answers in by_flow(answer for answer in facts.answers if way(answer) is Way.SHUT).values():
        message = (
            f"no way to {place_of(answers)}: {told(answers[0])}; certificates of this VM's endpoints name it for their"
            " issuer or revocation, which programs that check it ask"
        )
        yield shut_finding(
            answers, Severity.NOTE, message, f"{open_up(hosts_of(answers))}, or leave it shut knowingly."
        )
    for answer in facts.answers:
        if way(answer) is Way.ODD:
            yield Unknown(f"{host_of(answer.url)}: {told(answer)}")


CHECKS = (
    Check(
        "tls-revocation",
        "CA issuer and revocation servers are reachable",
        judge,
        Severity.NOTE,
        depends_on=("firewall-egress", "dns-resolv-conf", "dns-servers", "dns-answers", "path-tunnel"),
        environment=True,
    ),
)
