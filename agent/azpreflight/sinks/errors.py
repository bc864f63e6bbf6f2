"""What all places have in common."""

from __future__ import annotations

from azpreflight.model.errors import UsageError


class SinkError(UsageError):
    """The text could not be written; the message says where and why."""
