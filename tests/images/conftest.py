"""What the tests of disk images share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory whose name shows in what a loop device says of its file."""
    named = tmp_path / "azp-image-test"
    named.mkdir()
    return named
