"""The same work on a Dask cluster that is there already (extra `azpreflight[dask]`).

The logs must be where the workers can read them: storage, or the same path on all of them. A worker that dies loses
nothing: the scheduler gives its batches to another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, Optional

from azpreflight.fleet.pool import PERIOD, Tell
from azpreflight.fleet.work import Batch, Done, unfinished, version, work
from azpreflight.model.errors import UsageError

ENDED = "every worker that read it was ended"
_AHEAD = 4
"""Batches under way for each thread of the cluster."""
CONNECT_S = 20.0
"""Seconds until a scheduler that does not answer is given up."""
_RETRIES = 3


def spread(batches: Iterable[Batch], scheduler: str, tell: Tell) -> Iterator[Done]:
    """By the workers of the cluster with this address, in the order in which they are done."""
    client = _client(scheduler)
    try:
        _require_same_version(client)
        yield from _spread(client, iter(batches), tell)
    finally:
        client.close()


def _spread(client: Any, left: Iterator[Batch], tell: Tell) -> Iterator[Done]:
    from distributed import wait

    under_way: dict[Any, Batch] = {}
    while True:
        for batch in islice(left, max(_room(client) - len(under_way), 0)):
            under_way[_submit(client, batch)] = batch
        if not under_way:
            return
        with client.as_current():
            done = _first_done(wait, under_way)
        for future in done:
            batch = under_way.pop(future)
            found = _result(future, batch)
            under_way.update({_submit(client, one): one for one in (() if found is not None else _alone(batch))})
            yield from found or ()
            future.release()
        tell()


def _submit(client: Any, batch: Batch) -> Any:
    return client.submit(work, batch, pure=False, retries=_RETRIES)


def _result(future: Any, batch: Batch) -> Optional[tuple[Done, ...]]:
    """What came of it; None where every worker that had it was ended, and it is not known by which of its logs."""
    from distributed import KilledWorker

    try:
        found: tuple[Done, ...] = future.result()
    except KilledWorker:
        return unfinished(batch.items, ENDED) if len(batch.items) == 1 else None
    return found


def _alone(batch: Batch) -> Iterator[Batch]:
    return (replace(batch, items=(item,)) for item in batch.items)


def _first_done(wait: Any, under_way: Iterable[Any]) -> list[Any]:
    import asyncio

    try:
        return list(wait(list(under_way), timeout=PERIOD, return_when="FIRST_COMPLETED").done)
    except (TimeoutError, asyncio.TimeoutError):
        return []


def _room(client: Any) -> int:
    """Workers come and go; with none there is nothing to wait with."""
    return _AHEAD * max(int(sum(client.nthreads().values())), 1)


def _client(scheduler: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise UsageError("--engine dask needs the libraries of azpreflight[dask]") from None
    try:
        return Client(scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot reach the scheduler {scheduler}: {error}") from None


def _require_same_version(client: Any) -> None:
    """Another version may make other rows of the same log."""
    ours, theirs = version(), client.run(_version)
    if not theirs:
        raise UsageError("the cluster has no worker")
    others = {str(one) for one in theirs.values() if one != ours}
    if others:
        raise UsageError(f"workers have azpreflight {', '.join(sorted(others))}, and this is {ours}")


def _version() -> str:
    return version()
