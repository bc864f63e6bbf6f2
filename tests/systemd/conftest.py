"""The package that is installed into the trees."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deb")
    subprocess.run([SOURCE / "packaging" / "build-deb", folder], check=True, capture_output=True, timeout=300)
    (path,) = folder.glob("azpreflight_*.deb")
    return path
