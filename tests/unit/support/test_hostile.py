"""Random machines, made to mislead: the paths that `seal` plans to remove are always among those that may go."""

from __future__ import annotations

import os
import random

import pytest

from azpreflight.host.removable import Verb, refusal
from tests.support import hostile

RUNS = int(os.environ.get("TEST_PROPERTY_RUNS", "400"))
"""Machines in all; `make property RUNS=100000` takes many more."""
SEED = int(os.environ.get("TEST_PROPERTY_SEED", "0"))
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_what_is_planned_is_always_allowed(part: int) -> None:
    """By a list that was written down apart from the product's own; some of it is planned, or nothing was shown."""
    seen: set[str] = set()
    for number in range(RUNS // PARTS):
        host = hostile.machine(random.Random(f"{SEED} {part} {number}"))
        paths = {change.path for change in hostile.planned(host)}
        assert [path for path in paths if not hostile.allowed(path)] == [], (part, number)
        seen |= paths
    assert len(seen) > 5


def test_the_list_itself_lets_nothing_else_through() -> None:
    """Paths of hostile pieces, whoever asks for them."""
    chance = random.Random(SEED)
    through = 0
    for _ in range(RUNS * 25):
        path = hostile.value(chance) if chance.random() < 0.5 else hostile.near(chance)
        for verb in Verb:
            if refusal(path, verb) is None:
                through += 1
                assert hostile.allowed(path), path
    assert through > 0
