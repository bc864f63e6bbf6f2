"""What `tests.support.machines` promises: a healthy machine, and a broken one for each check of every probe.

So the house can try every check on both, and print what its page shows.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any, Union

from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather
from azpreflight.model import Check, Gathered, Probe, Report, Result, Run, Snapshot, Stage
from azpreflight.probes import PROBES, with_needs
from azpreflight.rehearse.facts import RehearsalFacts
from azpreflight.rehearse.probe import PROBE as REHEARSAL
from azpreflight.render import text
from tests.support.fakes import FakeHost

Example = Union[FakeHost, "tuple[FakeHost, Run]", RehearsalFacts]
EVERY = (*PROBES, REHEARSAL)
"""Those of machines, and that of a rehearsal, whose facts come from no host."""
CHECKS: Mapping[str, tuple[Probe[Any], Check]] = {check.id: (probe, check) for probe in EVERY for check in probe.checks}
"""Every check with its probe, by id."""


def examples(probe: Probe[Any]) -> ModuleType:
    """The module with the machines of the probe."""
    return importlib.import_module(f"tests.support.machines.{probe.name}")


def on_healthy(check_id: str) -> Result:
    """What becomes of a check on the healthy machine of its probe."""
    probe, _ = CHECKS[check_id]
    return _judged(check_id, examples(probe).HEALTHY)[0]


def on_broken(check_id: str) -> Result:
    """What becomes of a check on its own broken machine."""
    probe, _ = CHECKS[check_id]
    return _judged(check_id, examples(probe).BROKEN[check_id])[0]


def printed(check_id: str) -> str:
    """What azpreflight prints of the check on its own broken machine: its block of the whole report.

    Where another check explains it there, it has no block, and is printed as if it had been asked for alone.
    """
    probe, _ = CHECKS[check_id]
    example = examples(probe).BROKEN[check_id]
    for alone in (False, True):
        own = [block for block in _judged(check_id, example, alone)[1].split("\n\n") if _is_about(check_id, block)]
        if own:
            return own[0]
    raise AssertionError(f"{check_id} says nothing on its own broken machine")


def _is_about(check_id: str, block: str) -> bool:
    first, *others = block.split("\n")
    below = any(line.startswith((f"  {check_id}: ", f"  {check_id} (")) for line in others)
    return f": {check_id}: " in first or (": " in first and below)


def _judged(check_id: str, example: Example, alone: bool = True) -> tuple[Result, str]:
    """The result of the check, with nothing beside it that could explain it if it is judged alone, and the text."""
    probe, check = CHECKS[check_id]
    snapshot, probes = _seen(probe, check, example)
    report = assess(snapshot, [replace(probe, checks=(check,), witness=None)] if alone else probes)
    return next(result for result in report.results if result.check == check_id), text.render(report)


def _seen(probe: Probe[Any], check: Check, example: Example) -> tuple[Snapshot, Sequence[Probe[Any]]]:
    """What the probe and all that the check needs see, and those probes."""
    if isinstance(example, RehearsalFacts):
        empty = gather(FakeHost(), [], Run(stage=Stage.REHEARSAL, root="/images/disk.vhd"))
        return replace(empty, run=replace(empty.run, image=True), probes={probe.name: Gathered(example)}), [probe]
    host, run = example if isinstance(example, tuple) else (example, examples(probe).RUN)
    probes = with_needs({probe.name, *check.reads})
    return gather(host, probes, run), probes


def whole_report(check_id: str) -> Report:
    """The report on the check's own broken machine, with all that its probe and those that it needs have to say."""
    probe, check = CHECKS[check_id]
    snapshot, probes = _seen(probe, check, examples(probe).BROKEN[check_id])
    report = assess(snapshot, probes)
    return replace(report, run=replace(report.run, duration_s=0.5))
