"""Judging within a time of its own: the facts are bounded, and whatever a judge makes of them, a report comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from azpreflight.engine.assess import assess
from azpreflight.engine.inspection.alarm import Late, alarm
from azpreflight.model import Gathered, Probe, Report, Snapshot

JUDGING_S = 3.0
"""Seconds of the processor for all judges together, which take 0.002 on a machine in use."""
TOO_LONG = f"what was seen could not be judged within {JUDGING_S:.0f} s"


def judged(snapshot: Snapshot, probes: Sequence[Probe[Any]]) -> Report:
    """The report on a snapshot; everything is unknown in it where the judges do not come to an end."""
    try:
        with alarm(JUDGING_S, processor=True):
            return assess(snapshot, probes)
    except Late:
        return assess(replace(snapshot, probes=dict.fromkeys(snapshot.probes, Gathered(None, TOO_LONG))), probes)
