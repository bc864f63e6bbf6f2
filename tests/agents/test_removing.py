"""Random trees, removed for real in a mount namespace in which everything else is read-only."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scratchroot import READ_ONLY

pytestmark = pytest.mark.root

ROUNDS = int(os.environ.get("AZPREFLIGHT_PROPERTY_RUNS", "40"))


def test_nothing_but_what_may_go_goes(tmp_path: Path) -> None:
    """Hostile names, links, mounts of the same filesystem, and a user who swaps a directory meanwhile."""
    script = f'{READ_ONLY} mount -t tmpfs tmpfs "$0" && exec "$@"'
    command = (sys.executable, "-m", "tests.agents.removing", str(tmp_path), str(ROUNDS), "0")
    done = subprocess.run(
        ("unshare", "--mount", "sh", "-c", script, str(tmp_path), *command),
        capture_output=True,
        text=True,
        timeout=60 + ROUNDS,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    removed, refused = map(int, done.stdout.split())
    assert removed > ROUNDS and refused > ROUNDS
