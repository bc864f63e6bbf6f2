"""An alarm that breaks off what the first thread does: Python, and C code that asks for signals now and then.

Regular expressions do, every 4,096 steps (CPython, _sre); so it holds where no child can be had, and for judging.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Late(BaseException):
    """The time is up, in the middle of whatever it was. No `Exception`, because those are caught as bugs."""


class Alarm:
    """Rings in the first thread; may be set again and again."""

    def __init__(self, timer: int) -> None:
        self._timer = timer

    def set(self, seconds: float) -> None:
        """Ring in so many seconds, and not before."""
        signal.setitimer(self._timer, max(seconds, 0.001))


@contextmanager
def alarm(seconds: float, processor: bool = False) -> Iterator[Alarm]:
    """Late is raised inside after so many seconds, or seconds of the processor. To be used by the first thread."""
    number, timer = (signal.SIGVTALRM, signal.ITIMER_VIRTUAL) if processor else (signal.SIGALRM, signal.ITIMER_REAL)
    previous = signal.signal(number, _ring)
    clock = Alarm(timer)
    clock.set(seconds)
    try:
        yield clock
    finally:
        signal.setitimer(timer, 0)
        signal.signal(number, previous)


def _ring(number: int, frame: Any) -> None:
    raise Late
