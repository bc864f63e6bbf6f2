"""The report on a rehearsal, in the form of every other. Pure."""

from __future__ import annotations

from dataclasses import replace

from azpreflight.engine.assess import assess
from azpreflight.model import Gathered, Milestone, Report, Snapshot, Stage
from azpreflight.rehearse import explain
from azpreflight.rehearse.explain import Inspected
from azpreflight.rehearse.facts import FIRST_BOOT, RehearsalFacts
from azpreflight.rehearse.patience import PLATFORM_S
from azpreflight.rehearse.probe import NAME, probe


def report(image: Snapshot, facts: RehearsalFacts, inspected: Inspected, took_s: float) -> Report:
    """What came of it. `image` is what was inspected before, and `inspected` what was made of that and of the rest."""
    found = explain.explanations(facts, inspected)
    run = replace(image.run, stage=Stage.REHEARSAL, duration_s=round(took_s, 1), image=True)
    snapshot = replace(image, run=run, probes={NAME: Gathered(facts, duration_s=round(took_s, 1))}, stamp=None)
    made = assess(snapshot, [probe(explain.causes(found, facts), explain.judges(found))])
    return replace(made, timeline=timeline(facts))


def timeline(facts: RehearsalFacts) -> tuple[Milestone, ...]:
    """The milestones of the first boot, in seconds since power-on."""
    boot = facts.boot(FIRST_BOOT)
    if boot is None:
        return ()
    steps = sorted((at, name) for name, at in boot.milestones.items())
    earlier = [0.0, *(at for at, _ in steps)]
    return tuple(
        Milestone(name, at, round(at - before, 1), PLATFORM_S if name == "ready" else None)
        for (at, name), before in zip(steps, earlier)
    )


def failed(facts: RehearsalFacts, image: Snapshot) -> bool:
    """Something went wrong, so that the disk is to be inspected afterwards."""
    run = replace(image.run, stage=Stage.REHEARSAL)
    snapshot = replace(image, run=run, probes={NAME: Gathered(facts)}, stamp=None)
    return any(result.findings for result in assess(snapshot, [probe({}, {})]).results)
