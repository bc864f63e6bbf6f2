"""Random cases are drawn again by their names, and what is said of them is held against their truth."""

from __future__ import annotations

from typing import Optional

import pytest

from azpreflight.model import Cause, Confidence, Severity
from tests.netns import faults
from tests.netns.drawn.compare import Judged, Outcome, Said, Told, judge, markdown
from tests.netns.drawn.draw import draw
from tests.netns.drawn.part import Case, Part, Way
from tests.netns.drawn.run import named

DNS = Part(
    "names", "dead", faults.DNS_DEAD, frozenset({Cause.DNS_UNREACHABLE}), needs=frozenset({Way.LINK}), ready=False
)
DOWN = Part("routes", "down", faults.LINK_DOWN, frozenset({Cause.NO_NETWORK}), takes=frozenset(Way), ready=False)
QUIET_TUNNEL = Part(
    "tunnel",
    "quiet",
    faults.TUNNEL,
    frozenset({Cause.FORCED_TUNNEL}),
    likely=frozenset({Cause.NO_EGRESS}),
    ready=True,
)
DOCKER = Part("routes", "docker", faults.NO_LEASE)


def told(*parts: Part, said: tuple[tuple[Cause, Confidence], ...] = (), ready: Optional[bool] = False) -> Judged:
    """What is to be said of a case with these parts."""
    causes = tuple(Said(cause, Severity.ERROR, confidence, "words") for cause, confidence in said)
    return judge(Told(Case(1, 2, not parts, parts), causes, ready, 1.0, 0.5))


CERTAIN, LIKELY = Confidence.CERTAIN, Confidence.LIKELY


@pytest.mark.parametrize(
    ("judged", "outcome"),
    [
        (told(DNS, said=((Cause.DNS_UNREACHABLE, CERTAIN),)), Outcome.RIGHT),
        (told(DNS, DOCKER, said=((Cause.DNS_UNREACHABLE, CERTAIN),)), Outcome.RIGHT),
        (told(DNS, said=((Cause.DNS_UNREACHABLE, CERTAIN),), ready=True), Outcome.VERDICT),
        (told(DNS), Outcome.MISSED),
        (told(DNS, said=((Cause.DNS_UNREACHABLE, CERTAIN), (Cause.PROXY, LIKELY))), Outcome.WRONG),
        (told(DNS, said=((Cause.PROXY, CERTAIN),)), Outcome.WRONG_CERTAIN),
        (told(DNS, DOWN, said=((Cause.NO_NETWORK, CERTAIN),)), Outcome.RIGHT),
        (told(DNS, DOWN, said=((Cause.DNS_UNREACHABLE, CERTAIN),)), Outcome.MISSED),
        (told(QUIET_TUNNEL, said=((Cause.NO_EGRESS, LIKELY),), ready=True), Outcome.RIGHT),
        (told(QUIET_TUNNEL, said=((Cause.NO_EGRESS, CERTAIN),), ready=True), Outcome.WRONG_CERTAIN),
        (told(DOCKER, ready=True), Outcome.RIGHT),
        (told(DOCKER, ready=None), Outcome.VERDICT),
        (told(DOCKER, said=((Cause.PROXY, LIKELY),), ready=True), Outcome.ALARM),
        (judge(Told(Case(1, 2, False, (DNS,)), (), None, 1.0, 0.0, "no report")), Outcome.MISSED),
    ],
)
def test_what_is_said_is_held_against_the_truth(judged: Judged, outcome: Outcome) -> None:
    assert judged.outcome is outcome, judged.why


def test_a_case_is_drawn_again_by_its_name() -> None:
    """Whatever was drawn before it; another seed draws others."""
    for case in (draw(7, 12), draw(7, 3, healthy=True)):
        assert named(case.name) == case
    assert [draw(7, number) for number in range(9)] != [draw(8, number) for number in range(9)]


def test_healthy_cases_have_no_fault_and_the_others_have_one_or_two() -> None:
    assert {len(draw(1, number, healthy=True).wrong) for number in range(200)} == {0}
    assert {len(draw(1, number).wrong) for number in range(200)} == {1, 2}


def test_every_dimension_is_drawn_with_every_other_that_goes_with_it() -> None:
    """Of a thousand cases."""
    pairs = {frozenset(part.dimension for part in draw(1, number).wrong) for number in range(1000)}
    for dimension in ("names", "rules", "routes", "egress", "tunnel", "sizes", "trust", "proxy", "platform"):
        assert frozenset({dimension}) in pairs
        assert frozenset({dimension, "names"}) in pairs


def test_the_table_names_every_case_that_was_told_wrongly() -> None:
    text = markdown([told(DNS, said=((Cause.DNS_UNREACHABLE, CERTAIN),)), told(DNS, said=((Cause.PROXY, CERTAIN),))])
    assert "| dns-unreachable | dns-unreachable (certain) | 1 |" in text
    assert "| 1-2 | wrong, certain | names: dead | proxy (certain): words |" in text
    assert text.count("1-2") == 1
