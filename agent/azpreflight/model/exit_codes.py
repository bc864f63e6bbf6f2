"""Exit codes that several commands have in common; `azpreflight --help` explains all of them."""

from __future__ import annotations

from collections.abc import Iterable

EXIT_USAGE = 2
EXIT_UNDECIDED = 3
EXIT_CONSOLE = 6
"""Everything else was written, and the terminal device that --serial names was not."""
EXIT_BUG = 70
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143
_WORSE = (0, EXIT_UNDECIDED, 1, EXIT_CONSOLE, EXIT_BUG, EXIT_USAGE)
"""Exit codes from the best to the worst."""


def worst(codes: Iterable[int]) -> int:
    """The exit code for many logs: that of the worst, 0 for none."""
    return max(codes, key=_WORSE.index, default=0)
