"""The same logs on a real Dask cluster of several processes: the same answer, also where one of them is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from azpreflight.cli.main import main
from tests.support import fleets
from tests.support.readers import end_readers

WORKERS = 4


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address: a scheduler and workers, each a process of its own, as an operator starts them."""
    place = tmp_path_factory.mktemp("dask")
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    told = place / "scheduler.json"
    started = [subprocess.Popen([*dask, "--no-dashboard", "--scheduler-file", str(told)], stderr=subprocess.DEVNULL)]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(told), "--nthreads", "1"]
    worker += ["--no-dashboard", "--nworkers", str(WORKERS), "--local-directory", str(place), "--death-timeout", "60"]
    try:
        end = time.monotonic() + 60
        while not told.exists() and time.monotonic() < end:
            time.sleep(0.1)
        started.append(subprocess.Popen(worker, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
        yield _address(told)
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(30)


def _address(told: Path) -> str:
    """That of the scheduler, once all workers are there."""
    from distributed import Client

    with Client(scheduler_file=str(told), set_as_default=False) as client:
        client.wait_for_workers(WORKERS, timeout=120)
        return str(client.scheduler.address)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The logs of many machines."""
    top = tmp_path_factory.mktemp("logs")
    assert len(list(fleets.write(top, 200, 40_000))) == 200
    return top


def answer(out: Path, *arguments: str | Path) -> bytes:
    """The JSON document for these logs."""
    assert main(["fleet", "--format", "json", "-o", str(out), *map(str, arguments)]) == 1
    return out.read_bytes()


def test_a_cluster_gives_the_same_answer_to_the_byte(scheduler: str, folder: Path, tmp_path: Path) -> None:
    here = answer(tmp_path / "here", folder, "--jobs", "1")
    assert answer(tmp_path / "there", folder, "--engine", "dask", "--scheduler", scheduler) == here


def test_a_worker_that_is_killed_in_the_middle_loses_nothing(scheduler: str, folder: Path, tmp_path: Path) -> None:
    """The scheduler gives what it was at to another."""
    odd, content = tmp_path / "odd.log", fleets.log(13)
    odd.write_bytes(content)
    here = answer(tmp_path / "here", folder, odd, "--jobs", "1")
    odd.unlink()
    os.mkfifo(odd)

    feeding = threading.Thread(target=end_readers, args=(odd, 1, content), daemon=True)
    feeding.start()
    assert answer(tmp_path / "there", folder, odd, "--engine", "dask", "--scheduler", scheduler) == here
    feeding.join(60)
    assert not feeding.is_alive()


def test_a_cluster_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(fleets.log(0))
    address = "tcp://127.0.0.1:9"
    assert main(["fleet", str(tmp_path / "a.log"), "--engine", "dask", "--scheduler", address]) == 2
    assert f"cannot reach the scheduler {address}" in capsys.readouterr().err
