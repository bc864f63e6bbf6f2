"""Frozen dataclasses of our own: what the standard library's do, for less."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Mapping
from dataclasses import field, fields, is_dataclass, replace
from typing import Any

import pytest

from azpreflight.dataclass import dataclass


@dataclass(frozen=True)
class Ours:
    """A class as the facts are."""

    name: str
    count: int = 0
    more: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Below(Ours):
    """One that inherits."""

    last: bool = True


@dataclass(frozen=True)
class Own:
    """One that says for itself how it is printed."""

    name: str

    def __repr__(self) -> str:
        return "own"


@dataclass(frozen=True)
class Empty:
    """One without fields."""


Theirs = dataclasses.make_dataclass(
    "Ours", [("name", str), ("count", int, 0), ("more", dict, field(default_factory=dict))], frozen=True
)


@pytest.mark.parametrize("given", [{"name": "a"}, {"name": "b", "count": 2}, {"name": "c", "more": {"x": 1}}])
def test_it_is_as_the_standard_library_has_it(given: Mapping[str, Any]) -> None:
    """Values, the text and the copy with another value are the same."""
    ours, theirs = Ours(**given), Theirs(**given)
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert repr(ours) == repr(theirs)
    assert repr(replace(ours, count=7)) == repr(replace(theirs, count=7))
    assert is_dataclass(ours) and [one.name for one in fields(ours)] == [one.name for one in fields(theirs)]


def test_equal_values_are_equal() -> None:
    """And have one hash; those of another class are not equal, whatever they have."""
    one, other = Ours("a", 1, more=()), Ours("a", count=1, more=())  # type: ignore[arg-type]
    assert one == other and hash(one) == hash(other) and len({one, other}) == 1
    others: list[object] = [Ours("a", 2), Below("a", 1, ()), "a"]  # type: ignore[arg-type]
    assert one not in others
    assert Ours("a").more is not Ours("a").more


def test_it_is_frozen() -> None:
    """Before the first instance was made by hand too: one that was unpickled first, for example."""
    frozen = pickle.loads(pickle.dumps(Below("a", last=False)))  # noqa: S301 - our own
    assert frozen == Below("a", last=False) == copy.copy(frozen)
    with pytest.raises(dataclasses.FrozenInstanceError, match="'name'"):
        frozen.name = "b"
    with pytest.raises(dataclasses.FrozenInstanceError, match="'name'"):
        del frozen.name


@pytest.mark.parametrize(("arguments", "named"), [((), {}), (("a", 1, {}, 4), {}), (("a",), {"nothing": 1})])
def test_wrong_arguments_are_refused(arguments: tuple[Any, ...], named: Mapping[str, Any]) -> None:
    """At the first instance and at each other."""
    for _ in range(2):
        with pytest.raises(TypeError):
            Ours(*arguments, **named)


def test_what_a_class_has_of_its_own_stays() -> None:
    """As with the standard library's; a class without fields has one value."""
    assert repr(Own("a")) == "own" and Own("a") == Own("a")
    assert Empty() == Empty() and repr(Empty()) == "Empty()"
