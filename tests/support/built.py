"""What takes long to make and is only read, made once in a run of the tests, whichever of its processes needs it."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2]
TIMEOUT_S = 300


def build_deb(folder: Path, source: Path = SOURCE) -> Path:
    """The Debian package of this source, built into the folder; two builds are the same to the byte."""
    subprocess.run([source / "packaging" / "build-deb", folder], check=True, capture_output=True, timeout=TIMEOUT_S)
    (path,) = folder.glob("azpreflight_*.deb")
    return path


def deb_of_the_run(factory: pytest.TempPathFactory) -> Path:
    """The package of this tree, in a folder of its own that nobody may change: built by who asks first."""
    own = factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    place = shared / "deb-of-the-run"
    with open(shared / f"{place.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.is_dir():
            unfinished = factory.mktemp(place.name)
            build_deb(unfinished)
            unfinished.rename(place)
    (path,) = place.glob("azpreflight_*.deb")
    return path
