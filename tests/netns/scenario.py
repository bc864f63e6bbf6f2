"""A row of the table of scenarios: a state of the world, and what must be said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from azpreflight.model import Cause, Confidence, Readiness, Severity, Stage
from tests.netns.standin import Fault


@dataclass(frozen=True)
class Scenario:
    """One state of the world, and the right diagnosis."""

    name: str
    broken: str
    """What is wrong, in words."""
    faults: tuple[Fault, ...]
    cause: Optional[Cause] = None
    """The first cause; None: there is none."""
    severity: Optional[Severity] = None
    """Of the first cause."""
    further: tuple[Cause, ...] = ()
    """The other causes, in any order."""
    says: tuple[str, ...] = ()
    """Words of the first cause's summary."""
    silent: tuple[str, ...] = ()
    """Checks that must say nothing."""
    sure: Optional[Confidence] = None
    """How sure the first cause must be; None: it does not matter."""
    fixed: bool = False
    """The commands that the causes print are run, and afterwards there is no cause."""
    ipv6: bool = False
    stage: Stage = Stage.FIRSTBOOT

    @property
    def exit_code(self) -> int:
        """By the contract: findings at or above error."""
        return 1 if self.severity is Severity.ERROR else 0

    @property
    def verdict(self) -> Readiness:
        """By the contract: a cause at or above error."""
        return Readiness.NOT_READY if self.severity is Severity.ERROR else Readiness.READY
