"""Who holds up a child: a thread that uses the processor, and lets no other say that it is alive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Callable, Optional

SHARE = 0.1
"""Of the budget, in seconds of the processor, that one thread may run without the child saying a word. Python's threads
take turns every 5 ms; the longest call of C that a probe makes, to parse 30 MB of JSON, takes 0.3 s."""
LEAST_S = 0.5
"""Seconds of the processor: a budget of few seconds does not make the processor faster."""
MOST_S = 2.0
"""Seconds of the processor: on a machine as busy as it is in its boot, they take ten times as long."""


class Stall:
    """Measures in seconds of the processor, because on a busy machine a child is silent that does not get to run."""

    def __init__(self, used: Callable[[], Mapping[str, float]], budget: float) -> None:
        self._used, self._limit = used, min(max(LEAST_S, SHARE * budget), MOST_S)
        self._before: Optional[Mapping[str, float]] = None

    def culprit(self, heard: bool) -> Optional[str]:
        """The name of the thread that has held up all others, if one has; `heard` if the child has just spoken."""
        if heard:
            self._before = None
            return None
        used = self._used()
        if self._before is None:
            self._before = used
        grown = {name: seconds - self._before.get(name, 0.0) for name, seconds in used.items()}
        busiest = max(grown, key=lambda name: grown[name], default=None)
        return busiest if busiest is not None and grown[busiest] >= self._limit else None
