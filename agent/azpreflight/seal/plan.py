"""What `seal` will do to files: of what is wanted, that which may be done, and what is kept and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host.removable import place_of, refusal
from azpreflight.seal.cleanup import Change
from azpreflight.seal.ownership import Owned
from azpreflight.text import printable

MOST_CHANGES = 1000
"""Paths that are removed or emptied by name. Each subject keeps 50 names at most, and there are fewer than 20."""
MOST_ENTRIES = 20_000
"""Files and directories that go with them, those in directories that go whole: a year of journals has some hundred,
the agents and extensions of a build some thousand. Who has more has to look first."""
MOST_ASKED = 2000
"""Paths in directories that go whole of which package managers are asked."""


@dataclass(frozen=True)
class Plan:
    """The changes, and the rest of what was wanted."""

    changes: tuple[Change, ...] = ()
    kept: tuple[str, ...] = ()
    """One line for each path that stays although it was wanted: the path and the reason."""
    entries: int = 0
    """Files and directories that go."""

    @property
    def objection(self) -> Optional[str]:
        """Why so much cannot be right; None if it can."""
        if len(self.changes) > MOST_CHANGES:
            return f"{len(self.changes)} paths would be removed or emptied, more than {MOST_CHANGES}: look at --dry-run"
        if self.entries > MOST_ENTRIES:
            return f"more than {MOST_ENTRIES} files would be removed: look at --dry-run, and delete logs by hand"
        return None


def plan(wanted: Sequence[Change], mounts: Sequence[str], owned: Owned, inside: Mapping[str, Sequence[str]]) -> Plan:
    """The plan; `inside` has what is in the directories that would go whole."""
    changes, kept, entries = [], [], 0
    for change in wanted:
        reason = refusal(change.path, change.verb, mounts) or _owned(change, owned, inside.get(change.path, ()))
        if reason is None:
            changes.append(change)
            entries += 1 + len(inside.get(change.path, ()))
        else:
            kept.append(printable(f"keep {change.path}: {reason}"))
    return Plan(tuple(changes), tuple(kept), entries)


def _owned(change: Change, owned: Owned, inside: Sequence[str]) -> Optional[str]:
    """Why it stays for the sake of a package: it, or something in it, is the package's."""
    place = place_of(change.path, change.verb)
    shipped = place is not None and place.shipped
    if shipped and len(inside) > MOST_ASKED:
        return f"too much is in it to ask whether a package owns it: more than {MOST_ASKED} files"
    reasons = (owned.reason(path, shipped) for path in (change.path, *(inside if shipped else ())))
    return next((reason for reason in reasons if reason is not None), None)
