"""A part of the sweep, by lot: `make sweep` runs all of it."""

from __future__ import annotations

import os
from typing import Callable

from tests.fuzz import sweep

SEED = int(os.environ.get("TEST_FUZZ_SEED", "1"))
CASES = 2_000
"""Of some 33,000."""


def test_no_file_stops_or_breaks_a_probe(record_property: Callable[[str, str], None]) -> None:
    """Each in its processor time and memory, with facts of a bounded size, and without a bug."""
    cases = sweep.cases(SEED, CASES)
    found = [f"{case.target.path}: {case.kind}: {reason}" for case, reason in sweep.broken(cases)]
    files = len({case.target.path for case in cases})
    record_property("measured", f"{len(cases)} hostile contents of {files} files: {len(found)} broke")
    assert found == []


def test_very_many_mounts_of_an_image_are_judged_in_time() -> None:
    """Where no device can be asked each of them is compared with all others."""
    (target,) = [
        target
        for target in sweep.targets()
        if (target.path, target.scene.probe.name) == ("/etc/fstab", "generalization") and target.scene.host.root != "/"
    ]
    assert list(sweep.broken([sweep.Case(target, "mounts")])) == []
