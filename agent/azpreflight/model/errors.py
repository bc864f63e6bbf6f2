"""The error that ends a run with exit code 2."""

from __future__ import annotations


class UsageError(Exception):
    """What is asked for does not exist, or cannot be read or written; the message says what, for a person."""
