"""Facts as they stand in a report: dataclasses of this version, or JSON of a saved one of any version, read alike.

What is missing, or is of another kind than expected, is nothing: a page leaves it out and never fails over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from azpreflight.model import codec

Tree = Mapping[str, Any]
"""A JSON object."""


def tree(facts: Mapping[str, Any], name: str) -> Tree:
    """The facts of one probe; an empty object where it could not look."""
    return obj(codec.encode(facts.get(name)))


def obj(value: Any) -> Tree:
    """An object; an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def objects(value: Any) -> list[Tree]:
    """The objects of a list."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, (list, tuple)) else []


def words(value: Any) -> list[str]:
    """The strings of a list."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, (list, tuple)) else []


def word(value: Any) -> Optional[str]:
    """A string or a number as text; None for anything else, and for an empty string."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    return str(value) or None


def number(value: Any) -> Optional[float]:
    """A number; None for anything else."""
    return None if isinstance(value, bool) or not isinstance(value, (int, float)) else float(value)
