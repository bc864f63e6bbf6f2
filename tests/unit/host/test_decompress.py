"""Unpacking: the library's decompressors and the system's programs, bounded in time and memory."""

from __future__ import annotations

import gzip
import subprocess
import threading

import pytest

from azpreflight.host import HostError, LocalHost, programs
from tests.support.needs import need_programs

DATA = b"azpreflight " * 400_000
COMMANDS = {
    "gzip": ("gzip", "-c"),
    "xz": ("xz", "-0c"),
    "bzip2": ("bzip2", "-c"),
    "zstd": ("zstd", "-c"),
    "lz4": ("lz4", "-lc"),
}


def packed(compression: str) -> memoryview:
    """What the program of this machine makes of the data."""
    command = COMMANDS[compression]
    need_programs(command[0])
    return memoryview(subprocess.run(command, input=DATA, capture_output=True, check=True, timeout=30).stdout)


@pytest.mark.parametrize("compression", COMMANDS)
@pytest.mark.parametrize("root", ["/", "/usr"])
def test_what_is_packed_comes_out(compression: str, root: str) -> None:
    """Also where a mounted image is inspected: the programs are this system's."""
    pieces = list(LocalHost(root).unpack(compression, packed(compression), 20.0))
    assert b"".join(pieces) == DATA
    assert max(map(len, pieces)) <= 1 << 20


def test_a_program_is_ended_when_nobody_wants_more() -> None:
    """Reading stops at the last name that is sought."""
    pieces = LocalHost().unpack("zstd", packed("zstd"), 20.0)
    assert next(pieces)
    running = set(programs._running)
    pieces.close()  # type: ignore[attr-defined]
    assert running and not set(programs._running) & running
    assert all(process.returncode is not None for process in running)


def test_threads_that_feed_end_with_the_program() -> None:
    """None is left to write into something else."""
    before = threading.active_count()
    list(LocalHost().unpack("zstd", packed("zstd"), 20.0))
    for thread in threading.enumerate():
        if "_write_all" in thread.name:
            thread.join(5)
    assert threading.active_count() <= before


def test_time_is_limited() -> None:
    """Nothing is unpacked for longer than was asked."""
    with pytest.raises(HostError, match=r"gzip was not unpacked within 0\.0 s"):
        list(LocalHost().unpack("gzip", memoryview(gzip.compress(DATA)), 0.000001))


def test_damage_is_said() -> None:
    """By the program's exit status, or by the library."""
    with pytest.raises(HostError, match="zstd cannot unpack it"):
        list(LocalHost().unpack("zstd", packed("zstd")[:-100], 20.0))
