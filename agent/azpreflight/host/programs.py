"""Running the system's own programs: a list of arguments, a built environment, closed input, a deadline, a limit."""

from __future__ import annotations

import atexit
import os
import select
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import IO, Optional

from azpreflight.host.api import Completed, HostError

PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
"""The system's own directories first: a tool of the image is meant, not one that a user put before it."""
ENVIRONMENT = {"PATH": PATH, "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}
CHUNK = 65536
PR_SET_PDEATHSIG = 1
REAP_TIMEOUT = 0.5
"""Seconds for a killed program to be gone; the kernel takes milliseconds unless the program waits for a disk."""

_running: set[subprocess.Popen[bytes]] = set()


def which(program: str) -> Optional[str]:
    """Where the program is on PATH."""
    for directory in PATH.split(":"):
        candidate = f"{directory}/{program}"
        if os.access(candidate, os.X_OK) and os.path.isfile(candidate):
            return candidate
    return None


def run(
    command: Sequence[str],
    timeout: float,
    stdin: Optional[bytes],
    env: Optional[Mapping[str, str]],
    limit: int,
    dies_with_us: bool = False,
) -> Completed:
    """Run a program to its end; see Host.run. `dies_with_us` has the kernel end it with this thread, however that ends:
    not for use beside other threads, because Python then has to run in the child for a moment."""
    found = command[0] if "/" in command[0] else which(command[0])
    if found is None:
        raise HostError(f"no program {command[0]}")
    try:
        process = subprocess.Popen(
            [found, *command[1:]],
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**ENVIRONMENT, **(env or {})},
            cwd="/",
            start_new_session=True,
            preexec_fn=end_with_parent() if dies_with_us else None,  # noqa: PLW1509
        )
    except OSError as error:
        raise HostError(f"cannot run {command[0]}: {error.strerror}") from None
    _running.add(process)
    try:
        return _communicate(process, command[0], timeout, stdin or b"", limit)
    finally:
        _end(process)
        _running.discard(process)


def end_with_parent() -> Callable[[], None]:
    """What a child does to be killed when the thread that started it has ended (prctl(2))."""
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def stream(command: Sequence[str], data: memoryview, timeout: float) -> Iterator[bytes]:
    """What a program makes of its input, piece by piece; it is ended when nobody wants more. See Host.unpack."""
    found = which(command[0])
    if found is None:
        raise HostError(f"no program {command[0]}")
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    process = subprocess.Popen(
        [found, *command[1:]],
        stdin=pipe,
        stdout=pipe,
        stderr=nowhere,
        bufsize=0,
        env=ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )
    _running.add(process)
    threading.Thread(target=_write_all, args=(process.stdin, data), daemon=True).start()
    process.stdin = None  # the thread's, which closes it when all is written or nobody reads any more
    try:
        yield from _pieces(process, command[0], timeout)
    finally:
        _end(process)
        _running.discard(process)


def _pieces(process: subprocess.Popen[bytes], name: str, timeout: float) -> Iterator[bytes]:
    deadline = time.monotonic() + timeout
    descriptor = process.stdout.fileno()  # type: ignore[union-attr]  # it is a pipe
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while selector.select(max(deadline - time.monotonic(), 0)):
            piece = os.read(descriptor, CHUNK)
            if not piece:
                break
            yield piece
    with suppress(subprocess.TimeoutExpired):
        if process.wait(max(deadline - time.monotonic(), 0.01)) != 0:
            raise HostError(f"{name} cannot unpack it")
        return
    raise HostError(f"{name} did not end within {timeout:.1f} s")


def _write_all(pipe: IO[bytes], data: memoryview) -> None:
    with suppress(OSError), pipe:
        while data:
            data = data[pipe.write(data) :]


@atexit.register
def _end_all() -> None:
    """Leave no program behind when the run gives up on the thread that waits for it."""
    for process in tuple(_running):
        _kill(process)


def _communicate(process: subprocess.Popen[bytes], name: str, timeout: float, stdin: bytes, limit: int) -> Completed:
    deadline = time.monotonic() + timeout
    talk = _Talk(process, stdin, limit)
    with talk.selector:
        while talk.goes_on():
            left = deadline - time.monotonic()
            if left <= 0:
                raise HostError(f"{name} did not end within {timeout:.1f} s")
            talk.serve(left)
    _wait(process.pid, deadline - time.monotonic())
    try:
        status = process.wait(max(deadline - time.monotonic(), 0.01))
    except subprocess.TimeoutExpired:
        raise HostError(f"{name} did not end within {timeout:.1f} s") from None
    out, err = (bytes(talk.output[label]).decode("utf-8", "replace") for label in ("stdout", "stderr"))
    return Completed(status=status, stdout=out, stderr=err, truncated=talk.truncated)


def _wait(pid: int, seconds: float) -> None:
    """Until the program has ended, or so long. Python itself looks again and again, and sleeps in between.

    Nothing where the kernel (before 5.3) does not tell: then Python's way has to do.
    """
    with suppress(AttributeError, OSError):
        descriptor = os.pidfd_open(pid)
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll(max(seconds, 0) * 1000)
        finally:
            os.close(descriptor)


class _Talk:
    """The pipes of one program: feeds its input and keeps its output, up to a limit, until all are closed."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: bytes, limit: int) -> None:
        self.output = {"stdout": bytearray(), "stderr": bytearray()}
        self.truncated = False
        self.selector = selectors.DefaultSelector()
        self._process, self._stdin, self._limit = process, stdin, limit
        for label in self.output:
            self.selector.register(getattr(process, label), selectors.EVENT_READ, label)
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            self.selector.register(process.stdin, selectors.EVENT_WRITE, "stdin")

    def goes_on(self) -> bool:
        """True while a pipe is open."""
        return bool(self.selector.get_map())

    def serve(self, left: float) -> None:
        """Read and write what is possible, after waiting at most `left` seconds for it."""
        for key, _ in self.selector.select(left):
            if key.data == "stdin":
                self._write(key)
            else:
                self._read(key)

    def _write(self, key: selectors.SelectorKey) -> None:
        self._stdin = _feed(key.fd, self._stdin)
        if not self._stdin:
            self.selector.unregister(key.fileobj)
            self._process.stdin.close()  # type: ignore[union-attr]  # it is the pipe that was registered

    def _read(self, key: selectors.SelectorKey) -> None:
        piece = os.read(key.fd, CHUNK)
        if not piece:
            self.selector.unregister(key.fileobj)
            return
        kept = self.output[key.data]
        room = self._limit - len(kept)
        self.truncated = self.truncated or len(piece) > room
        kept += piece[:room]


def _feed(descriptor: int, data: bytes) -> bytes:
    """Write what the pipe takes; the rest, or nothing once the reader is gone."""
    try:
        return data[os.write(descriptor, data[:CHUNK]) :]
    except BlockingIOError:
        return data
    except BrokenPipeError:
        return b""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the program's session, unless it has ended and been reaped, and reap it.

    One that cannot even be killed (it waits for a dead disk) is left behind, because the run has a deadline.
    """
    if process.returncode is None:
        _kill(process)
        with suppress(subprocess.TimeoutExpired):
            process.wait(REAP_TIMEOUT)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the program and its children. It has not been reaped, so the number is still that of its session."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
