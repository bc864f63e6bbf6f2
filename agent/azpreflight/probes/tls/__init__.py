"""The certificates of authorities that this machine trusts.

Minimal images come without them. Then no server on the internet is trusted, which looks like an inspecting appliance
and is none: the agent cannot fetch a package straight from its store, and whatever speaks HTTPS fails.
"""

from __future__ import annotations

from azpreflight.model import Probe
from azpreflight.probes.tls import checks
from azpreflight.probes.tls.collect import gather
from azpreflight.probes.tls.facts import CaStoreFacts

WORST_CASE_S = 2.0
"""Seconds: files answer at once, unless a mount hangs, which costs the host's deadline for one call."""

PROBE = Probe(
    name="tls",
    facts=CaStoreFacts,
    gather=gather,
    checks=checks.CHECKS,
)
