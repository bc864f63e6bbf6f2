"""The worker's edge: an order on standard input, and a line for each word of progress and each boot on standard output.

It ends when standard input does, however its parent ends.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

from azpreflight.host.api import HostError
from azpreflight.model import codec
from azpreflight.rehearse.order import Order
from azpreflight.rehearse.worker.errors import RehearsalError
from azpreflight.rehearse.worker.session import boots


def main() -> int:
    """Rehearse, and say what came of it."""
    order: Order = codec.decode(Order, json.loads(sys.stdin.readline()))
    threading.Thread(target=_until_nobody_listens, daemon=True).start()
    try:
        for booted in boots(order, lambda words: _tell("progress", words)):
            _tell("boot", codec.encode(booted))
    except (RehearsalError, HostError, OSError) as error:
        _tell("error", str(error))
    _tell("done", True)
    return 0


def _until_nobody_listens() -> None:
    sys.stdin.read()
    os._exit(1)  # and with the first process of the namespace everything in it


def _tell(kind: str, value: Any) -> None:
    sys.stdout.write(json.dumps({kind: value}) + "\n")
    sys.stdout.flush()
