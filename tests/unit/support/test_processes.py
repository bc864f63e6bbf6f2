"""The bounds of the children that tests fork."""

from __future__ import annotations

import threading

import pytest

from tests.support.patterns import in_time


def test_a_child_that_waits_for_ever_is_ended_and_says_where(capfd: pytest.CaptureFixture[str]) -> None:
    """As for a lock that a thread of its parent held when it was forked: it takes no time of the processor."""
    held = threading.Lock()
    with held:
        assert not in_time(held.acquire, 5, patience_s=1)
    assert "File" in capfd.readouterr().err
