"""What the commands have in common: exit codes, and words about a run on standard error."""

import sys
from collections.abc import Iterable
from contextlib import suppress

from azpreflight.render.plain import plain

EXIT_USAGE = 2
EXIT_UNDECIDED = 3
EXIT_BUG = 70
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143
_WORSE = (0, EXIT_UNDECIDED, 1, EXIT_BUG, EXIT_USAGE)
"""Exit codes from the best to the worst."""


def worst(codes: "Iterable[int]") -> int:
    """The exit code for many logs: that of the worst, 0 for none."""
    return max(codes, key=_WORSE.index, default=0)


def say(sentence: str) -> None:
    """One line for the person who runs it; where it cannot be written, the exit code has to do."""
    with suppress(OSError):
        sys.stderr.write(f"azpreflight: {plain(sentence)}\n")
