"""What is said of a mistake in the configuration."""

from __future__ import annotations

from azpreflight.model.errors import UsageError


class ConfigError(UsageError):
    """The configuration cannot be used; the text names the file, the line, the key and what is allowed."""
