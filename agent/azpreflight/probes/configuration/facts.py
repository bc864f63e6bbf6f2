"""Nothing of the machine: what is judged is part of the run."""

from __future__ import annotations

from azpreflight.dataclass import dataclass


@dataclass(frozen=True)
class ConfigurationFacts:
    """Nothing."""
