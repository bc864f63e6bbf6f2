"""How many machines have what: numbers that are added up in any order, in any pieces, to the same answer. Pure.

`merge` is associative and commutative, and the tally of nothing is its neutral element. So a fleet may be counted by
one process or by many, and the answer is the same to the byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple, Optional, TypeVar

from azpreflight.dataclass import dataclass
from azpreflight.engine.alike import shape
from azpreflight.model import Cause, CauseEntry, Readiness, Severity

if TYPE_CHECKING:
    from azpreflight.engine.fleet import Machine

NAMED_MOST = 10
"""Machines of a group that are named; the others are a number, unless every name is wanted."""
NO_REPORT, UNREAD = "without a report", "unread"
DOUBT = "in doubt"
"""Of machines whose log leaves in doubt which of its reports counts."""
DIMENSIONS = ("image", "image version", "region", "size", "subnet", "agent", "os")
"""By what the machines are counted; one that does not say it counts as unknown, and no machine is in two images."""
UNKNOWN = "unknown"
COMMON_LEAST, RARE_MOST = 0.9, 0.1
"""A value is what a group has in common from this share of its members on, where no more than that of the healthy have
it."""
_T = TypeVar("_T")


class Key(NamedTuple):
    """What makes machines a group: the cause, the check and the words, without what was measured."""

    cause: str
    check: str
    severity: str
    words: str


class Said(NamedTuple):
    """What is said and what is to be done, where every machine of a group says the same."""

    summary: str
    fix: str
    commands: tuple[str, ...]


class Count(NamedTuple):
    """How many machines, by verdict, have one value of a dimension."""

    dimension: str
    value: str
    verdict: str


class Trait(NamedTuple):
    """How many machines of a group, or of those that are ready (no group), have one value of a dimension."""

    group: Optional[Key]
    dimension: str
    value: str


@dataclass(frozen=True)
class Tally:
    """Numbers, and of each group its first machines by name."""

    verdicts: Mapping[str, int] = field(default_factory=dict)
    causes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Machines that have this cause in this severity, as their first or as another one."""
    counts: Mapping[Count, int] = field(default_factory=dict)
    traits: Mapping[Trait, int] = field(default_factory=dict)
    groups: Mapping[Key, int] = field(default_factory=dict)
    said: Mapping[Key, Optional[Said]] = field(default_factory=dict)
    """None: its machines say different things."""
    named: Mapping[Key, tuple[Machine, ...]] = field(default_factory=dict)
    """The first machines of each group by name."""
    others: Mapping[str, tuple[Machine, ...]] = field(default_factory=dict)
    """The first machines of each verdict that have a reason of their own, or no cause to be found under; and those in
    doubt."""
    doubts: int = 0
    """Machines whose log leaves in doubt which of its reports counts."""
    most: Optional[int] = NAMED_MOST
    """How many are named; None is all of them."""


@dataclass(frozen=True)
class Group:
    """Machines with one cause, found by one check in the same words."""

    key: Key
    count: int
    said: Optional[Said]
    """What each of them says, word for word; None where they differ."""
    machines: tuple[Machine, ...]
    """The first of them by name."""
    common: tuple[Common, ...] = ()
    """What they have in common that the healthy ones have not."""

    @property
    def cause(self) -> CauseEntry:
        """The entry of the first of them."""
        return entry(self.machines[0], self.key)


@dataclass(frozen=True)
class Common:
    """One value that the machines of a group have, and those that are ready have not."""

    dimension: str
    value: str
    members: int
    """Machines of the group that have it ..."""
    known: int
    """... of so many that say what theirs is."""
    healthy: int
    """Machines that are ready and have it all the same ..."""
    healthy_known: int
    """... of so many that say what theirs is."""


def word_of(one: Machine) -> str:
    """The verdict as the totals have it."""
    if one.verdict is not None:
        return one.verdict.value
    return UNREAD if one.unread else NO_REPORT


def keys_of(one: Machine) -> Mapping[Key, CauseEntry]:
    """The groups that the machine is in, its first cause's first; each once."""
    keys: dict[Key, CauseEntry] = {}
    for found in one.causes:
        key = Key(found.cause.value, found.check, found.severity.value, shape(found.summary))
        keys.setdefault(key, found)
    return keys


def entry(one: Machine, key: Key) -> CauseEntry:
    """What this machine says of the group's cause."""
    return keys_of(one)[key]


def values_of(one: Machine) -> Iterator[tuple[str, str]]:
    """Every dimension with the machine's value, or unknown; a machine may be in several subnets."""
    traits = one.traits
    yield "image", traits.image or UNKNOWN
    yield "image version", f"{traits.image} {traits.image_version}" if traits.image_version else UNKNOWN
    yield "region", traits.region or UNKNOWN
    yield "size", traits.size or UNKNOWN
    yield from (("subnet", name) for name in dict.fromkeys(traits.subnets) or (UNKNOWN,))
    yield "agent", traits.agent or UNKNOWN
    known = one.os is not None and one.os.id is not None
    yield "os", f"{one.os.id} {one.os.version_id or ''}".rstrip() if known and one.os is not None else UNKNOWN


def tally(machines: Iterable[Machine], most: Optional[int] = NAMED_MOST) -> Tally:
    """The numbers of these machines. Memory for the groups and values that there are, and not for the machines."""
    adding = _Adding(most)
    for one in machines:
        adding.add(one)
    return adding.done()


def merge(one: Tally, other: Tally) -> Tally:
    """The tally of all machines of both, which name as many of a group."""
    said = {**one.said, **other.said}
    for key in one.said.keys() & other.said.keys():
        said[key] = one.said[key] if one.said[key] == other.said[key] else None
    return Tally(
        _sum(one.verdicts, other.verdicts),
        _sum(one.causes, other.causes),
        _sum(one.counts, other.counts),
        _sum(one.traits, other.traits),
        _sum(one.groups, other.groups),
        said,
        _first(one.named, other.named, one.most),
        _first(one.others, other.others, one.most),
        one.doubts + other.doubts,
        one.most,
    )


def _sum(one: Mapping[_T, int], other: Mapping[_T, int]) -> dict[_T, int]:
    return {**one, **{key: one.get(key, 0) + number for key, number in other.items()}}


def _first(
    one: Mapping[_T, tuple[Machine, ...]], other: Mapping[_T, tuple[Machine, ...]], most: Optional[int]
) -> dict[_T, tuple[Machine, ...]]:
    both = {**one, **{key: (*one.get(key, ()), *machines) for key, machines in other.items()}}
    return {key: tuple(sorted(machines, key=lambda each: each.log)[:most]) for key, machines in both.items()}


class _Adding:
    """The numbers while they are added up, one machine after the other."""

    def __init__(self, most: Optional[int]) -> None:
        self._most = most
        self._verdicts: Counter[str] = Counter()
        self._causes: Counter[tuple[str, str]] = Counter()
        self._counts: Counter[Count] = Counter()
        self._traits: Counter[Trait] = Counter()
        self._groups: Counter[Key] = Counter()
        self._said: dict[Key, Optional[Said]] = {}
        self._named: dict[Key, list[Machine]] = {}
        self._others: dict[str, list[Machine]] = {}
        self._doubts = 0

    def add(self, one: Machine) -> None:
        """Count this machine wherever it belongs."""
        word, keys, values = word_of(one), keys_of(one), list(values_of(one))
        self._verdicts[word] += 1
        self._causes.update({(key.cause, key.severity) for key in keys})
        self._counts.update(Count(*value, word) for value in values)
        if one.verdict is Readiness.READY:
            self._traits.update(Trait(None, *value) for value in values)
        for key, found in keys.items():
            self._add_to_group(key, found, one)
            self._traits.update(Trait(key, *value) for value in values)
        if one.doubt or one.lost:
            self._doubts += 1
            self._name(self._others.setdefault(DOUBT, []), one)
        if one.reason or not keys:
            self._name(self._others.setdefault(word, []), one)

    def _add_to_group(self, key: Key, found: CauseEntry, one: Machine) -> None:
        said = Said(found.summary, found.fix, found.commands)
        self._groups[key] += 1
        self._said[key] = said if self._said.get(key, said) == said else None
        self._name(self._named.setdefault(key, []), one)

    def _name(self, names: list[Machine], one: Machine) -> None:
        """Keep the first by name, and never more than twice as many as are wanted."""
        names.append(one)
        if self._most is not None and len(names) > 2 * self._most:
            names.sort(key=lambda each: each.log)
            del names[self._most :]

    def done(self) -> Tally:
        """What it has come to."""
        return Tally(
            dict(self._verdicts),
            dict(self._causes),
            dict(self._counts),
            dict(self._traits),
            dict(self._groups),
            self._said,
            _first(dict.fromkeys(self._named, ()), {key: tuple(one) for key, one in self._named.items()}, self._most),
            _first(dict.fromkeys(self._others, ()), {key: tuple(one) for key, one in self._others.items()}, self._most),
            self._doubts,
            self._most,
        )


# --- groups, and what they have in common -------------------------------------------------------------------------


def groups(counted: Tally) -> tuple[Group, ...]:
    """Errors first, then by the number of machines."""
    values: dict[tuple[Optional[Key], str], dict[str, int]] = {}
    for trait, number in counted.traits.items():
        values.setdefault((trait.group, trait.dimension), {})[trait.value] = number
    ready = counted.verdicts.get(Readiness.READY.value, 0)
    made = [
        Group(key, number, counted.said[key], counted.named[key], tuple(_common(values, key, number, ready)))
        for key, number in counted.groups.items()
    ]
    return tuple(sorted(made, key=_order))


def _order(group: Group) -> tuple[int, int, int, Key]:
    key = group.key
    return -Severity(key.severity).rank, -group.count, list(Cause).index(Cause(key.cause)), key


def _common(
    values: Mapping[tuple[Optional[Key], str], Mapping[str, int]], key: Key, count: int, ready: int
) -> Iterator[Common]:
    """What nearly all of at least two machines have and nearly none of the healthy; those that say it are counted.

    Without a healthy machine that says it there is nothing to compare with.
    """
    for dimension in DIMENSIONS:
        members, healthy = values[key, dimension], values.get((None, dimension), {})
        known, healthy_known = count - members.get(UNKNOWN, 0), ready - healthy.get(UNKNOWN, 0)
        for value in sorted(members.keys() - {UNKNOWN}):
            one = Common(dimension, value, members[value], known, healthy.get(value, 0), healthy_known)
            if known > 1 and healthy_known and _tells(one):
                yield one


def _tells(one: Common) -> bool:
    return one.members >= COMMON_LEAST * one.known and one.healthy <= RARE_MOST * one.healthy_known
