"""The guest's own firewall.

A hardened image brings rules along that were written for another network: OUTPUT drops what is not listed, and nobody
listed 168.63.129.16. The VM boots, its agent cannot report, and after twenty minutes the deployment fails with
OSProvisioningTimedOut; network security groups show nothing, because the packet never leaves the guest. So the live
rules are dumped, and rehearsed (see `azpreflight.firewall`): the kernel itself decides every flow that provisioning
needs, and names the rule.
"""

from __future__ import annotations

from azpreflight.firewall.facts import FirewallFacts
from azpreflight.model import Probe
from azpreflight.probes.firewall import checks, checks_agent_rules, dumped, limits, wayout
from azpreflight.probes.firewall.collect import gather

__all__ = ["PROBE", "FirewallFacts", "gather"]

WORST_CASE_S = 5.5
"""Seconds: 2.3 to dump 50,000 rules, 1.5 until a flow counts as lost, and the rest to build, load and tear down."""

PROBE = Probe(
    name="firewall",
    facts=FirewallFacts,
    gather=gather,
    needs=("dns", "platform", "network", "proxy"),
    checks=(
        *dumped.CHECKS,
        *checks_agent_rules.CHECKS,
        *checks.CHECKS,
        *wayout.CHECKS,
        *limits.CHECKS,
    ),
)
