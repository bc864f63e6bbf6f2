"""The package that is installed into the trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.built import deb_of_the_run


@pytest.fixture(scope="session")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deb_of_the_run(tmp_path_factory)
