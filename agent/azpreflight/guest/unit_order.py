"""Cycles in the order of a boot's jobs: pure functions on edges.

systemd breaks a cycle by dropping a job of it that the target does not need, and goes on (systemd, transaction.c;
systemd.unit(5)).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Optional

from azpreflight.dataclass import dataclass

MOST = 8
"""Cycles that are told; one wrong line makes one."""


@dataclass(frozen=True)
class Edge:
    """One unit is started before another."""

    first: str
    then: str
    path: Optional[str] = None
    """The file whose line says so, or the link; None: systemd adds it by itself."""
    word: str = ""
    """The key of the line and its value, such as Before=sysinit.target; empty: a link or systemd itself."""

    @property
    def local(self) -> bool:
        """An administrator's file."""
        return self.path is not None and self.path.startswith(("/etc/", "/usr/local/"))


@dataclass(frozen=True)
class Cycle:
    """Units that wait for one another."""

    edges: tuple[Edge, ...]
    """The first most likely is the mistake."""
    among: frozenset[str]
    """All units that are in a cycle with it: systemd may drop any of them."""


def cycles(edges: Sequence[Edge]) -> tuple[Cycle, ...]:
    """Cycles; without the first edge of one the next is searched for."""
    left = list(edges)
    found: list[Cycle] = []
    while len(found) < MOST:
        group = next(_groups(left), None)
        if group is None:
            break
        within = [edge for edge in left if edge.first in group and edge.then in group]
        wrong = min(within, key=_rank)
        found.append(Cycle(_shortest(wrong, within), group))
        left = [edge for edge in left if (edge.first, edge.then) != (wrong.first, wrong.then)]
    return tuple(found)


def _rank(edge: Edge) -> tuple[int, str, str]:
    """Low: a line of an administrator; high: what systemd adds, and lines of its own units and of cloud-init's."""
    unit = edge.first if edge.word.startswith("Before=") else edge.then
    if edge.path is None:
        kind = 5
    elif edge.local:
        kind = 0 if edge.word else 1
    elif unit.endswith(".target"):
        kind = 4
    else:
        kind = 3 if unit.startswith(("systemd-", "cloud-")) else 2
    return kind, edge.first, edge.then


def _shortest(edge: Edge, edges: Sequence[Edge]) -> tuple[Edge, ...]:
    """The edge and the shortest way back to its beginning, by edges of its group."""
    after = _by_first(edges)
    came: dict[str, Edge] = {}
    waiting = deque([edge.then])
    while waiting and edge.first not in came and edge.then != edge.first:
        for step in after.get(waiting.popleft(), ()):
            if step.then not in came and step.then != edge.then:
                came[step.then] = step
                waiting.append(step.then)
    way: list[Edge] = []
    here = edge.first
    while here != edge.then:
        way.append(came[here])
        here = came[here].first
    return (edge, *reversed(way))


def _by_first(edges: Iterable[Edge]) -> Mapping[str, list[Edge]]:
    found: dict[str, list[Edge]] = {}
    for edge in edges:
        found.setdefault(edge.first, []).append(edge)
    return found


def _groups(edges: Sequence[Edge]) -> Iterator[frozenset[str]]:
    """Units that are all before one another: strongly connected components, without recursion (Kosaraju)."""
    after = _neighbours((edge.first, edge.then) for edge in edges)
    before = _neighbours((edge.then, edge.first) for edge in edges)
    seen: set[str] = set()
    for start in reversed(_finished(after)):
        if start in seen:
            continue
        group = {start}
        waiting = [start]
        while waiting:
            fresh = [name for name in before.get(waiting.pop(), ()) if name not in seen and name not in group]
            group.update(fresh)
            waiting.extend(fresh)
        seen |= group
        if len(group) > 1 or start in after.get(start, ()):
            yield frozenset(group)


def _finished(after: Mapping[str, tuple[str, ...]]) -> list[str]:
    """All units, each behind those that come after it, as far as there is no cycle."""
    seen: set[str] = set()
    order: list[str] = []
    for start in after:
        waiting: list[tuple[str, bool]] = [(start, False)]
        while waiting:
            name, done = waiting.pop()
            if done:
                order.append(name)
            elif name not in seen:
                seen.add(name)
                waiting.append((name, True))
                waiting.extend((one, False) for one in after.get(name, ()) if one not in seen)
    return order


def _neighbours(pairs: Iterable[tuple[str, str]]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for one, other in pairs:
        found.setdefault(one, {})[other] = None
    return {one: tuple(others) for one, others in found.items()}
