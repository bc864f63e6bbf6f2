"""What a power cut leaves beside a report is removed at the next start, and nothing else is."""

from __future__ import annotations

import os
import resource
import signal
import time
from pathlib import Path

from azpreflight.sinks.file import write_file
from azpreflight.sinks.leftovers import clear

LATER = 3600.0
"""Seconds until a boot at which everything that is made here is of an earlier one."""


def test_half_a_report_of_an_earlier_boot_is_removed(tmp_path: Path) -> None:
    """By the name that the writer really leaves when it is killed in the middle of a file: here for its size."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        write_file(str(tmp_path / "report.json"), "x" * 1000)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGXFSZ
    (left,) = os.listdir(tmp_path)
    assert left.startswith(".report.json.")
    assert clear([str(tmp_path / "report.json")], time.time() + LATER) == (str(tmp_path / left),)
    assert os.listdir(tmp_path) == []


def test_nothing_else_is_removed(tmp_path: Path) -> None:
    """Not another's name, nor a longer one, nor what is no file, nor one with a second name."""
    kept = ("report.json", *(f".report.json.{end}" for end in ("swp", "abcdefghi", "ABCDEFGH")), ".other.json.abcdefgh")
    for name in kept:
        (tmp_path / name).touch()
    (tmp_path / ".report.json.00000000").mkdir()
    (tmp_path / ".report.json.00000001").symlink_to("report.json")
    os.mkfifo(tmp_path / ".report.json.00000002")
    os.link(tmp_path / "report.json", tmp_path / ".report.json.00000003")
    before = set(os.listdir(tmp_path))
    assert clear([str(tmp_path / "report.json"), str(tmp_path / "none" / "x")], time.time() + LATER) == ()
    assert set(os.listdir(tmp_path)) == before


def test_what_is_being_written_in_this_boot_is_kept(tmp_path: Path) -> None:
    """Another process may be about to rename it."""
    (tmp_path / ".report.json.abcdefgh").touch()
    assert clear([str(tmp_path / "report.json")], time.time() - LATER) == ()
    assert clear([str(tmp_path / "report.json")], time.time() + LATER) != ()


def test_the_file_of_somebody_else_is_kept(tmp_path: Path) -> None:
    """Where root is asked to write into the directory of a user."""
    (tmp_path / ".report.json.abcdefgh").touch()
    if os.geteuid() == 0:
        os.chown(tmp_path / ".report.json.abcdefgh", 65534, 65534)
        assert clear([str(tmp_path / "report.json")], time.time() + LATER) == ()
