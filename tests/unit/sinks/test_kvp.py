"""Hyper-V's key-value pool: records as others write them, locks that others hold, and what an earlier boot left."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from azpreflight.model import Readiness
from azpreflight.render import kvp as render
from azpreflight.sinks import kvp
from azpreflight.sinks.errors import SinkError
from tests.support.reports import BROKEN, READY, UNDECIDED

OTHERS = kvp.record("PROVISIONING_REPORT", "result=success|agent=Cloud-Init/25.1.4")


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """A pool with a record of cloud-init's in it."""
    path = tmp_path / ".kvp_pool_1"
    path.write_bytes(OTHERS)
    return path


def records(pool: Path) -> list[tuple[bytes, bytes]]:
    content = pool.read_bytes()
    assert len(content) % kvp.RECORD_BYTES == 0
    cut = [content[start : start + kvp.RECORD_BYTES] for start in range(0, len(content), kvp.RECORD_BYTES)]
    return [(record[:512].rstrip(b"\0"), record[512:].rstrip(b"\0")) for record in cut]


def test_a_verdict_replaces_the_one_before_and_leaves_the_others(pool: Path) -> None:
    kvp.write_kvp("result=unknown|reason=a much longer one", str(pool))
    with open(pool, "ab") as file:
        file.write(OTHERS)
    kvp.write_kvp("result=error", str(pool))
    assert [key for key, _ in records(pool)] == [b"PROVISIONING_REPORT", b"AZPREFLIGHT_REPORT", b"PROVISIONING_REPORT"]
    assert records(pool)[1][1] == b"result=error"


def test_a_value_is_cut_to_what_the_host_takes(pool: Path) -> None:
    kvp.write_kvp("x" * 5000, str(pool))
    assert records(pool)[1][1] == b"x" * 1023


def test_a_record_that_was_cut_short_is_written_over(pool: Path) -> None:
    pool.write_bytes(OTHERS + b"CLOUD_INIT|1")
    kvp.write_kvp("result=error", str(pool))
    assert records(pool)[1] == (b"AZPREFLIGHT_REPORT", b"result=error")


def test_what_an_earlier_boot_left_is_forgotten(pool: Path) -> None:
    """cloud-init does so at its start, by the same sign, and would not do it once the pool has been written."""
    os.utime(pool, (1, 1))
    kvp.write_kvp("result=error", str(pool))
    assert [key for key, _ in records(pool)] == [b"AZPREFLIGHT_REPORT"]


@pytest.mark.parametrize(("written", "kept"), [(2_000, True), (500, False)])
def test_what_this_boot_wrote_before_its_clock_was_set_stays(
    pool: Path, tmp_path: Path, written: int, kept: bool
) -> None:
    """A clock that starts in 1970 is set when the network is up, and cloud-init has told the host much by then."""
    (tmp_path / "vmbus").mkdir()
    os.utime(tmp_path / "vmbus", (1_000, 1_000))
    os.utime(pool, (written, written))
    kvp.write_kvp("result=error", str(pool), bus=str(tmp_path / "vmbus"))
    assert [key for key, _ in records(pool)] == [b"PROVISIONING_REPORT"] * kept + [b"AZPREFLIGHT_REPORT"]


@contextmanager
def held(pool: Path, lock: str) -> Iterator[None]:
    """Another process has the lock."""
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        descriptor = os.open(pool, os.O_RDWR)
        getattr(fcntl, lock)(descriptor, fcntl.LOCK_EX)
        os.write(ready[1], b"x")
        os.read(done[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    try:
        yield
    finally:
        os.write(done[1], b"x")
        os.waitpid(child, 0)
        for descriptor in (*ready, *done):
            os.close(descriptor)


@pytest.mark.parametrize("lock", ["flock", "lockf"])
def test_a_lock_that_is_held_for_ever_is_given_up(pool: Path, lock: str) -> None:
    with held(pool, lock), pytest.raises(SinkError, match=r"others have held its lock for 0\.2 s"):
        kvp.write_kvp("result=error", str(pool), patience=0.2)
    assert pool.read_bytes() == OTHERS
    kvp.write_kvp("result=error", str(pool))


@pytest.mark.parametrize("kind", ["absent", "directory", "fifo", "link", "huge"])
def test_what_is_no_pool_is_an_error_and_stays(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "pool"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        (tmp_path / "victim").write_bytes(b"")
        path.symlink_to(tmp_path / "victim")
    elif kind == "huge":
        path.write_bytes(b"\0" * (kvp.POOL_MOST + 1))
    began = time.monotonic()
    with pytest.raises(SinkError, match="cannot write"):
        kvp.write_kvp("result=error", str(path))
    assert time.monotonic() - began < 10
    assert sorted(os.listdir(tmp_path)) == (
        [] if kind == "absent" else sorted({"pool", *(["victim"] * (kind == "link"))})
    )


def test_it_is_only_for_guests_of_hyper_v_that_have_a_pool(pool: Path, tmp_path: Path) -> None:
    assert kvp.available(str(tmp_path), str(pool))
    assert not kvp.available(str(tmp_path / "absent"), str(pool))
    assert not kvp.available(str(tmp_path), str(tmp_path / "absent"))


@pytest.mark.parametrize(("report", "result"), [(BROKEN, "error"), (READY, "success"), (UNDECIDED, "unknown")])
def test_a_verdict_is_one_line_of_ascii(report: object, result: str) -> None:
    line = render.render(report)  # type: ignore[arg-type]
    assert line.startswith(f"result={result}|") and line.isascii() and line.isprintable()


def test_what_would_end_a_field_is_quoted_and_what_would_end_a_line_is_escaped() -> None:
    entry = replace(BROKEN.causes[0], summary="rule | of 'x'\nresult=success")
    line = render.render(replace(BROKEN, verdict=Readiness.NOT_READY, causes=(entry,)))
    assert "|'reason=guest-firewall: rule | of ''x''\\nresult=success'|" in line
