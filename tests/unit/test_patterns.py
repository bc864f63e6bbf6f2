"""No regular expression of the package takes quadratic time, whatever a file holds.

One that does holds Python's lock for minutes in C: no deadline within the process, no SIGTERM and no Ctrl-C ends it.
"""

from __future__ import annotations

import re

import pytest

from tests.support.patterns import Pattern, collected, within

PATTERNS = collected()
SECONDS = 2
"""Of processor time for all strings of one pattern: linear ones take less than half of one, and quadratic ones at
this length a minute."""
BAD = (
    r"^\s*(?:set\s+)?(?:default_)?(kernelopts)=(.*)$",
    r"^lease \{(.*?)^\}",
    r"^\s*timeout\s+([0-9]{1,9})\s*;",
    r"/\S*python\S*",
    r"URIs:\s*(?:\S+\s+)*?https?://",
)
"""As they stood in the package once, and stopped every run for ever."""


@pytest.mark.parametrize("pattern", PATTERNS, ids=[pattern.where for pattern in PATTERNS])
def test_a_pattern_is_linear_on_its_worst_strings(pattern: Pattern) -> None:
    """Blanks, line ends, single characters, pieces of what it matches, and what its repetitions take, repeated."""
    assert within(pattern, SECONDS), pattern


@pytest.mark.parametrize("text", BAD)
def test_a_quadratic_pattern_is_found(text: str) -> None:
    """The strings are bad enough, and the limit ends a child that does not listen."""
    flags = int(re.MULTILINE | re.DOTALL if ".*?" in text else re.MULTILINE)
    assert not within(Pattern("here", text, flags, frozenset()), 1)
