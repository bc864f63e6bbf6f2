"""Whether the boot of a new VM comes to its agents: what is started, mounted, and brought up on the way.

The image worked on the machine that it was made on, with that one's disk, memory and network. What a new VM has
otherwise ends its boot in a shell that nobody sees, and the platform reports OSProvisioningTimedOut.
"""

from __future__ import annotations

from azpreflight.model import Probe
from azpreflight.probes.startup import (
    directories,
    entry,
    filesystems,
    grow,
    memory,
    names,
    nic,
    order,
    selinux,
    target,
    units,
    volumes,
)
from azpreflight.probes.startup.collect import gather
from azpreflight.probes.startup.facts import StartupFacts

__all__ = ["PROBE", "StartupFacts"]

WORST_CASE_S = 2.0
"""Seconds: files answer at once, unless a mount hangs, which costs the host's deadline for one call."""

PROBE = Probe(
    name="startup",
    facts=StartupFacts,
    gather=gather,
    needs=("agents",),
    checks=(
        *entry.CHECKS,
        *filesystems.CHECKS,
        *grow.CHECKS,
        *memory.CHECKS,
        *volumes.CHECKS,
        *target.CHECKS,
        *order.CHECKS,
        *nic.CHECKS,
        *names.CHECKS,
        *selinux.CHECKS,
        *units.CHECKS,
        *directories.CHECKS,
    ),
)
