"""The firewall's rules as their tools print them, for `check -v`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azpreflight.model import codec
from azpreflight.text import printable

LINES = 200
"""Lines of one dump that are shown: those of a machine that a person set up. The JSON has all."""


def lines(facts: Mapping[str, Any]) -> list[str]:
    """A heading and the text of each dump in the facts of a report; none where no rules were read."""
    firewall = codec.encode(facts.get("firewall"))
    dumps = firewall.get("dumps", ()) if isinstance(firewall, Mapping) else ()
    return [line for dump in dumps if isinstance(dump, Mapping) for line in _one(dump)]


def _one(dump: Mapping[str, Any]) -> list[str]:
    text = str(dump.get("text", "")).splitlines()
    if not text and not dump.get("error"):
        return []
    more = len(text) - LINES
    return [
        f"# {printable(str(dump.get('name')))} ({printable(str(dump.get('command')))})",
        *([f"# incomplete: {printable(str(dump['error']))}"] if dump.get("error") else []),
        *(printable(line) for line in text[:LINES]),
        *([f"# and {more} more lines, see --format json"] if more > 0 else []),
    ]
