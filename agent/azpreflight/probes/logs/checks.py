"""Judging the facts. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from azpreflight.azure.log_signatures import CHANGED_IDENTIFIER
from azpreflight.model import Cause, Check, Confidence, Finding, Profile, Run, Severity, Stage, Unknown, Verdict
from azpreflight.probes.logs.facts import LogsFacts, Sighting


def sighting(facts: LogsFacts, signature: str) -> Optional[Sighting]:
    """What was seen of one signature."""
    return next((seen for seen in facts.sightings if seen.id == signature), None)


def judge_identifier(facts: LogsFacts, run: Run) -> Iterator[Verdict]:
    """waagent says itself that its sentinel is another VM's."""
    seen = sighting(facts, CHANGED_IDENTIFIER)
    if seen is not None:
        yield Finding(
            severity=Severity.ERROR,
            message="waagent found itself provisioned as another VM and skipped provisioning:"
            " the image was not generalised",
            fix="Deprovision the source VM with `waagent -force -deprovision+user` right before capture, capture"
            " again, and create the VM from the new image; this one keeps the source's users, keys and host name.",
            evidence={"line": seen.last},
            confidence=Confidence.LIKELY,
            confidence_reason="the agent's own log says so; a VM that the platform gave another identifier"
            " would write the same",
        )
        return
    for reason in facts.unreadable:
        yield Unknown(reason)


CHECKS = (
    Check(
        "logs-vm-identifier",
        "waagent did not skip provisioning as already done",
        judge_identifier,
        Severity.ERROR,
        cause=Cause.NOT_GENERALIZED,
        stages=(Stage.FIRSTBOOT,),
        offline=True,
        profiles=(Profile.GENERALIZED,),
    ),
)
