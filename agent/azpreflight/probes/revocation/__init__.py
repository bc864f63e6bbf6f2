"""Where certificates say that their issuers and revocation lists are, which some programs ask before they trust.

OpenSSL asks nobody, and so neither do the guest agent, cloud-init, curl and Python. Programs on .NET and Java can, and
so can proxies and appliances on behalf of others: a network that lets port 443 of some hosts out and forgets port 80 of
the authorities makes them wait, or refuse a good certificate. The addresses are those in the certificates that servers
of this VM's own endpoints presented (RFC 5280; Microsoft Learn, "Azure Certificate Authority details", which asks to
let them pass).
"""

from __future__ import annotations

from azpreflight.model import Probe
from azpreflight.probes.egress.fetch import LOOKUP
from azpreflight.probes.revocation import checks
from azpreflight.probes.revocation.collect import CONNECT, gather
from azpreflight.probes.revocation.facts import RevocationFacts

WORST_CASE_S = LOOKUP + CONNECT
"""Seconds: names that nobody asked for yet, then all connections at once."""

PROBE = Probe(
    name="revocation",
    facts=RevocationFacts,
    gather=gather,
    needs=("egress", "dns"),
    checks=checks.CHECKS,
)
