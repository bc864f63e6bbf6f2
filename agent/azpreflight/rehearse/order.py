"""What the worker is told, and what it says: plain data, a JSON object a line."""

from __future__ import annotations

from azpreflight.dataclass import dataclass
from azpreflight.rehearse.facts import Plan


@dataclass(frozen=True)
class Order:
    """One rehearsal."""

    plan: Plan
    backing: str
    """The image as QEMU opens it, read-only: "json:" and a description."""
    folder: str
    """For everything that is written; it exists, and is empty."""
    certificate: str
    """A PEM file with key and certificate of the package store."""
    limit_s: float
    """Seconds for each first boot."""
    screen: str = ""
    """A file for a picture of the screen where the console is silent; none: no picture."""
    console: str = ""
    """A file for all that the serial consoles say; none: it is not kept."""
