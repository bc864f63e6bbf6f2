"""The rows of all logs, on disk: as many as there are, in the memory of one.

A file of SQLite, which comes with Python. The same file is what a later run goes on from (`--state`). It holds what the
rows hold: the causes of machines and no secret.
"""

from __future__ import annotations

import datetime
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Optional

from azpreflight import __version__
from azpreflight.engine import fleet
from azpreflight.engine.fleet import Fleet, Machine
from azpreflight.fleet.item import Item
from azpreflight.fleet.local import identity
from azpreflight.model import Severity, codec
from azpreflight.model.errors import UsageError
from azpreflight.sinks.file import FILE_MODE

FORM = f"azpreflight {__version__} fleet 1"
"""Of another version the rows may be others: then every log is read again."""
_TABLES = """
CREATE TABLE IF NOT EXISTS form (form TEXT);
CREATE TABLE IF NOT EXISTS items (id TEXT PRIMARY KEY, stamp TEXT, run INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rows (log TEXT PRIMARY KEY, item TEXT, vm_id TEXT, row TEXT);
CREATE INDEX IF NOT EXISTS of_item ON rows (item);
CREATE INDEX IF NOT EXISTS of_machine ON rows (vm_id) WHERE vm_id IS NOT NULL;
CREATE TEMP TABLE fates (log TEXT PRIMARY KEY, fate TEXT) WITHOUT ROWID;
"""
_OF_THIS_RUN = "item IN (SELECT id FROM items WHERE run = ?)"
OLDER, DISPUTED = "older", "disputed"
_PAGES = 4096
"""KiB that SQLite keeps in memory."""


class Store:
    """The rows of one run, and of those before it. A context manager; what is in no file is gone at its end."""

    def __init__(self, path: Optional[str]) -> None:
        self._path = path
        self._temporary: Optional[str] = None
        self._run = 1

    def __enter__(self) -> Store:
        place = self._path or self._made()
        try:
            self._base = _opened(place)
        except (sqlite3.Error, OSError) as error:
            raise UsageError(f"cannot keep the state in {place}: {error}") from None
        (last,) = self._base.execute("SELECT max(run) FROM items").fetchone()
        self._run = (last or 0) + 1
        return self

    def __exit__(self, *error: object) -> None:
        self._base.execute("COMMIT")
        self._base.close()
        if self._temporary is not None:
            with suppress(FileNotFoundError):
                os.unlink(self._temporary)

    def _made(self) -> str:
        handle, self._temporary = tempfile.mkstemp(prefix="azpreflight-fleet-")
        os.close(handle)
        return self._temporary

    # --- what is read -------------------------------------------------------------------------------------------

    def new(self, items: Iterable[Item]) -> Iterator[Item]:
        """Each log once, whatever names it goes by: those that have to be read."""
        for item in items:
            name = identity(item)
            known = self._base.execute("SELECT stamp, run FROM items WHERE id = ?", (name,)).fetchone()
            if known is not None and known[1] == self._run:
                continue
            fresh = known is None or item.stamp is None or known[0] != item.stamp or not self._named(name, item)
            stamp = None if fresh else item.stamp  # what is read has its stamp once it has been
            self._base.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?)", (name, stamp, self._run))
            if fresh:
                yield item

    def _named(self, name: str, item: Item) -> bool:
        """It was read by the same name, which its rows have."""
        logs = self._base.execute("SELECT log FROM rows WHERE item = ?", (name,)).fetchall()
        return bool(logs) and all(log == item.name or log.startswith(f"{item.name}: ") for (log,) in logs)

    def add(self, item: Item, rows: Iterable[Machine]) -> None:
        """What the log says, in place of what it said before."""
        name = identity(item)
        self._base.execute("DELETE FROM rows WHERE item = ?", (name,))
        keep = item.stamp
        for row in rows:
            keep = None if row.unread else keep
            text = json.dumps(codec.encode(row), separators=(",", ":"))
            machine = _plain(row.vm_id) if row.vm_id else None
            self._base.execute(
                "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)", (_plain(row.log), name, machine, text)
            )
        self._base.execute("UPDATE items SET stamp = ? WHERE id = ?", (keep, name))

    def keep(self) -> None:
        """Write down what there is, so that a run that is ended goes on from here."""
        self._base.execute("COMMIT")
        self._base.execute("BEGIN IMMEDIATE")

    # --- what it comes to ---------------------------------------------------------------------------------------

    def fleet(self, now: datetime.datetime, fail_on: Severity, named: Optional[int]) -> Fleet:
        """All machines, each once."""
        self._decide(now)
        (older,) = self._base.execute("SELECT count(*) FROM fates WHERE fate = ?", (OLDER,)).fetchone()
        return fleet.fleet_of(_Machines(self, fail_on), older, named)

    def _decide(self, now: datetime.datetime) -> None:
        """What becomes of logs that claim the same machine."""
        several = "SELECT vm_id FROM rows WHERE vm_id IS NOT NULL AND {} GROUP BY vm_id HAVING count(*) > 1"
        self._base.execute("DELETE FROM fates")
        for (vm_id,) in self._base.execute(several.format(_OF_THIS_RUN), (self._run,)):
            claims = f"SELECT row FROM rows WHERE vm_id = ? AND {_OF_THIS_RUN} ORDER BY log"  # noqa: S608
            logs = [_machine(text) for (text,) in self._base.execute(claims, (vm_id, self._run))]
            kept = {one.log: DISPUTED if one.disputed else None for one in fleet.standing(logs, now)}
            fates = [(_plain(one.log), kept.get(one.log, OLDER)) for one in logs]
            self._base.executemany("INSERT INTO fates VALUES (?, ?)", fates)

    def machines(self) -> Iterator[Machine]:
        """Those that count, by name."""
        wanted = (
            "SELECT row, fate FROM rows LEFT JOIN fates USING (log) "  # noqa: S608
            f"WHERE {_OF_THIS_RUN} AND fate IS NOT '{OLDER}' ORDER BY log"
        )
        for text, fate in self._base.execute(wanted, (self._run,)):
            yield replace(_machine(text), disputed=fate == DISPUTED)


class _Machines:
    """The machines of a store, as often as they are gone through, with their exit codes."""

    def __init__(self, store: Store, fail_on: Severity) -> None:
        self._store, self._fail_on = store, fail_on

    def __iter__(self) -> Iterator[Machine]:
        return (fleet.judged(one, self._fail_on) for one in self._store.machines())


def _opened(place: str) -> sqlite3.Connection:
    os.close(os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE))
    base = sqlite3.connect(place, isolation_level=None)
    base.execute(f"PRAGMA cache_size = -{_PAGES}")
    base.execute("PRAGMA synchronous = OFF")
    base.executescript(_TABLES)
    found = base.execute("SELECT form FROM form").fetchone()
    if found != (FORM,):
        base.executescript("DELETE FROM items; DELETE FROM rows; DELETE FROM form;")
        base.execute("INSERT INTO form VALUES (?)", (FORM,))
    base.execute("BEGIN IMMEDIATE")
    return base


def _plain(name: str) -> str:
    """Half of a pair of UTF-16, as JSON may have it, is no text."""
    return name.encode("utf-8", "backslashreplace").decode()


def _machine(text: str) -> Machine:
    row: Machine = codec.decode(Machine, json.loads(text))
    return row
