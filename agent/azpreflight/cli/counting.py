"""One rewritten line on a terminal while logs are read, and nothing anywhere else. No thread: the reading tells it."""

from __future__ import annotations

import time
from typing import Optional, TextIO

from azpreflight.cli.progress import PATIENCE, PERIOD, WIDTH
from azpreflight.cli.terminal import columns_of
from azpreflight.text import printable


class Counting:
    """How many logs are read, how fast, and the last of them. A context manager around the work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._told = stream.isatty()
        self._began = time.monotonic()
        self._next = self._began + PATIENCE

    def __enter__(self) -> Counting:
        return self

    def __exit__(self, *error: object) -> None:
        if self._told and self._next > self._began + PATIENCE:
            self._write("")

    def tell(self, done: int, last: Optional[str]) -> None:
        """So many are read; `last` is None before the first."""
        now = time.monotonic()
        if not self._told or now < self._next:
            return
        self._next = now + PERIOD
        seconds = now - self._began
        name = printable(last or "")
        self._write(f"{done:,} logs read in {seconds:.0f} s, {done / seconds:,.0f} a second, now {name}")

    def _write(self, line: str) -> None:
        width = columns_of(self._stream, WIDTH)
        self._stream.write("\r" + line[:width].ljust(width) + ("" if line else "\r"))
        self._stream.flush()
