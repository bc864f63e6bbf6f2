"""Dataclasses to JSON and back, and the schema that describes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, make_dataclass, replace
from enum import Enum
from typing import Any, Optional, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from azpreflight.model import Report, Snapshot
from azpreflight.model.codec import DecodeError, decode, encode, schema
from azpreflight.probes import PROBES
from azpreflight.render.json import document, parse_snapshot, render_snapshot, report_schema
from tests.support.reports import BROKEN, READY, UNDECIDED


class Kind(str, Enum):
    """A word."""

    ONE = "one"
    TWO = "two"


@dataclass(frozen=True)
class Leaf:
    """All scalars."""

    text: str
    number: int
    ratio: float
    yes: bool
    kind: Kind
    maybe: Optional[str] = None


@dataclass(frozen=True)
class Tree:
    """All containers, and itself."""

    leaf: Leaf
    leaves: tuple[Leaf, ...] = ()
    by_name: Mapping[str, Leaf] = field(default_factory=dict)
    below: Optional[Tree] = None
    rows: tuple[tuple[int, ...], ...] = ()


leaves = st.builds(
    Leaf,
    text=st.text(),
    number=st.integers(),
    ratio=st.floats(allow_nan=False, allow_infinity=False),
    yes=st.booleans(),
    kind=st.sampled_from(Kind),
    maybe=st.none() | st.text(),
)
trees = st.recursive(
    st.builds(Tree, leaf=leaves),
    lambda below: st.builds(
        Tree,
        leaf=leaves,
        leaves=st.lists(leaves, max_size=3).map(tuple),
        by_name=st.dictionaries(st.text(), leaves, max_size=3),
        below=st.none() | below,
        rows=st.lists(st.lists(st.integers(), max_size=2).map(tuple), max_size=2).map(tuple),
    ),
    max_leaves=4,
)


def tree_schema() -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    return {**schema(Tree, definitions), "$defs": definitions}


@given(trees)
def test_what_is_encoded_is_decoded(tree: Tree) -> None:
    """Through JSON text and back nothing changes, and the schema accepts it."""
    value = json.loads(json.dumps(encode(tree)))
    assert decode(Tree, value) == tree
    Draft202012Validator(tree_schema()).validate(value)


LEAF = {"text": "a", "number": 1, "ratio": 2, "yes": True, "kind": "one"}


def test_missing_keys_take_defaults_and_unknown_ones_are_ignored() -> None:
    """A snapshot of another version is still read."""
    assert decode(Leaf, {**LEAF, "added_later": [1]}) == Leaf("a", 1, 2.0, True, Kind.ONE, None)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"text": 1}, "$.text: expected a value of type str, found int"),
        ({"number": True}, "$.number: expected a value of type int, found bool"),
        ({"number": 1.5}, "$.number: expected a value of type int, found float"),
        ({"ratio": "2"}, "$.ratio: expected a number, found str"),
        ({"ratio": True}, "$.ratio: expected a number, found bool"),
        ({"yes": 1}, "$.yes: expected a value of type bool, found int"),
        ({"kind": "three"}, "$.kind: expected one of one, two"),
        ({"kind": ["one"]}, "$.kind: expected one of one, two"),
        ({"text": None}, "$.text: expected a value of type str, found NoneType"),
    ],
)
def test_what_does_not_fit_is_named(changed: dict[str, Any], message: str) -> None:
    """The place and what was expected there."""
    with pytest.raises(DecodeError) as caught:
        decode(Leaf, {**LEAF, **changed})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "$: expected an object, found list"),
        ({}, "$: leaf is missing"),
        ({"leaf": LEAF, "leaves": {}}, "$.leaves: expected a list, found dict"),
        ({"leaf": LEAF, "leaves": [LEAF, {}]}, "$.leaves[1]: text is missing"),
        ({"leaf": LEAF, "by_name": {"x": 1}}, "$.by_name.x: expected an object, found int"),
        ({"leaf": LEAF, "by_name": []}, "$.by_name: expected an object, found list"),
        ({"leaf": LEAF, "rows": [[1, "x"]]}, "$.rows[0][1]: expected a value of type int, found str"),
    ],
)
def test_the_place_is_a_path(value: Any, message: str) -> None:
    """Through lists and mappings."""
    with pytest.raises(DecodeError) as caught:
        decode(Tree, value)
    assert str(caught.value) == message


def test_a_type_outside_the_closed_set_is_a_bug() -> None:
    """Found when the schema is made, and so by the house test, not on a customer's machine."""

    @dataclass(frozen=True)
    class Odd:
        """Two types in one field."""

        value: Union[int, str]

    with pytest.raises(TypeError, match="no union but Optional"):
        schema(Odd, {})
    with pytest.raises(TypeError, match="no JSON for set"):
        encode({1})
    with pytest.raises(TypeError, match="does not know the type"):
        decode(bytes, "x")


def test_two_types_of_one_name_are_a_bug() -> None:
    """One would stand for both in the schema."""
    definitions: dict[str, Any] = {}
    schema(Leaf, definitions)
    with pytest.raises(TypeError, match="two dataclasses are called Leaf"):
        schema(make_dataclass("Leaf", [("other", int)]), definitions)


@pytest.mark.parametrize("report", [BROKEN, READY, UNDECIDED])
def test_a_report_fits_its_schema_and_comes_back(report: Report) -> None:
    """The document that scripts read is what the schema says, and decodes to the same report."""
    value = json.loads(json.dumps(document(report)))
    Draft202012Validator(report_schema(())).validate(value)
    assert decode(Report, value) == report


def test_the_schema_refuses_what_is_no_report() -> None:
    """A schema that accepts everything would prove nothing."""
    validator = Draft202012Validator(report_schema(PROBES))
    Draft202012Validator.check_schema(validator.schema)
    value = document(READY)
    for wrong in (
        {**value, "verdict": "perhaps"},
        {**value, "schema": "other/1"},
        {**value, "results": {}},
        {key: item for key, item in value.items() if key != "causes"},
    ):
        assert not validator.is_valid(json.loads(json.dumps(wrong)))


def test_a_snapshot_with_unknown_probes_is_read(tmp_path: Any) -> None:
    """Facts of a probe that this version does not know are left out, the others are kept."""
    from azpreflight.engine.gather import gather
    from azpreflight.model import Run
    from tests.support.fakes import FakeHost
    from tests.support.probes import Facts, check, probe

    known = probe("known", check("known"))
    snapshot = gather(FakeHost(), (known, probe("later", check("later"))), Run())
    read = parse_snapshot(render_snapshot(snapshot), (known,))
    assert read == replace(snapshot, probes={"known": snapshot.probes["known"]})
    assert read.probes["known"].facts == Facts()
    assert isinstance(read, Snapshot)


def test_a_number_that_is_no_float_is_refused() -> None:
    with pytest.raises(DecodeError, match="too large"):
        decode(float, 10**400)
