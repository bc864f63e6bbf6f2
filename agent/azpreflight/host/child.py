"""A child process whose results arrive piece by piece, and that is ended at any moment with all that it started.

A thread that does not end cannot be ended, and one that is inside C code may hold the interpreter's lock, so that no
other thread of its process runs, not even the one that watches the clock. A process can be killed. Two are forked: the
worker, and above it the keeper, which does nothing but wait until this process wants the end or has ended itself,
however that came, and then kills whatever is below it.

    this process <- results - worker -> programs, in sessions of their own
                 -- control -> keeper (parent of the worker, and of every orphan below it)

To be used while this process has no other thread that may hold a lock.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Optional

from azpreflight.host import descendants
from azpreflight.host.libc import libc

Send = Callable[[bytes], None]

PIECE_LIMIT = 128 << 20
"""Bytes of one piece: the dumps of 50,000 firewall rules are about a tenth of it."""
END_TIMEOUT = 0.5
"""Seconds until all is killed and reaped; the kernel takes milliseconds, unless a process waits for a dead disk."""
NOT_STARTED = 71
"""What the keeper ends with where it could not fork (EX_OSERR of sysexits.h)."""
_HEADER = struct.Struct("!I")
_CHUNK = 1 << 18
_TICKS = os.sysconf("SC_CLK_TCK")


class Child:
    """One run of `work` in a process of its own; OSError where none can be forked.

    `work` gets a function that sends one piece, to be called from its first thread only; an empty piece says that it
    is alive.
    """

    def __init__(self, work: Callable[[Send], None]) -> None:
        self._results, results = os.pipe()
        try:
            control, self._control = os.pipe()
        except OSError:
            os.close(self._results)
            os.close(results)
            raise
        libc()  # both processes need it, and have it from here
        gc.freeze()  # else their collectors write to every object, and so copy every page of this process
        try:
            self._keeper = os.fork()
        except OSError:
            gc.unfreeze()
            for descriptor in (self._results, results, control, self._control):
                os.close(descriptor)
            raise
        if self._keeper == 0:
            os.close(self._results)
            os.close(self._control)
            _keep(work, results, control)
        gc.unfreeze()
        os.close(results)
        os.close(control)
        self._received = bytearray()
        self._worker = 0
        self._poll = select.poll()
        self._poll.register(self._results, select.POLLIN)

    def receive(self, seconds: float) -> list[bytes]:
        """The pieces that arrive within so many seconds, as soon as there is one. EOFError once the worker has ended,
        ValueError where what arrives is no piece."""
        if not self._poll.poll(max(seconds, 0) * 1000):
            return []
        content = os.read(self._results, _CHUNK)
        if not content:
            raise EOFError
        self._received += content
        return list(self._pieces())

    def _pieces(self) -> Iterator[bytes]:
        if self._worker == 0 and len(self._received) >= _HEADER.size:
            self._worker = _HEADER.unpack_from(self._received)[0]
            del self._received[: _HEADER.size]
        while len(self._received) >= _HEADER.size:
            size = _HEADER.unpack_from(self._received)[0]
            if size > PIECE_LIMIT:
                raise ValueError(f"a piece of {size} bytes")
            if len(self._received) < _HEADER.size + size:
                return
            piece = bytes(self._received[_HEADER.size : _HEADER.size + size])
            del self._received[: _HEADER.size + size]
            yield piece

    def processor_s(self) -> Mapping[str, float]:
        """Seconds of the processor that the worker's threads have used, by their names (proc(5), /proc/PID/stat)."""
        used: dict[str, float] = {}
        directory = f"/proc/{self._worker}/task"
        with suppress(OSError):
            for thread in os.listdir(directory):
                with suppress(OSError, ValueError), open(f"{directory}/{thread}/stat", "rb") as file:
                    name, _, numbers = file.read(4096).decode("utf-8", "replace").partition("(")[2].rpartition(")")
                    user, system = numbers.split()[11:13]
                    used[name] = used.get(name, 0.0) + (int(user) + int(system)) / _TICKS
        return used

    def end(self) -> Optional[int]:
        """Kill what is left of it; the worker's exit code, 128 and more where a signal ended it, None if unknown."""
        os.close(self._results)
        os.close(self._control)
        for patience in (2 * END_TIMEOUT, END_TIMEOUT):
            status = descendants.reaped(self._keeper, patience)
            if status is not None:
                return os.waitstatus_to_exitcode(status)
            os.kill(self._keeper, signal.SIGKILL)
        return None


def _keep(work: Callable[[Send], None], results: int, control: int) -> None:
    """The keeper's life; it never returns."""
    code = NOT_STARTED
    try:
        os.setsid()  # a Ctrl-C of the terminal is for the process that answers it
        answered = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        for number in answered:
            signal.signal(number, signal.SIG_IGN)
        worker = os.fork()
        if worker == 0:
            os.close(control)
            for number, answer in answered.items():
                signal.signal(number, signal.SIG_IGN if answer is signal.SIG_IGN else signal.SIG_DFL)
            _work(work, results)
        os.close(results)
        code = _watch(worker, control)
    finally:
        os._exit(code)


def _watch(worker: int, control: int) -> int:
    """Until the other end of `control` is closed, or its process gone; the worker's exit code."""
    try:
        descendants.adopt()
        os.read(control, 1)  # nothing is ever written
    finally:
        code = descendants.end(worker, END_TIMEOUT)
    return code


def _work(work: Callable[[Send], None], results: int) -> None:
    """The worker's life; it never returns."""
    code = 1
    try:
        os.write(results, _HEADER.pack(os.getpid()))
        work(lambda piece: _send(results, piece))
        code = 0
    except BrokenPipeError:
        pass
    except BaseException as error:
        from azpreflight.model import bugs

        sys.stderr.write(bugs.account(error))  # the text of an exception may quote somebody's secret
    finally:
        os._exit(code)


def _send(descriptor: int, piece: bytes) -> None:
    for part in (_HEADER.pack(len(piece)), piece):
        left = memoryview(part)
        while left:
            left = left[os.write(descriptor, left) :]


def name_thread(name: str) -> None:
    """Let this thread, and those that it starts, be known by this name, of at most 15 bytes (proc(5), comm)."""
    with suppress(OSError), open("/proc/thread-self/comm", "w", encoding="ascii") as file:
        file.write(name)
