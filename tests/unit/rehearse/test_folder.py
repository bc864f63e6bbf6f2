"""The folder of a rehearsal, and those that were left."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from azpreflight.cli.rehearse import DISK_BUSES, NETWORKS
from azpreflight.rehearse import folder
from azpreflight.rehearse.drivers import BUSES
from azpreflight.rehearse.facts import Network
from azpreflight.rehearse.overlay import LOCK, PREFIX


def test_what_a_killed_rehearsal_left_is_removed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what another one holds, or what is none of ours, stays."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    left, held, other = tmp_path / f"{PREFIX}left", tmp_path / f"{PREFIX}held", tmp_path / "other"
    for place in (left, held, other):
        place.mkdir()
        (place / LOCK).touch()
    (tmp_path / f"{PREFIX}link").symlink_to(other)
    begun, new = tmp_path / f"{PREFIX}begun", tmp_path / f"{PREFIX}new"
    begun.mkdir()
    new.mkdir()
    os.utime(begun, (0, 0))
    with open(held / LOCK, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with folder.own() as own:
            assert own.parent == tmp_path
            assert not left.exists()
            assert held.exists()
            assert (begun.exists(), new.exists()) == (False, True)
    assert not own.exists()
    assert (other / LOCK).exists()


def test_the_command_line_knows_every_network_and_bus() -> None:
    """Its own list, because it is read where a rehearsal is not installed."""
    assert tuple(network.value for network in Network) == NETWORKS
    assert tuple(BUSES) == DISK_BUSES
