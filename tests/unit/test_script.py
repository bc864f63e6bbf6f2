"""The script that pip makes: PYTHONPATH decides nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = "import sys\nfrom azpreflight.script import run\nsys.exit(run())\n"
"""What pip writes for an entry point (PyPA, "Entry points specification")."""
PLANTED = "import os\nos.write(1, b'planted ')\nraise SystemExit(99)\n"


@pytest.mark.parametrize("module", ["argparse", "signal", "yaml", "subprocess"])
def test_a_module_that_the_environment_names_is_not_imported(module: str, tmp_path: Path) -> None:
    """Of the standard library, or a library; what was asked for is done."""
    planted, script = tmp_path / "planted", tmp_path / "bin" / "azpreflight"
    planted.mkdir()
    (planted / f"{module}.py").write_text(PLANTED)
    script.parent.mkdir()
    script.write_text(SCRIPT)
    (tmp_path / "etc" / "netplan").mkdir(parents=True)
    (tmp_path / "etc" / "netplan" / "50.yaml").write_text("network: {}\n")
    command: list[str | Path] = [
        sys.executable,
        script,
        "check",
        "--root",
        str(tmp_path),
        "--only",
        "gen-network-config",
        "-q",
    ]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(planted)},
        cwd="/",
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode in (0, 1, 3), "planted" in done.stdout) == (True, False), done.stderr


def test_the_package_itself_may_be_found_by_the_environment(tmp_path: Path) -> None:
    """As from a tree of sources: its own directory stays."""
    agent = Path(__file__).parents[2] / "agent"
    done = subprocess.run(
        [sys.executable, "-S", "-c", SCRIPT, "--version"],
        env={"PYTHONPATH": str(agent)},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout[:12]) == (0, "azpreflight ")
