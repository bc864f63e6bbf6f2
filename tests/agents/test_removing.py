"""Random trees, removed for real in a mount namespace in which everything else is read-only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.scratchroot import READ_ONLY

pytestmark = pytest.mark.root

ROUNDS = int(os.environ.get("TEST_PROPERTY_RUNS", "40"))


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


def test_a_link_of_roots_leads_to_no_mount(tmp_path: Path) -> None:
    """The list has where it leads to, and something else is mounted there: the mounts are asked of the real path."""
    script = f"""{READ_ONLY}
        mount -t tmpfs tmpfs "$0"
        mkdir -p "$0/root/var/log/azure/a" "$0/outside"
        echo stays >"$0/outside/file"
        ln -s / "$0/root/var/log/azure/link"
        mount --bind "$0/outside" "$0/root/var/log/azure/a"
        PYTHONDONTWRITEBYTECODE=1 "$@"
        cat "$0/outside/file"
    """
    program = (
        "import sys; from azpreflight.host import HostError, removal\n"
        "try: removal.remove('/var/log/azure/link/var/log/azure/a/file', sys.argv[1])\n"
        "except HostError as error: print(error)"
    )
    done = subprocess.run(
        ("unshare", "--mount", "sh", "-c", script, str(tmp_path), sys.executable, "-c", program, f"{tmp_path}/root"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.endswith("it is on /var/log/azure/a, where something else may be mounted\nstays\n"), done
