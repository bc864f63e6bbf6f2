"""The configuration of this run, as far as time and other checks show that it is wrong.

What a site waives it means to come back to, which is why a waiver has a reason and may have a last day. One that has
expired and one that nothing needs any more are how exceptions grow old unseen; InSpec and kubeadm keep theirs in view
for the same reason (InSpec, "Waivers"; kubeadm, --ignore-preflight-errors).
"""

from __future__ import annotations

from azpreflight.model import Probe
from azpreflight.probes.configuration import checks
from azpreflight.probes.configuration.collect import gather
from azpreflight.probes.configuration.facts import ConfigurationFacts

WORST_CASE_S = 0.1
"""Seconds: nothing is inspected."""

PROBE = Probe(
    name="configuration",
    facts=ConfigurationFacts,
    gather=gather,
    checks=checks.CHECKS,
)
