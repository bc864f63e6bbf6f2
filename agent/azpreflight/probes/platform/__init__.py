"""The platform's own endpoints: wire server, HostGAPlugin and instance metadata.

The guest agent and cloud-init talk to the host of the VM at two fixed addresses: 168.63.129.16 (port 80: what the
platform wants; port 32526: packages and status on the VM's behalf) and 169.254.169.254 (who this VM is). Both are
answered by the host itself. Network security groups and user-defined routes do not apply to them (Microsoft Learn,
"What is IP address 168.63.129.16?"), so where they do not answer it is nearly always the guest's own doing: a rule, a
route or a proxy. Without port 80 no VM is reported as ready; what follows without port 32526 depends on who provisions
and on the agent's version, but no extension is ever installed.
"""

from __future__ import annotations

from azpreflight.azure import wire_server
from azpreflight.model import Probe
from azpreflight.probes.platform import checks
from azpreflight.probes.platform.collect import gather
from azpreflight.probes.platform.facts import PlatformFacts

__all__ = ["PROBE", "PlatformFacts", "gather"]

WORST_CASE_S = 2 * wire_server.TIMEOUT
"""Seconds: the goal state, then the extensions; everything else is asked at the same time."""

PROBE = Probe(
    name="platform",
    facts=PlatformFacts,
    gather=gather,
    checks=(*checks.CHECKS,),
)
