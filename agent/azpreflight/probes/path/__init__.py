"""The path that traffic to the internet takes, inspected only where an endpoint does not answer.

A virtual network may send 0.0.0.0/0 into a private network: over a VPN or ExpressRoute, by a user-defined or a learnt
default route ("forced tunneling" on Microsoft Learn), or to a firewall appliance. The platform's own addresses are not
affected, so the VM provisions, and then extensions cannot fetch what they need: the firewall at the far end drops it,
prohibits it or resets it. From inside the guest that looks like any other missing way out, except for who is on the
way, and that is what connects with a limited TTL tell (see `tunnel`). The absence of hops proves nothing. Pings are
not asked: many networks answer none and are well.
"""

from __future__ import annotations

from azpreflight.model import Probe
from azpreflight.probes.path import checks
from azpreflight.probes.path.collect import HOPS_TIMEOUT, gather
from azpreflight.probes.path.facts import PathFacts

WORST_CASE_S = HOPS_TIMEOUT
"""Seconds: all ways are inspected at once."""

PROBE = Probe(
    name="path",
    facts=PathFacts,
    gather=gather,
    needs=("egress", "network", "platform"),
    checks=checks.CHECKS,
)
