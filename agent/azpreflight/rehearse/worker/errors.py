"""What keeps a rehearsal from being made."""

from __future__ import annotations


class RehearsalError(Exception):
    """The machine that it is made on lacks something; the text says what."""
