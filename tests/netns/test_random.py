"""Some random cases, each against its truth; `make scenarios RANDOM=500` draws as many as you like."""

from __future__ import annotations

import pytest

from tests.netns.drawn.compare import Outcome, judge
from tests.netns.drawn.draw import draw
from tests.netns.drawn.part import Case
from tests.netns.drawn.run import observe
from tests.netns.observe import findings

pytestmark = pytest.mark.root
SEED = 11
CASES = (*(draw(SEED, number) for number in range(18)), *(draw(SEED, number, healthy=True) for number in range(7)))
"""This seed draws every dimension within these."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_random_case_is_told_rightly(case: Case) -> None:
    """Its causes, none that is wrong, and its verdict."""
    told, report = observe(case)
    judged = judge(told)
    seen = findings(report) if report else []
    assert judged.outcome is Outcome.RIGHT, "\n".join((case.words, judged.outcome.value, judged.why, *seen))
