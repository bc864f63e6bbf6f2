"""What is done with some logs at once, wherever it is done: read each, and make its rows."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Optional

from azpreflight import __version__
from azpreflight.dataclass import dataclass
from azpreflight.engine.fleet import Machine
from azpreflight.fleet import local, rows
from azpreflight.fleet.item import Item, Kind

Done = tuple[Item, tuple[Machine, ...]]
"""A log, and what it says."""


@dataclass(frozen=True)
class Batch:
    """Some logs, and what they are read with."""

    items: tuple[Item, ...]
    now: datetime.datetime
    """Of the whole run, so that every process takes the same times for future ones."""


def work(batch: Batch) -> tuple[Done, ...]:
    """The rows of each log, in their order. Raises nothing for a log that is not to be had: its row says so."""
    return tuple((item, tuple(_rows(item, batch.now))) for item in batch.items)


def _rows(item: Item, now: datetime.datetime) -> Iterator[Machine]:
    if item.kind is Kind.LOST:
        yield rows.lost(item.name, item.place, item.traits)
        return
    try:
        content, unread = _content(item)
    except OSError as error:
        yield rows.lost(item.name, f"cannot read: {error.strerror or error}", item.traits)
        return
    yield from rows.rows(item.name, content, unread, item.traits, now)


def _content(item: Item) -> tuple[bytes, Optional[str]]:
    if item.kind is Kind.STORAGE:
        from azpreflight.fleet import storage

        return storage.read(item)
    if item.kind is Kind.SIGNED:
        from azpreflight.fleet import web

        return web.log(item.place)
    return local.read(item.place)


def unfinished(items: Sequence[Item], reason: str) -> tuple[Done, ...]:
    """The rows of logs whose reading was ended from outside."""
    return tuple((item, (rows.lost(item.name, reason, item.traits),)) for item in items)


def version() -> str:
    """That of the program that works: another one may make other rows."""
    return __version__
