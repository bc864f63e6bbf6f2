"""What still ties an image to the machine that it was made from.

The first cause of failed provisioning: an image that was not deprovisioned, or only half. `waagent -deprovision+user`
exits 0 when it fails, leaves out what follows a failing step, and never touches much that makes a machine this machine.
So its effects are inspected, one by one, and each leftover is judged by what it does to the next VM: with this
distribution, and with the agent that would provision it.
"""

from __future__ import annotations

from azpreflight.model import Probe
from azpreflight.probes.generalization import (
    accounts,
    build_user,
    cloud_init_state,
    credentials,
    deprovision_state,
    dumps,
    enrolment,
    histories_and_logs,
    image_age,
    keyfiles,
    leases,
    machine_identity,
    mounts,
    network,
    other_leftovers,
    own_files,
    provisioned_marker,
    resolver,
    waagent_state,
)
from azpreflight.probes.generalization.facts import GeneralizationFacts, gather

__all__ = ["PROBE", "GeneralizationFacts"]


WORST_CASE_S = 2.0
"""Seconds: files answer at once, unless a mount hangs, which costs the host's deadline for one call."""

PROBE = Probe(
    name="generalization",
    facts=GeneralizationFacts,
    gather=gather,
    needs=("agents",),
    checks=(
        *deprovision_state.CHECKS,
        *provisioned_marker.CHECKS,
        *waagent_state.CHECKS,
        *cloud_init_state.CHECKS,
        *build_user.CHECKS,
        *accounts.CHECKS,
        *keyfiles.CHECKS,
        *credentials.CHECKS,
        *dumps.CHECKS,
        *image_age.CHECKS,
        *resolver.CHECKS,
        *leases.CHECKS,
        *machine_identity.CHECKS,
        *histories_and_logs.CHECKS,
        *other_leftovers.CHECKS,
        *network.CHECKS,
        *enrolment.CHECKS,
        *mounts.CHECKS,
        *own_files.CHECKS,
    ),
)
