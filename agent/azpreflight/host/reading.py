"""The edge at which a file's content becomes facts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from azpreflight.foreign import edge
from azpreflight.host.api import HostError


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Within it, whatever the parser of this file's content raises is a HostError: the file cannot be read."""
    with edge(lambda reason: HostError(f"cannot read {path}: {reason}"), HostError):
        yield
