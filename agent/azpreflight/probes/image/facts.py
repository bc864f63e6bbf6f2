"""What was found."""

from __future__ import annotations

from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host.disk.types import Disk


@dataclass(frozen=True)
class ImageFacts:
    """The disk image that is inspected."""

    disk: Optional[Disk] = None
    """None: the running system or a mounted tree is inspected, and no file."""
