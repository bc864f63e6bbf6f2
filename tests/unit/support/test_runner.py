"""What these tests rely on in the programs that run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

GROUP = """
import os
import pathlib
import pytest

@pytest.mark.xdist_group("one-by-one")
@pytest.mark.parametrize("number", range(4))
def test_it(number):
    pathlib.Path(os.environ["PYTEST_XDIST_WORKER"]).touch()
"""


def test_a_group_runs_in_one_process(tmp_path: Path) -> None:
    """Machines are booted, and leftovers looked for, one by one; some releases of pytest and xdist do not go together
    and ignore the mark without a word."""
    (tmp_path / "test_group.py").write_text(GROUP)
    command = (sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "--rootdir", str(tmp_path))
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert "4 passed" in done.stdout, done.stdout + done.stderr
    assert len(list(tmp_path.glob("gw*"))) == 1
