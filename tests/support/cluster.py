"""A Dask cluster on the loopback: a scheduler and workers, each a process of its own, as an operator starts them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_S = 120


@contextmanager
def cluster(place: Path, workers: int) -> Iterator[str]:
    """The address of the scheduler, once all workers are there; `place` is for what they write."""
    told = place / "scheduler.json"
    run = [sys.executable, "-m"]
    scheduler = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    worker = ["distributed.cli.dask_worker", "--nthreads", "1", "--nworkers", str(workers), "--no-dashboard"]
    worker += ["--local-directory", str(place), "--death-timeout", str(START_S)]
    started = []
    try:
        for command in (scheduler, worker):
            whole = [*run, *command, "--scheduler-file", str(told)]
            started.append(subprocess.Popen(whole, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
            _wait_for(told)
        yield _address(told, workers)
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(60)


def _wait_for(told: Path) -> None:
    end = time.monotonic() + START_S
    while not told.exists() and time.monotonic() < end:
        time.sleep(0.1)


def _address(told: Path, workers: int) -> str:
    from distributed import Client

    with Client(scheduler_file=str(told), set_as_default=False) as client:
        client.wait_for_workers(workers, timeout=START_S)
        return str(client.scheduler.address)
