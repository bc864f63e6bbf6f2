"""The clock of this machine, compared with those of the servers that answered.

A VM takes its time from its host at start, and from then on from a time service. An image without one, or a VM that was
resumed or moved, can be hours off, and then every certificate is out of date: what looks like broken or inspected TLS
is a wrong clock. Every HTTP answer has a date in whole seconds, so no time server need be asked; the VM's own host, one
hop away, is the best witness (Microsoft Learn, "Time sync for Linux VMs in Azure").
"""

from __future__ import annotations

from azpreflight.model import Probe
from azpreflight.probes.clock import checks
from azpreflight.probes.clock.collect import gather
from azpreflight.probes.clock.facts import ClockFacts

WORST_CASE_S = 2.0
"""Seconds: files answer at once, unless a mount hangs, which costs the host's deadline for one call."""

PROBE = Probe(
    name="clock",
    facts=ClockFacts,
    gather=gather,
    checks=checks.CHECKS,
)
