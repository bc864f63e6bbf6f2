"""What is tried of a goal state that names more than can be."""

from __future__ import annotations

from dataclasses import replace

from azpreflight.azure.answer import Answer
from azpreflight.azure.goal_state import Plugin, Wanted
from azpreflight.azure.wire_server import Goal
from azpreflight.host import Outcome, Phase
from azpreflight.model import Unknown
from azpreflight.probes.egress import plan
from azpreflight.probes.egress.checks_packages import judge_packages
from azpreflight.probes.egress.facts import EgressFacts, Package
from azpreflight.probes.platform.facts import PlatformFacts
from tests.support.machines.egress import RUN

HERE, ELSEWHERE = ("https://store/a.xml",), ("https://other/b.xml",)
OK = Answer("http://168.63.129.16/", Outcome.OK, Phase.HTTP, 0.01, 200)


def untried(*manifests: tuple[str, ...], beyond: int = 0) -> int:
    """Of a goal state with an extension for each."""
    plugins = [Plugin(f"A.B{number}", "1", "enabled", one, signed=False) for number, one in enumerate(manifests)]
    goal = Goal(OK, wanted=Wanted("Fabric", 0, tuple(plugins), (), beyond))
    return plan.plan(replace(RUN, needed={"platform": PlatformFacts(True, goal=goal)})).untried


def test_extensions_from_stores_that_are_tried_are_covered() -> None:
    """Any other is counted."""
    assert untried(*[HERE] * 20) == 0
    assert untried(*[HERE] * 12, ELSEWHERE) == 1
    assert untried(*[HERE] * 11, ELSEWHERE, ELSEWHERE) == 0
    assert untried(HERE, beyond=6) == 6


def test_what_was_not_tried_is_unknown() -> None:
    package = Package("A.B", "1", False, (OK,))
    assert list(judge_packages(EgressFacts(packages=(package,)), RUN)) == []
    (said,) = judge_packages(EgressFacts(packages=(package,), untried=2), RUN)
    assert said == Unknown("2 further extensions of the goal state: their stores were not tried")
