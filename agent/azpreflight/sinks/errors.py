"""What all places have in common."""


class SinkError(Exception):
    """The text could not be written; the message says where and why."""
