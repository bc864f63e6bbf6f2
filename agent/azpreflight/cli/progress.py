"""One rewritten line on a terminal while something is being inspected, and nothing anywhere else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Optional, TextIO

from azpreflight.cli.terminal import columns_of
from azpreflight.model import Gathered
from azpreflight.text import printable

PATIENCE = 0.5
"""Seconds without a word: most runs are over by then, and a line that flashes up only disturbs."""
PERIOD = 0.2
"""Seconds between two versions of the line."""
WIDTH = 79
"""Columns at most, and one less than the terminal has, so that the line never wraps and can be rewritten."""


class Progress:
    """Tells which probes, or logs, a run still waits for. A context manager around the work."""

    def __init__(self, stream: TextIO, names: Iterable[str]) -> None:
        self._stream = stream
        self._names = list(names)
        self._waiting = list(self._names)
        self._over = threading.Event()
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self) -> Progress:
        if self._stream.isatty():
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def done(self, name: str, gathered: Optional[Gathered] = None) -> None:
        """A probe has come home, called from its thread; or whatever else is told of."""
        if name in self._waiting:
            self._waiting.remove(name)

    def _tell(self) -> None:
        if self._over.wait(PATIENCE):
            return
        while not self._over.wait(PERIOD):
            self._write(self._line())
        self._write("")

    def _line(self) -> str:
        done = len(self._names) - len(self._waiting)
        waiting = printable(", ".join(self._waiting[:6]))
        return f"looking, {time.monotonic() - self._began:.0f} s: {done} of {len(self._names)} done, now {waiting}"

    def _write(self, line: str) -> None:
        width = columns_of(self._stream, WIDTH)
        self._stream.write("\r" + line[:width].ljust(width) + ("" if line else "\r"))
        self._stream.flush()
