"""The verdict on the certificates that servers present. Pure.

OpenSSL looks for the chain first, then compares the name, then the dates. So a certificate that it calls expired or
made for another name was issued by somebody whom this machine trusts, and one that lacks a chain tells nothing of its
dates: a wrong clock, a wrong server and an inspecting appliance can be told apart by its words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Optional

from azpreflight.azure.answer import Answer, is_about_time
from azpreflight.model import Cause, Check, Confidence, Finding, NotApplicable, Run, Severity, Unknown, Verdict
from azpreflight.probes.clock.facts import ahead_of, span, witnesses
from azpreflight.probes.egress.consequences import consequence_of
from azpreflight.probes.egress.facts import EgressFacts, Way, by_flow, flow_of, way
from azpreflight.probes.egress.messages import evidence_of, place_of
from azpreflight.probes.platform.facts import PlatformFacts
from azpreflight.probes.tls.facts import CaStoreFacts

PUBLIC_AUTHORITIES = ("O=Microsoft Corporation", "O=DigiCert Inc")
"""Who issues the certificates of Azure's own servers (Microsoft Learn, "Azure Certificate Authority details"). One of
these that is not trusted means that the machine's store lacks it."""
ANOTHER_NAME = ("Hostname mismatch", "IP address mismatch")
EXEMPT = "Exempt Azure's endpoints from TLS inspection on the way, as the documentation of the agents demands."
FIND_OUT = "Find out which server answers there, by its issuer and address: a proxy, a portal or a wrong DNS answer."
DATES = "Set the clock; where it is right, find out who presents this certificate in the server's place."


def judge_certificates(facts: EgressFacts, run: Run) -> Iterator[Verdict]:
    """Whatever presents a certificate of its own in a server's place reads all that passes, and stops the agent."""
    store = run.facts(CaStoreFacts)
    if store is not None and store.empty:
        yield NotApplicable("this machine trusts nobody, see tls-ca-store")
        return
    if not any(answer.issuer is not None for answer in facts.every):
        yield NotApplicable("no server was reached that presents a certificate")
    for answers in by_flow(answer for answer in facts.every if way(answer) is Way.UNTRUSTED).values():
        yield _untrusted(facts, answers, ahead_of(witnesses(run.facts(PlatformFacts), facts.every)))


def _untrusted(facts: EgressFacts, answers: Sequence[Answer], ahead: Optional[float]) -> Verdict:
    first = answers[0]
    detail, issuer = first.detail or "", first.issuer or ""
    if is_about_time(first):
        return _out_of_date(facts, answers, ahead)
    if any(words in detail for words in ANOTHER_NAME):
        reason = "the issuer is trusted and the name is not this server's: a wrong address is the alternative"
        return _finding(facts, answers, FIND_OUT, Confidence.POSSIBLE, reason)
    if any(authority in issuer for authority in PUBLIC_AUTHORITIES):
        return Unknown(f"{place_of(answers)}: this machine's CA store does not know {issuer}, whom Azure uses")
    reason = "the issuer is none that Azure uses; a CA store without the right CA is the alternative"
    return _finding(facts, answers, EXEMPT, Confidence.LIKELY, reason)


def _out_of_date(facts: EgressFacts, answers: Sequence[Answer], ahead: Optional[float]) -> Verdict:
    """The clock is the first to ask; `clock-skew` explains this finding where it is wrong."""
    if ahead is None:
        return Unknown(f"{place_of(answers)}: {answers[0].detail}: the clock or the certificate is wrong")
    reason = f"by a clock that is off by {span(ahead)}"
    return _finding(facts, answers, DATES, Confidence.POSSIBLE, reason)


def _finding(facts: EgressFacts, answers: Sequence[Answer], fix: str, confidence: Confidence, reason: str) -> Finding:
    first = answers[0]
    return Finding(
        consequence_of(facts, answers)[0],
        f"{place_of(answers)} presents a certificate issued by {first.issuer}: {first.detail}",
        fix,
        evidence=evidence_of(first),
        flow=flow_of(first),
        confidence=confidence,
        confidence_reason=reason,
    )


CHECKS = (
    Check(
        "egress-tls",
        "servers on the internet present certificates that this machine trusts",
        judge_certificates,
        Severity.ERROR,
        cause=Cause.TLS_INTERCEPTION,
        depends_on=("dns-answers", "clock-skew"),
        reads=("tls",),
        environment=True,
    ),
)
