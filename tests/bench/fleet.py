"""Time and memory of `fleet` on synthetic logs: `python -m tests.bench.fleet COUNT [BYTES]`.

The logs are those of tests/support/truths.py, whose truth is known. They are read by one process, by two, and by a Dask
cluster of four workers, in turn and within one run, because what else the machine does is not known: compare rows of
one table, and not two tables. Each is to give the same answer, to the byte.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support import truths
from tests.support.cluster import cluster

WORKERS = 4
SAMPLED_S = 0.05


@dataclass(frozen=True)
class Cost:
    """What one run took."""

    wall_s: float
    cpu_s: float
    """Of it and all that it has started; not of a cluster."""
    peak_mib: float
    """Of its largest process, resident."""
    answer: str


def measured(logs: Path, out: Path, *arguments: str) -> Cost:
    """One run of the program."""
    command = [sys.executable, "-m", "azpreflight", "fleet", str(logs), "--format", "json", "-o", str(out), *arguments]
    began = time.monotonic()
    process = psutil.Popen(command)
    cpu: dict[int, float] = {}
    peak = 0
    while process.poll() is None:
        for one in [process, *_children(process)]:
            try:
                times = one.cpu_times()
                cpu[one.pid] = times.user + times.system
                peak = max(peak, one.memory_info().rss)
            except psutil.Error:
                continue
        time.sleep(SAMPLED_S)
    wall = time.monotonic() - began
    return Cost(wall, sum(cpu.values()), peak / (1 << 20), hashlib.sha256(out.read_bytes()).hexdigest()[:12])


def _children(process: psutil.Popen) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.Error:
        return []


def main() -> None:
    """Print a table."""
    count, size = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        total = sum(path.stat().st_size for path in truths.write(place / "logs", count, size))
        print(f"{count:,} logs, {total / 1e6:,.0f} MB; read once before, so that all of them are in memory or none")
        subprocess.run(["cat", *_some(place / "logs")], stdout=subprocess.DEVNULL, check=True)
        rows = {f"{jobs} process{'es' * (jobs > 1)}": ("--jobs", str(jobs)) for jobs in (1, 2)}
        costs = {name: measured(place / "logs", place / "out", *arguments) for name, arguments in rows.items()}
        (place / "dask").mkdir()
        with cluster(place / "dask", WORKERS) as address:
            dask = ("--engine", "dask", "--scheduler", address)
            costs[f"Dask, {WORKERS} workers"] = measured(place / "logs", place / "out", *dask)
        for name, cost in costs.items():
            print(
                f"{name:<18}{cost.wall_s:7.1f} s wall {cost.cpu_s:7.1f} s CPU {cost.peak_mib:6.0f} MiB a process"
                f" {count / cost.wall_s:8,.0f} logs/s  answer {cost.answer}"
            )


def _some(logs: Path) -> list[str]:
    return [str(path) for path in sorted(logs.rglob("*.log"))[:2000]]


if __name__ == "__main__":
    main()
