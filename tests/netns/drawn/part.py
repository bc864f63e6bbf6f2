"""What cases are made of: a fault or something harmless, and the truth of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Optional

from azpreflight.model import Cause
from tests.netns.standin import Fault


class Way(str, Enum):
    """What a fault can take away, and what must work for another fault to be seen."""

    LINK = "link"
    WIRE = "wire"
    """The goal state, without which nobody knows what else this VM needs."""
    IMDS = "imds"
    DNS = "dns"
    """Questions to the servers that the VM is told to ask."""
    CONTROL = "control"
    """Azure's own DNS server, which tells the addresses of what is tried where the others fail."""
    EGRESS = "egress"


@dataclass(frozen=True)
class Part:
    """A fault, or something harmless, with its truth."""

    dimension: str
    name: str
    """What is wrong, in words that name it among all parts."""
    fault: Fault
    causes: frozenset[Cause] = frozenset()
    """What may be said of it; empty: it is harmless, and nothing may be said."""
    likely: frozenset[Cause] = frozenset()
    """What may be said of it as well, but never as certain."""
    takes: frozenset[Way] = frozenset()
    needs: frozenset[Way] = frozenset()
    """Where another fault takes one of these, this one cannot be seen."""
    ready: Optional[bool] = None
    """Whether a VM with this fault alone is ready; None: either may be said."""
    excludes: frozenset[str] = frozenset()
    """Dimensions of which there is nothing else beside it."""
    optional: bool = False
    """It may also be passed over in silence."""

    @property
    def harmless(self) -> bool:
        """Whether nothing may be said of it."""
        return not self.causes and not self.likely


@dataclass(frozen=True)
class Case:
    """A drawn state. `seed` and `number` make it again."""

    seed: int
    number: int
    healthy: bool
    parts: tuple[Part, ...]
    ipv6: bool = False

    @property
    def name(self) -> str:
        """By which it is drawn again, such as 7-12, or 7-h3 for a healthy one."""
        return f"{self.seed}-{'h' if self.healthy else ''}{self.number}"

    @property
    def words(self) -> str:
        """All parts of it."""
        return " + ".join(f"{part.dimension}: {part.name}" for part in self.parts) or "nothing"

    @property
    def wrong(self) -> tuple[Part, ...]:
        """The parts that are faults."""
        return tuple(part for part in self.parts if not part.harmless)

    def seen(self, part: Part) -> bool:
        """Whether no other fault of this case hides this one."""
        return not any(other.takes & part.needs for other in self.wrong if other is not part)
