"""How wide the terminal is that something is printed on, if it is one."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Optional, TextIO

from azpreflight.text import WIDTH, Columns

NARROWEST, WIDEST = 40, 120
"""Columns: below, hardly a word fits beside the indentation; above, a line is tiring to read."""


def on_terminal(path: Optional[str]) -> bool:
    """The text is printed there, and not into a file or a pipe."""
    return path is None and sys.stdout.isatty()


def columns(path: Optional[str]) -> int:
    """Of the terminal that the text is printed on, as far as lines are readable; those of a log elsewhere."""
    if not on_terminal(path):
        return WIDTH
    return min(max(shutil.get_terminal_size((WIDTH, 24)).columns, NARROWEST), WIDEST)


def widths(path: Optional[str]) -> Columns:
    """Of the lines of what names many logs."""
    return Columns(columns(path), columns(path)) if on_terminal(path) else Columns()


def columns_of(stream: TextIO, most: int) -> int:
    """Of another terminal, without the last, behind which it breaks a line; `most` where it does not say."""
    try:
        found = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return most
    return min(found - 1, most) if found > 1 else most
