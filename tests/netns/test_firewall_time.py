"""A rehearsal that is not done in its time: it ends all the same, leaves nothing, and claims nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from azpreflight.firewall.facts import Outcome
from azpreflight.firewall.rehearsal import PYTHON, load_errors_of, run_worker
from azpreflight.firewall.rule_names import Index
from azpreflight.firewall.rule_verdicts import Copy, decide
from azpreflight.host import HostError, LocalHost
from tests.netns.many_rules import FLOW, SCENE

pytestmark = pytest.mark.root

LIMIT = 1.0
HANG = 25.0
"""Seconds; what would take longer than this has not been ended."""


def rehearsed(command: Sequence[str], limit: float) -> dict[str, Any]:
    """What the worker says of rules that such a program loads."""
    step = {"name": command[0], "command": list(command), "input": "x" * 500_000}
    job = {**SCENE.as_json([FLOW], set(), set()), "loads": [step]}
    return run_worker(LocalHost(), PYTHON, job, limit)


@pytest.mark.parametrize(
    "command",
    [["/bin/sleep", "30"], ["/bin/sh", "-c", "while :; do echo y; done"], ["/bin/sh", "-c", "trap '' TERM; sleep 30"]],
    ids=["hangs", "prints for ever", "does not want to end"],
)
def test_a_loader_that_does_not_end_is_ended(command: list[str]) -> None:
    began = time.monotonic()
    answer = rehearsed(command, LIMIT)
    assert time.monotonic() - began < HANG
    (error,) = load_errors_of(answer)
    assert error.endswith("ended with -9: not done in time")
    decided = decide(FLOW, answer["flows"][0], Copy(Index(()), {}, incomplete=error))
    assert (decided.outcome, decided.reason) == (
        Outcome.UNKNOWN,
        "no answer came back, and no rule took a packet",
    )


def test_without_time_for_the_canary_the_rehearsal_is_invalid() -> None:
    """Nothing is called blocked; a machine that is very busy has not even the laboratory by then."""
    try:
        (seen,) = rehearsed(["/bin/true"], 0.0)["flows"]
    except HostError as error:
        reason = str(error)
    else:
        decided = decide(FLOW, seen, Copy(Index(()), {}))
        assert decided.outcome is Outcome.UNKNOWN
        reason = decided.reason or ""
    assert "the rehearsal is invalid: without any rule the flow ended with silent" in reason or "not come up" in reason


def test_a_run_whose_time_is_used_up_makes_no_rehearsal() -> None:
    """The budget of the whole run counts as well."""
    job = {**SCENE.as_json([FLOW], set(), set()), "loads": []}
    with pytest.raises(HostError, match="time for the whole run is used up"):
        run_worker(LocalHost(budget=0.0), PYTHON, job, LIMIT)
