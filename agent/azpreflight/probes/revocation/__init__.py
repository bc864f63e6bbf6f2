"""Where certificates say that their issuers and revocation lists are, which some programs ask before they trust.

OpenSSL asks nobody, and so neither do the guest agent, cloud-init, curl and Python. Programs on .NET and Java can, and
so can proxies and appliances on behalf of others: a network that lets port 443 of some hosts out and forgets port 80 of
the authorities makes them wait, or refuse a good certificate. The addresses are those in the certificates that servers
of this VM's own endpoints presented (RFC 5280; Microsoft Learn, "Azure Certificate Authority details", which asks to
let them pass).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from azpreflight.azure.answer import Answer
from azpreflight.host import Host
from azpreflight.model import Check, NotApplicable, Probe, Run, Severity, Unknown, Verdict
from azpreflight.probes.dns.facts import DnsFacts
from azpreflight.probes.egress.facts import EgressFacts, Way, by_flow, host_of, way
from azpreflight.probes.egress.fetch import LOOKUP, Means, first_of_each, reach
from azpreflight.probes.egress.messages import hosts_of, open_up, place_of, shut_finding, told

SERVERS = 4
"""Servers that are tried; one certificate names three or four."""
CONNECT = 0.6
"""Seconds for a connection: what comes later makes a program wait in any case."""


@dataclass(frozen=True)
class RevocationFacts:
    """Connections to the servers that certificates name."""

    answers: tuple[Answer, ...] = ()
    """Empty where no certificate was presented that names any, or one came by a proxy."""


def gather(host: Host, run: Run) -> RevocationFacts:
    """Straight, as the certificates came; nothing is asked of them."""
    egress = run.facts(EgressFacts)
    if run.offline or egress is None or any(answer.proxy is not None for answer in egress.every):
        return RevocationFacts()
    named = dict.fromkeys(url for answer in egress.every for url in answer.authorities)
    means = Means(host, run.facts(DnsFacts), None, None)
    reached = reach(means, first_of_each(list(named), SERVERS), CONNECT)
    return RevocationFacts(tuple(tried.answer for tried in reached))


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


WORST_CASE_S = LOOKUP + CONNECT
"""Seconds: names that nobody asked for yet, then all connections at once."""

PROBE = Probe(
    name="revocation",
    facts=RevocationFacts,
    gather=gather,
    needs=("egress", "dns"),
    checks=(
        Check(
            "tls-revocation",
            "CA issuer and revocation servers are reachable",
            judge,
            Severity.NOTE,
            depends_on=("firewall-egress", "dns-resolv-conf", "dns-servers", "dns-answers", "path-tunnel"),
            environment=True,
        ),
    ),
)
