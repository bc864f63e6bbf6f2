"""What the commands have in common: exit codes, and words about a run on standard error."""

import sys

from azpreflight.render.plain import plain

EXIT_USAGE = 2
EXIT_UNDECIDED = 3
EXIT_BUG = 70
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


def say(sentence: str) -> None:
    """One line for the person who runs it."""
    sys.stderr.write(f"azpreflight: {plain(sentence)}\n")
