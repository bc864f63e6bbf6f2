"""One log that is to be read, before it is."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.engine.fleet import Traits


class Kind(str, Enum):
    """By what it is read."""

    FILE = "file"
    STORAGE = "storage"
    """A URL that fsspec knows."""
    SIGNED = "signed"
    """A URL with its own permission in it, as ARM gives one out: `place` is a secret."""
    LOST = "lost"
    """Not to be had, for the reason that `place` holds."""


@dataclass(frozen=True)
class Item:
    """A log by its name, and where it is."""

    name: str
    """As it is shown; each is read once."""
    place: str
    """The path, the URL, or the reason."""
    kind: Kind = Kind.FILE
    size: int = 0
    """Bytes; 0 where it is not known."""
    stamp: Optional[str] = None
    """Is another one once its content is; None where only reading it says that."""
    traits: Traits = field(default_factory=Traits)
    """What Azure says of the machine, for a report that does not."""
