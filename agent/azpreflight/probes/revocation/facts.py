"""What was found."""

from __future__ import annotations

from dataclasses import dataclass

from azpreflight.azure.answer import Answer


@dataclass(frozen=True)
class RevocationFacts:
    """Connections to the servers that certificates name."""

    answers: tuple[Answer, ...] = ()
    """Empty where no certificate was presented that names any, or one came by a proxy."""
