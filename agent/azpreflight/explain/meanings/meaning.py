"""What a line that is evidence of a cause means, how much it says, and what takes it back."""

from __future__ import annotations

from azpreflight.azure.log_signatures import Step
from azpreflight.dataclass import dataclass
from azpreflight.model import Severity

NETWORK = (Step.NETWORK, Step.WIRE_SERVER, Step.GOAL_STATE, Step.READY)
PLATFORM = (Step.WIRE_SERVER, Step.GOAL_STATE, Step.READY)
DISC = (Step.DISC, Step.READY)
USERS = (Step.LOGIN, Step.READY)
NEVER: tuple[Step, ...] = ()
"""Steps that show that something was passing, by what failed."""


@dataclass(frozen=True)
class Meaning:
    """Of a line that is evidence of a cause."""

    summary: str
    fix: str
    weight: int = 2
    """3: it names the cause. 2: it names what failed, and little else looks like it. 1: many things do."""
    alternative: str = "another fault may write the same"
    """What else would write this line."""
    severity: Severity = Severity.ERROR
    undone_by: tuple[Step, ...] = (Step.READY,)
    """Where one of these is reached after the line, it was passing."""
    commands: tuple[str, ...] = ()
    undone_by_lines: tuple[str, ...] = ()
    """The same, by the ids of signatures without a step."""
