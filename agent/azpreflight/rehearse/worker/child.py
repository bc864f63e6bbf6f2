"""A program that is told something and says something, line by line, and that ends with whoever started it."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Optional, cast

from azpreflight.host import programs

CHUNK = 65536
LAST = 4096
"""Bytes of what it said of its failure that are kept."""


class Child:
    """A context manager around a running program, which is killed at its end."""

    def __init__(self, command: Sequence[str], own_session: bool = False) -> None:
        """`own_session`: the terminal's signals do not reach it, and the kernel ends it with this thread; what is
        started within its namespaces ends with them. OSError where it cannot be started."""
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [programs.which(command[0]) or command[0], *command[1:]],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=programs.ENVIRONMENT,
            start_new_session=own_session,
            preexec_fn=programs.end_with_parent() if own_session else None,  # noqa: PLW1509
        )
        self._heard = b""
        self.pid = self._process.pid

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.end()

    def tell(self, line: bytes) -> None:
        """Write a line to its input."""
        stream = cast("IO[bytes]", self._process.stdin)
        stream.write(line + b"\n")
        stream.flush()

    def line(self, timeout: float) -> Optional[bytes]:
        """Its next line, without the end; empty where it says no more, None where it said nothing for so long."""
        deadline = time.monotonic() + timeout
        descriptor = cast("IO[bytes]", self._process.stdout).fileno()
        while b"\n" not in self._heard:
            readable, _, _ = select.select([descriptor], [], [], max(deadline - time.monotonic(), 0))
            if not readable:
                return None
            piece = os.read(descriptor, CHUNK)
            if not piece:
                return b""
            self._heard += piece
        line, _, self._heard = self._heard.partition(b"\n")
        return line

    def end(self) -> str:
        """Kill it; the last line of what it said of its failure."""
        self._process.kill()
        words = self._process.communicate()[1] if self._process.returncode is None else b""
        lines = words[-LAST:].decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:200] if lines else "it said nothing"
