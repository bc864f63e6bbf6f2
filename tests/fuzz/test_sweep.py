"""A part of the sweep, by lot: `make sweep` runs all of it."""

from __future__ import annotations

import os
from typing import Callable

from tests.fuzz import sweep

SEED = int(os.environ.get("TEST_FUZZ_SEED", "1"))
CASES = 2_000
"""Of some 13,000."""


def test_no_file_stops_or_breaks_a_probe(record_property: Callable[[str, str], None]) -> None:
    """Each in its processor time and memory, with facts of a bounded size, and without a bug."""
    cases = sweep.cases(SEED, CASES)
    found = [f"{case.target.path}: {case.kind}: {reason}" for case, reason in sweep.broken(cases)]
    files = len({case.target.path for case in cases})
    record_property("measured", f"{len(cases)} hostile contents of {files} files: {len(found)} broke")
    assert found == []
