"""In which order the next boot starts services that load rules, as far as their units say. Pure.

Each may undo what the one before did (`flush ruleset` takes the tables of iptables-nft with it), so where systemd is
free to choose, both orders are possible, and the same image may work today and not tomorrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from azpreflight.guest.systemd_units import UnitFile

EARLY = ("sysinit.target", "basic.target")
"""Services with default dependencies start after these."""
MAX_ORDERS = 4
T = TypeVar("T")


def orders(names: Sequence[str], units: Mapping[str, UnitFile]) -> tuple[tuple[str, ...], ...]:
    """The orders to rehearse: every two units that may start either way do so in both, and units that exclude each
    other are never in one order. `units` are those of `names` and the targets that they speak of."""
    after = _after(units)
    found: dict[tuple[str, ...], None] = {}
    for group in _compatible(tuple(names), units):
        found[_sorted(group, after)] = None
        found[_sorted(group[::-1], after)] = None
    return tuple(found)[:MAX_ORDERS]


def _compatible(names: tuple[str, ...], units: Mapping[str, UnitFile]) -> Iterator[tuple[str, ...]]:
    """Of two that conflict systemd starts one alone, and does not say which."""
    for first in names:
        for second in names:
            if second != first and second in units[first].conflicts:
                yield from _compatible(tuple(name for name in names if name != first), units)
                yield from _compatible(tuple(name for name in names if name != second), units)
                return
    yield names


def _after(units: Mapping[str, UnitFile]) -> dict[str, set[str]]:
    """What each unit waits for."""
    after: dict[str, set[str]] = {name: set(found.after) for name, found in units.items()}
    for name, found in units.items():
        if found.default_dependencies and name.endswith(".service"):
            after[name].update(EARLY)
        for later in found.before:
            after.setdefault(later, set()).add(name)
    after.setdefault("basic.target", set()).add("sysinit.target")
    return after


def _sorted(names: tuple[str, ...], after: Mapping[str, set[str]]) -> tuple[str, ...]:
    left, done = list(names), []
    while left:
        free = [name for name in left if not any(_waits(name, other, after) for other in left if other != name)]
        chosen = (free or left)[0]
        left.remove(chosen)
        done.append(chosen)
    return tuple(done)


def _waits(name: str, other: str, after: Mapping[str, set[str]]) -> bool:
    """`name` starts after `other`, directly or by way of targets."""
    seen, pending = set(), [name]
    while pending:
        for earlier in after.get(pending.pop(), ()):
            if earlier == other:
                return True
            if earlier not in seen:
                seen.add(earlier)
                pending.append(earlier)
    return False
