"""What all places have in common."""

from azpreflight.model.errors import UsageError


class SinkError(UsageError):
    """The text could not be written; the message says where and why."""
