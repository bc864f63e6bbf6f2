"""What the tests of rules share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.netns.guest import Guest, guest


@pytest.fixture(name="vm")
def fresh_guest() -> Iterator[Guest]:
    with guest() as made:
        yield made
