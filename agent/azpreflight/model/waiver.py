"""What a site has decided to live with for a while, and what became of that decision in one run."""

from __future__ import annotations

from enum import Enum
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.model.vocabulary import Severity


@dataclass(frozen=True)
class Waiver:
    """Findings of one check that count for less: the check still runs, and they are still shown."""

    check: str
    """The id of the check."""
    reason: str
    match: Optional[str] = None
    """A part of the finding's message, in which * stands for anything; None: every finding of the check."""
    until: Optional[str] = None
    """The last day on which it counts, YYYY-MM-DD in UTC; None: for good."""
    severity: Severity = Severity.NOTE
    """What such a finding is lowered to; one that is less already stays as it is."""


class WaiverState(str, Enum):
    """What became of a waiver in one run."""

    USED = "used"
    EXPIRED = "expired"
    UNUSED = "unused"
    """Its check was judged, and no finding matches."""
    UNDECIDED = "undecided"
    """Its check was not judged here: not asked for, not applicable, ignored or unknown."""


@dataclass(frozen=True)
class WaiverUse:
    """A waiver with what became of it."""

    waiver: Waiver
    state: WaiverState
