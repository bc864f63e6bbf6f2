"""What was found."""

from __future__ import annotations

from azpreflight.azure.answer import Answer
from azpreflight.dataclass import dataclass


@dataclass(frozen=True)
class RevocationFacts:
    """Connections to the servers that certificates name."""

    answers: tuple[Answer, ...] = ()
    """Empty where no certificate was presented that names any, or one came by a proxy."""
