"""Collecting the facts."""

from __future__ import annotations

from azpreflight.host import Host
from azpreflight.model import Run
from azpreflight.probes.dns.facts import DnsFacts
from azpreflight.probes.egress.facts import EgressFacts
from azpreflight.probes.egress.fetch import Means, first_of_each, reach
from azpreflight.probes.revocation.facts import RevocationFacts

SERVERS = 4
"""Servers that are tried; one certificate names three or four."""
CONNECT = 0.6
"""Seconds for a connection: what comes later makes a program wait in any case."""


def gather(host: Host, run: Run) -> RevocationFacts:
    """Straight, as the certificates came; nothing is asked of them."""
    egress = run.facts(EgressFacts)
    if run.offline or egress is None or any(answer.proxy is not None for answer in egress.every):
        return RevocationFacts()
    named = dict.fromkeys(url for answer in egress.every for url in answer.authorities)
    means = Means(host, run.facts(DnsFacts), None, None)
    reached = reach(means, first_of_each(list(named), SERVERS), CONNECT)
    return RevocationFacts(tuple(tried.answer for tried in reached))
