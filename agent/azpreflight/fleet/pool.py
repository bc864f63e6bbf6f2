"""The work on all processors of this machine, or in this process.

Workers are started by a server of their own (`forkserver`), so none is a copy of a process that has threads. However
many logs there are, only a few batches are under way. A worker that is killed, as the kernel does for want of memory,
takes its batch along: each log of that is read once more alone, and one that ends its worker again is said to.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from itertools import islice
from typing import Callable

from azpreflight.fleet.work import Batch, Done, unfinished, work

PERIOD = 0.2
"""Seconds after which progress is told though nothing is done."""
ENDED = "the process that read it was ended from outside, twice"
_AHEAD = 3
"""Batches under way for each worker."""
_PR_SET_PDEATHSIG = 1

Tell = Callable[[], None]


def processors() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0))


def here(batches: Iterable[Batch], tell: Tell) -> Iterator[Done]:
    """One after the other, in this process."""
    for batch in batches:
        for item in batch.items:
            yield from work(replace(batch, items=(item,)))
            tell()


def spread(batches: Iterable[Batch], jobs: int, tell: Tell) -> Iterator[Done]:
    """By so many processes, in the order in which they are done."""
    left = iter(batches)
    again: list[Batch] = []
    while True:
        broken = yield from _until_broken(left, jobs, tell)
        if not broken:
            break
        again += broken
    for batch in again:
        for item in batch.items:
            yield from _alone(replace(batch, items=(item,)))
            tell()


def _alone(batch: Batch) -> Iterator[Done]:
    with _pool(1) as pool:
        try:
            yield from pool.submit(work, batch).result()
        except BrokenProcessPool:
            yield from unfinished(batch.items, ENDED)


def _until_broken(batches: Iterator[Batch], jobs: int, tell: Tell) -> Generator[Done, None, list[Batch]]:
    """Until all is done, or a worker is killed: then what was under way is returned."""
    under_way: dict[Future[tuple[Done, ...]], Batch] = {}
    others, over = set(multiprocessing.active_children()), False
    pool = _pool(jobs)
    try:
        while _fill(pool, under_way, batches, _AHEAD * jobs):
            done, _ = wait(under_way, PERIOD, FIRST_COMPLETED)
            for future in done:
                found = future.result()
                del under_way[future]
                yield from found
            tell()
        over = True
    except BrokenProcessPool:
        over = True
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in () if over else set(multiprocessing.active_children()) - others:
            worker.kill()  # interrupted: nobody waits for what they are at
    return list(under_way.values())


def _fill(
    pool: ProcessPoolExecutor, under_way: dict[Future[tuple[Done, ...]], Batch], batches: Iterator[Batch], most: int
) -> bool:
    """Hand out batches up to so many; False once all are done. A batch is noted before a pool may refuse it."""
    for batch in islice(batches, most - len(under_way)):
        try:
            under_way[pool.submit(work, batch)] = batch
        except BrokenProcessPool:
            under_way[Future()] = batch
            raise
    return bool(under_way)


def _pool(jobs: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["azpreflight.fleet.work"])
    return ProcessPoolExecutor(jobs, context, _worker, (dict(os.environ),))


def _worker(environment: Mapping[str, str]) -> None:
    """Ctrl-C is for the process that started it, and so is its end: no worker outlives the server, which may be older
    than a variable of the environment that names an account."""
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
