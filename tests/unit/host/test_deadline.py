"""Deadlines for calls that have none: real threads that never come back."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from azpreflight.host import HostError, LocalHost
from azpreflight.host.deadline import Guard, together


def test_a_result_and_an_exception_pass_through() -> None:
    """The guard changes neither."""
    guard = Guard()
    assert guard.call(lambda: 42, 1, "counting") == 42
    with pytest.raises(KeyError):
        guard.call(lambda: dict[str, int]()["absent"], 1, "looking up")


def test_a_call_that_never_ends_is_given_up() -> None:
    """The caller goes on in time, and the next call of the same guard works."""
    guard, never = Guard(), threading.Event()
    began = time.monotonic()
    with pytest.raises(HostError, match=r"reading /x did not answer within 0.2 s"):
        guard.call(never.wait, 0.2, "reading /x")
    assert time.monotonic() - began < 10
    assert guard.call(lambda: "next", 1, "reading /y") == "next"
    never.set()


def test_a_late_answer_is_not_taken_for_the_next_one() -> None:
    """What a given-up call returns later belongs to nobody."""
    guard, late = Guard(), threading.Event()
    with pytest.raises(HostError):
        guard.call(lambda: late.wait() and "late", 0.05, "waiting")
    late.set()
    time.sleep(0.05)
    assert guard.call(lambda: "own", 1, "asking") == "own"


def test_each_thread_has_its_own_helper() -> None:
    """A hung call in one thread holds up no other thread, and answers are not mixed up."""
    guard, never = Guard(), threading.Event()
    calls = [lambda: guard.call(never.wait, 0.5, "hanging")] + [
        lambda number=number: guard.call(lambda: number, 0.5, "counting") for number in range(50)
    ]
    outcomes: list[object] = []

    def collect(call: object) -> None:
        try:
            outcomes.append(call())  # type: ignore[operator]  # one of the calls above
        except HostError:
            outcomes.append("hung")

    began = time.monotonic()
    threads = [threading.Thread(target=collect, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert time.monotonic() - began < 10
    assert sorted(map(str, outcomes)) == sorted(["hung", *map(str, range(50))])
    never.set()


def test_together_keeps_the_order_and_raises_the_first() -> None:
    """Results in the order of the calls, however long each takes; the first exception in order."""

    def after(pause: float) -> float:
        time.sleep(pause)
        return pause

    slow_first = tuple(partial(after, pause) for pause in (0.1, 0.05, 0.0))
    began = time.monotonic()
    assert together(slow_first) == (0.1, 0.05, 0.0)
    assert time.monotonic() - began < 10

    def fail(text: str, pause: float = 0.0) -> None:
        time.sleep(pause)
        raise HostError(text)

    with pytest.raises(HostError, match="first"):
        together((lambda: fail("first", 0.05), lambda: fail("second")))
    assert together(()) == ()


def test_a_used_up_budget_is_said() -> None:
    """Every call of the host is cut to what is left of the run."""
    host = LocalHost(budget=0.05)
    time.sleep(0.06)
    with pytest.raises(HostError, match="the time for the whole run is used up"):
        host.read("/etc/hostname")
    assert host.remaining() == 0.0
