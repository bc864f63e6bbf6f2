"""The erasure code, on its own."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.console.erasure import parity, restore


@given(st.integers(1, 20), st.integers(0, 20), st.integers(1, 80), st.randoms(use_true_random=False))
def test_any_k_shards_bring_the_data_back(k: int, count: int, size: int, rng: random.Random) -> None:
    data = tuple(rng.randbytes(size) for _ in range(k))
    every = dict(enumerate((*data, *parity(data, count))))
    kept = rng.sample(sorted(every), k)
    assert restore({number: every[number] for number in kept}, k) == data


def test_every_choice_of_three_of_seven_works() -> None:
    """Small enough to try them all."""
    data = (b"abc", b"def", b"ghi")
    every = dict(enumerate((*data, *parity(data, 4))))
    for kept in itertools.combinations(every, 3):
        assert restore({number: every[number] for number in kept}, 3) == data


def test_a_full_field_works() -> None:
    rng = random.Random(1)
    data = tuple(rng.randbytes(5) for _ in range(128))
    spare = parity(data, 128)
    assert restore({128 + row: shard for row, shard in enumerate(spare)}, 128) == data


def test_more_shards_than_the_field_has_elements_are_refused() -> None:
    with pytest.raises(ValueError, match="200 \\+ 57 shards do not fit"):
        parity([b"x"] * 200, 57)


def test_one_shard_too_few_is_refused() -> None:
    spare = parity((b"a", b"b"), 1)
    with pytest.raises(ValueError, match="2 data shards are missing and there are 1 parity shards"):
        restore({2: spare[0]}, 2)
