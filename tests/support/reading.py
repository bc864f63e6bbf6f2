"""Logs as items of a fleet."""

from __future__ import annotations

import datetime

from azpreflight.fleet import run
from azpreflight.fleet.item import Item
from azpreflight.fleet.run import Engine
from azpreflight.fleet.store import Store
from azpreflight.model import Severity
from azpreflight.render.fleet import render_json

NOW = datetime.datetime(2026, 11, 27, tzinfo=datetime.timezone.utc)


def of_items(items: list[Item], engine: Engine) -> bytes:
    """The JSON document for these logs."""
    with Store(None) as store:
        run.read(items, store, engine, NOW, lambda done, last: None)
        return "".join(render_json(store.fleet(NOW, Severity.ERROR, 10))).encode()
