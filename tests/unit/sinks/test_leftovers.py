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
    """Another process, here one that is stopped while it writes, may be about to rename it; until it has gone."""
    path = str(tmp_path / "report.json")
    left: list[Path] = []
    while not left:  # until one is stopped in the middle
        child = os.fork()
        if child == 0:
            write_file(path, "x" * (64 << 20))
            os._exit(0)
        while not any(found.stat().st_size for found in tmp_path.glob(".report.json.*")) and not is_over(child):
            time.sleep(0.001)
        os.kill(child, signal.SIGSTOP)
        os.waitpid(child, os.WUNTRACED)
        left = list(tmp_path.glob(".report.json.*"))
    assert clear([path], time.time() - LATER) == ()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert clear([path], time.time() - LATER) == (str(left[0]),)


def is_over(child: int) -> bool:
    """It has ended, and is not yet reaped."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def test_the_file_of_somebody_else_is_kept(tmp_path: Path) -> None:
    """Where root is asked to write into the directory of a user."""
    (tmp_path / ".report.json.abcdefgh").touch()
    if os.geteuid() == 0:
        os.chown(tmp_path / ".report.json.abcdefgh", 65534, 65534)
        assert clear([str(tmp_path / "report.json")], time.time() + LATER) == ()
