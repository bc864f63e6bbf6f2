"""Start the worker in namespaces of its own, and hear what it has to say."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from azpreflight import package
from azpreflight.model import codec
from azpreflight.rehearse.order import Order
from azpreflight.rehearse.worker.child import Child
from azpreflight.rehearse.worker.errors import RehearsalError

WORKER = "azpreflight.rehearse.worker.main"
NAMESPACES = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
AS_ROOT = ("--user", "--map-root-user")
"""For a user who is not: root of namespaces where the system allows it."""


def rehearse(order: Order, limit: float) -> Iterator[tuple[str, Any]]:
    """(progress, words), (boot, its JSON), (error, words) and (done, its end), as they come.

    RehearsalError where nothing starts, or the worker is lost.
    """
    namespaces = (*NAMESPACES, *(() if os.geteuid() == 0 else AS_ROOT))
    deadline = time.monotonic() + limit
    with Child([*namespaces, sys.executable, "-I", "-B", *package.arguments(WORKER)], own_session=True) as worker:
        worker.tell(json.dumps(codec.encode(order)).encode())
        while True:
            line = worker.line(deadline - time.monotonic())
            if line is None:
                raise RehearsalError(f"not done within {limit:.0f} s")
            if not line:
                raise RehearsalError(f"the rehearsal has broken off: {worker.end()}")
            ((kind, value),) = json.loads(line).items()
            if kind == "done":
                return
            yield kind, value
