"""One run: what is found is read wherever it is to be read, and kept."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Callable, Optional

from azpreflight.dataclass import dataclass
from azpreflight.fleet import pool
from azpreflight.fleet.item import Item
from azpreflight.fleet.store import Store
from azpreflight.fleet.work import Batch, Done

BATCH_ITEMS, BATCH_BYTES = 32, 2 << 20
"""Logs, and bytes of them, that are handed over at once: some hundredths of a second of work."""
FEW = 8
"""So many logs are read before other processes would be up."""
KEPT_EVERY = 10_000
"""Logs after which what is known is written down."""

Tell = Callable[[int, Optional[str]], None]
"""How many are done, and the last of them."""


@dataclass(frozen=True)
class Engine:
    """Who works: processes of this machine, or a cluster's."""

    jobs: int
    scheduler: Optional[str] = None


def read(items: Iterable[Item], store: Store, engine: Engine, now: datetime.datetime, tell: Tell) -> None:
    """Read all that the store does not know yet, and keep what it says."""
    done = 0
    last: Optional[str] = None

    def told() -> None:
        tell(done, last)

    batches = _batches(store.new(items), now)
    for done, (item, rows) in enumerate(_engine(batches, engine, told), 1):
        last = item.name
        store.add(item, rows)
        if not done % KEPT_EVERY:
            store.keep()


def _engine(batches: Iterator[Batch], engine: Engine, told: pool.Tell) -> Iterator[Done]:
    if engine.scheduler is not None:
        from azpreflight.fleet import cluster

        return cluster.spread(batches, engine.scheduler, told)
    first = list(islice(batches, 2))
    several = len(first) > 1 or sum(len(batch.items) for batch in first) > FEW
    every = chain(first, batches)
    return pool.spread(every, engine.jobs, told) if several and engine.jobs > 1 else pool.here(every, told)


def _batches(items: Iterator[Item], now: datetime.datetime) -> Iterator[Batch]:
    """So many logs at once that handing them over costs little, and few enough that all have work to the end."""
    batch: list[Item] = []
    size = 0
    for item in items:
        batch.append(item)
        size += item.size
        if len(batch) >= BATCH_ITEMS or size >= BATCH_BYTES:
            yield Batch(tuple(batch), now)
            batch, size = [], 0
    if batch:
        yield Batch(tuple(batch), now)
