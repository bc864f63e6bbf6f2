"""A short round of fuzzing for every parser; `make fuzz` goes on for as long as one likes."""

from __future__ import annotations

import itertools
import os
from typing import Callable

import pytest

from tests.fuzz import mutation, parsers
from tests.support.patterns import in_time

SEED = int(os.environ.get("TEST_FUZZ_SEED", "1"))
INPUTS = 1_000
"""For each target."""


@pytest.mark.parametrize("target", parsers.TARGETS)
def test_what_broke_a_parser_once_does_not_any_more(target: str) -> None:
    """The corpus, and the seeds."""
    for data in mutation.examples(target):
        parsers.run(target, data)


@pytest.mark.parametrize("target", parsers.TARGETS)
def test_a_parser_raises_what_its_callers_expect(target: str, record_property: Callable[[str, str], None]) -> None:
    """And nothing else, on so many inputs of its own language and of others'."""
    for data in itertools.islice(mutation.endless(target, SEED), INPUTS):
        parsers.run(target, data)
    record_property("measured", f"{target}: {INPUTS} hostile inputs")


LONG = {
    "crontab": (b" " * 100 + b"\n") * 9_990,
    "unit": b"[Service]\nExecStart=/" + b"a" * (1 << 20),
    "nft-file": b"table ip x {\n" * 69_000,
    "environment": b"a=" + b"b" * (1 << 20),
    "grub-entry": b"\n" * (1 << 19),
    "lease-dhclient": b"lease {\n" * (1 << 15),
    "decode": b"~azp1:x" * (1 << 20),
}
"""What took minutes once, some of it written by any user (crontab(1) takes 10,000 lines)."""


@pytest.mark.parametrize("target", LONG)
def test_a_long_file_takes_linear_time(target: str) -> None:
    """Under a second each."""
    assert in_time(lambda: parsers.run(target, LONG[target]), 10)


def test_every_corpus_is_of_a_target() -> None:
    """A folder that nothing reads would be forgotten."""
    assert {path.name for path in parsers.CORPUS.iterdir()} <= set(parsers.TARGETS)
