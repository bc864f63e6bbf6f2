"""The guest's firewall as the next boot will make it.

An image is made of a machine whose live rules may be others than those that it saved: somebody wrote a file and never
loaded it, a hardening role enabled a service for the next boot, a file has a rule that another service's `flush
ruleset` wipes. What a VM made of the image does depends on what is saved. So the services that load rules are looked
for, and what they would load is rehearsed as the live rules are (see `azpreflight.firewall.boot`); for a mounted image
too, with the running system's tools. Nothing of the user's own that runs at boot is executed.
"""

from __future__ import annotations

from azpreflight.firewall.boot.facts import SavedRulesFacts
from azpreflight.model import Probe
from azpreflight.probes.firewall_boot import checks
from azpreflight.probes.firewall_boot.collect import gather

__all__ = ["PROBE", "SavedRulesFacts", "gather"]

WORST_CASE_S = 5.5
"""Seconds: as for the live rules, because all orders are rehearsed at once; reading the units takes some 50 ms."""

PROBE = Probe(
    name="firewall_boot",
    facts=SavedRulesFacts,
    gather=gather,
    needs=("dns", "platform", "network", "proxy"),
    checks=(*checks.CHECKS,),
)
