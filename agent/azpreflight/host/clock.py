"""The time that is left for a work of several steps, which can be stopped for a step that has a limit of its own."""

from __future__ import annotations

import time
from typing import Optional


class Clock:
    """Counts down, unless it is stopped."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._stopped: Optional[float] = None

    def left(self) -> float:
        """Seconds, and never less than none."""
        now = time.monotonic() if self._stopped is None else self._stopped
        return max(self._deadline - now, 0.0)

    def stop(self) -> None:
        """Do not count what passes from now on."""
        if self._stopped is None:
            self._stopped = time.monotonic()

    def go_on(self) -> None:
        """Count again."""
        if self._stopped is not None:
            self._deadline += time.monotonic() - self._stopped
            self._stopped = None

    def granted(self, seconds: float) -> float:
        """The seconds of a step with a limit of its own: cut to what is left, unless the clock is stopped for it."""
        return seconds if self._stopped is not None else min(seconds, self.left())
