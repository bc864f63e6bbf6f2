"""How much of what was seen gets into a report. Pure.

What is judged is whole, so that nothing passes because it was cut. What is said is bounded, in this one place: an image
may hold files of any size, and whoever made it may want the report to be too large for its reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from azpreflight.model import Finding

SENTENCE = 2_000
"""Characters of a message, a reason or a fix; the longest that is meant to be read has 600."""
COMMAND = 4_000
"""Characters of a command. One that is longer is left out: cut, it would do something else."""
FINDINGS = 200
"""Findings of one check."""
TEXT = 8_192
"""Characters of one fact; a fact is a name, a value or a line, and the longest kernel command line has 4,096."""
LONG: Mapping[tuple[str, str], int] = {
    ("dumps", "text"): 1 << 20,  # what iptables-save and nft print: 1 MiB are 8,000 rules; `record` keeps all of it
    ("results", "traceback"): 1 << 16,  # Python's own words, of at most 1,000 calls
}
"""Characters of texts that are long by their nature, by the last two keys of their place."""
ENTRIES = 1_000
"""Entries of one list or object; ten times the most that has been seen of a machine that somebody uses."""
DEPTH = 16
"""Levels of lists and objects in a report; the deepest fact is at the tenth."""
MORE = 40
"""Characters of the words that say how much more there is; with them a text that was cut fits, and is not cut again."""
WHOLE = 32 << 20
"""Characters of all texts of a report together."""
CUTS = 100
"""Places that are named as cut; the rest is counted."""


def sentence(text: str, limit: int = SENTENCE) -> str:
    """The text, or its beginning and how much more there is."""
    kept = max(limit - MORE, 0)
    return text if len(text) <= limit else f"{text[:kept]} ... and {len(text) - kept} more characters"


def findings(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings of one check as a report has them: the worst, if there are too many, and how many more."""
    if len(found) <= FINDINGS:
        return tuple(_finding(one) for one in found)
    worst = sorted(found, key=lambda one: -one.severity.rank)
    more = f"and {len(found) - FINDINGS} more findings of this check"
    last = Finding(worst[FINDINGS].severity, more, "Fix those that are listed, and run the check again.")
    return (*(_finding(one) for one in worst[:FINDINGS]), last)


def _finding(found: Finding) -> Finding:
    texts = (found.message, found.fix, found.confidence_reason, *found.evidence.values())
    if all(len(text) <= SENTENCE for text in texts) and all(len(command) <= COMMAND for command in found.commands):
        return found
    return replace(
        found,
        message=sentence(found.message),
        fix=sentence(found.fix),
        confidence_reason=sentence(found.confidence_reason),
        evidence={key: sentence(text) for key, text in found.evidence.items()},
        commands=tuple(command for command in found.commands if len(command) <= COMMAND),
    )


def document(value: Any) -> tuple[Any, tuple[str, ...]]:
    """A JSON value with all that is too long in it cut, and the places of that with what is missing."""
    walk = _Walk()
    bounded = walk.value(value, ("", ""), "", 0)
    more = len(walk.cut) - CUTS
    return bounded, (*walk.cut[:CUTS], *([f"and {more} more places"] if more > 0 else []))


class _Walk:
    """One walk through a JSON value."""

    def __init__(self) -> None:
        self.cut: list[str] = []
        self._left = WHOLE

    def value(self, value: Any, keys: tuple[str, str], where: str, depth: int) -> Any:
        """The value, bounded; `keys` are the last two keys of objects on the way to it."""
        if isinstance(value, str):
            return self._text(value, LONG.get(keys, TEXT), where)
        if isinstance(value, (dict, list)) and depth >= DEPTH and value:
            self.cut.append(f"{where}: all that is deeper than {DEPTH} levels")
            return type(value)()
        if isinstance(value, dict):
            kept = self._kept(list(value), where)
            return {
                self._text(key, TEXT, where): self.value(
                    value[key], (keys[1], key), f"{where}.{key}".lstrip(".")[:200], depth + 1
                )
                for key in kept
            }
        if isinstance(value, list):
            items = self._kept(value, where)
            bounded = [self.value(item, keys, f"{where}[{number}]", depth + 1) for number, item in enumerate(items)]
            said = len(items) < len(value) and isinstance(value[0], str)
            return [*bounded, f"and {len(value) - len(items)} more"] if said else bounded
        return value

    def _kept(self, items: list[Any], where: str) -> list[Any]:
        if len(items) <= ENTRIES:
            return items
        self.cut.append(f"{where}: {len(items) - ENTRIES + 1} of {len(items)} entries")
        return items[: ENTRIES - 1]

    def _text(self, text: str, limit: int, where: str) -> str:
        limit = min(limit, self._left)
        self._left -= min(len(text), limit)
        if len(text) <= limit:
            return text
        self.cut.append(f"{where}: {len(text) - max(limit - MORE, 0)} of {len(text)} characters")
        return sentence(text, limit)
