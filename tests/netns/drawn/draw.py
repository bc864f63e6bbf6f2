"""Draw cases: the same seed and number make the same case, whatever else is drawn."""

from __future__ import annotations

from random import Random
from typing import Callable

from tests.netns.drawn import harmless, names, rules, ways
from tests.netns.drawn.part import Case, Part

BROKEN: tuple[Callable[[Random], Part], ...] = (
    *(names.broken,) * 3,
    *(rules.broken,) * 3,
    *(ways.routes,) * 2,
    ways.egress,
    ways.tunnel,
    ways.sizes,
    ways.trust,
    ways.proxy,
    ways.platform,
)
"""Each as often as it stands here."""
HARMLESS = (names.harmless, rules.harmless, rules.harmless, harmless.harmless, harmless.harmless)
DOUBLE = 0.4
"""How many of the cases with faults have two."""
VARIED = 0.4
"""How many of the cases with faults have something harmless as well."""
DUAL_STACK = 0.1
TRIES = 20
CLASHES = (
    {"egress", "tunnel"},
    {"proxy", "egress"},
    {"sizes", "proxy"},
    {"sizes", "platform"},
    {"sizes", "egress"},
    {"sizes", "trust"},
    {"proxy", "trust"},
    {"proxy", "tunnel"},
)
"""Dimensions that are not drawn together: both turn the same screw, or one replaces the other's servers."""


def draw(seed: int, number: int, healthy: bool = False) -> Case:
    """One case."""
    rng = Random(f"{seed}-{'healthy' if healthy else 'broken'}-{number}")
    parts: list[Part] = []
    if healthy:
        _add(rng, parts, HARMLESS, rng.choice((1, 1, 2, 3)))
    else:
        _add(rng, parts, BROKEN, 2 if rng.random() < DOUBLE else 1)
        _add(rng, parts, HARMLESS, 1 if rng.random() < VARIED else 0)
    return Case(seed, number, healthy, tuple(parts), ipv6=rng.random() < DUAL_STACK)


def _add(rng: Random, parts: list[Part], tables: tuple[Callable[[Random], Part], ...], count: int) -> None:
    """So many more, each of a dimension of its own; fewer where little goes with what is there."""
    wanted = len(parts) + count
    for part in (rng.choice(tables)(rng) for _ in range(TRIES)):
        if len(parts) == wanted:
            return
        if not any(_clash(part, other) for other in parts):
            parts.append(part)


def _clash(part: Part, other: Part) -> bool:
    """The harmless way of a dimension would undo the fault, or both change the same file."""
    both = {part.dimension, other.dimension}
    if len(both) == 1 or both in CLASHES or part.dimension in other.excludes or other.dimension in part.excludes:
        return True
    ours, theirs = part.fault, other.fault
    return any(
        set(one) & set(another)
        for one, another in (
            (ours.files, theirs.files),
            (ours.setup, theirs.setup),
            (ours.behaviours, theirs.behaviours),
            (ours.dns, theirs.dns),
        )
    )
