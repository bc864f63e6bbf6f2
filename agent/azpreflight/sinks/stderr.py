"""Standard error: one line at a time, for the person or the journal that runs the program."""

from __future__ import annotations

import sys
from contextlib import suppress

from azpreflight.text import printable


def say(sentence: str) -> None:
    """Print one line; where it cannot be written, the exit code has to do."""
    with suppress(OSError):
        sys.stderr.write(f"azpreflight: {printable(sentence)}\n")
