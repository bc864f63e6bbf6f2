"""What one inspection has seen of files, so that each is inspected once: its probes ask for many of them again.

So they also judge one state of a file that changes meanwhile. What the kernel and the services say of themselves is
asked each time, and so is whatever could not be answered.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Callable, TypeVar

T = TypeVar("T")

MOVING = ("/proc", "/sys", "/run", "/dev", "/var/run")
"""Below these an answer is of its moment."""
CONTENT_LIMIT = 64 << 10
"""Bytes of one answer that is kept: configuration is smaller, and logs are read once."""
WHOLE_LIMIT = 8 << 20
"""Bytes of all that is kept; each answer counts at least as many as its place takes."""
PLACE = 512


class Remembered:
    """Answers by what was asked; threads that ask at once may each get an answer of their own."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, Any] = {}
        self._left = WHOLE_LIMIT

    def once(self, path: str, question: Hashable, ask: Callable[[], T]) -> T:
        """The answer to the question about a path, from before or by asking; what `ask` raises is not kept."""
        key = (path, question)
        if key in self._answers:
            known: T = self._answers[key]
            return known
        answer = ask()
        size = _size(answer)
        if size <= min(CONTENT_LIMIT, self._left) and not path.startswith(MOVING):
            self._left -= size
            self._answers[key] = answer
        return answer


def _size(answer: object) -> int:
    if isinstance(answer, tuple):
        return PLACE + sum(PLACE // 4 + len(name) for name in answer)
    return PLACE + (len(answer) if isinstance(answer, bytes) else 0)
