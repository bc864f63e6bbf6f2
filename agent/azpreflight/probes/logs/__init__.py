"""The logs of waagent and cloud-init: what the agents themselves said.

They are witnesses. An agent that waits for a wire server behind a firewall rule says "timed out", and nothing of the
rule. So their lines are shown as evidence beside the cause that another probe finds. One line is a cause by itself:
waagent that finds its sentinel from another VM skips provisioning, rewrites the sentinel and reports Ready, so that
this line is all that lasts of an image that was not generalised (WALinuxAgent pa/provision/default.py).
"""

from __future__ import annotations

from azpreflight.model import Probe
from azpreflight.probes.logs import checks
from azpreflight.probes.logs.collect import gather
from azpreflight.probes.logs.facts import LogsFacts, witness

WORST_CASE_S = 2.0
"""Seconds: files answer at once, unless a mount hangs, which costs the host's deadline for one call."""

PROBE = Probe(
    name="logs",
    facts=LogsFacts,
    gather=gather,
    witness=witness,
    checks=checks.CHECKS,
)
