"""Whether the user of a new VM gets in, and becomes root: "provisioned, and nobody can log in".

The agents make an account with a key or a password and a rule for sudo, and report Ready. sshd, PAM, sudo and the modes
of a dozen files then decide, and none of them reports anything to the platform.
"""

from __future__ import annotations

from azpreflight.model import Probe
from azpreflight.probes.login import gates, inbound, modes, sshd, sudo, taken, tools
from azpreflight.probes.login.collect import gather
from azpreflight.probes.login.facts import LoginFacts

__all__ = ["PROBE", "LoginFacts"]

WORST_CASE_S = 2.0
"""Seconds: files answer at once, unless a mount hangs, which costs the host's deadline for one call."""

PROBE = Probe(
    name="login",
    facts=LoginFacts,
    gather=gather,
    needs=("agents",),
    checks=(
        *sshd.CHECKS,
        *modes.CHECKS,
        *sudo.CHECKS,
        *gates.CHECKS,
        *taken.CHECKS,
        *tools.CHECKS,
        *inbound.CHECKS,
    ),
)
