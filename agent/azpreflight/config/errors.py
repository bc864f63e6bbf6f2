"""What is said of a mistake in the configuration."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from azpreflight.model.errors import UsageError


class ConfigError(UsageError):
    """The configuration cannot be used; the text names the file, the line, the key and what is allowed."""


def similar(name: str, known: Iterable[str]) -> str:
    """A hint at the known name that was probably meant, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
