"""Namespaces, the end of the parent, and running the system's own tools: what Python 3.9 has no words for.

No subprocess module: importing it costs a third of the whole rehearsal.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Optional

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
OUTPUT_LIMIT = 1 << 20
"""Bytes kept of what a tool prints; an error message of a loader is a few lines."""

libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int) -> None:
    """The result of a call of glibc, as OSError where it failed."""
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def new_network_namespace() -> int:
    """Enter a network namespace of our own; its descriptor."""
    checked(libc.unshare(CLONE_NEWNET))
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def enter_network_namespace(descriptor: int) -> None:
    """Go to a namespace made before. Sockets stay where they were made."""
    checked(libc.setns(descriptor, CLONE_NEWNET))


class Ended(NamedTuple):
    """A tool that ended. A negative status is the number of the signal that ended it, or -9 for one too slow."""

    status: int
    output: str
    """Both streams together."""


def run(command: Sequence[str], stdin: bytes, environment: Mapping[str, str], deadline: float) -> Ended:
    """Run a tool to its end, or until `deadline` on the monotonic clock."""
    to_child, from_us = os.pipe()
    from_child, to_us = os.pipe()
    child = os.fork()
    if child == 0:
        _become(command, to_child, to_us, environment)
    os.close(to_child)
    os.close(to_us)
    try:
        output = _talk(from_us, from_child, stdin, deadline)
    finally:
        os.close(from_child)
    if output is None:
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    return Ended(code, "not done in time" if output is None else output.decode("utf-8", "replace").strip())


def start(command: Sequence[str], environment: Mapping[str, str], output: int, errors: int) -> int:
    """Start a tool without input that writes to these descriptors; its process id. It ends with this process."""
    child = os.fork()
    if child == 0:
        _become(command, os.open(os.devnull, os.O_RDONLY), output, environment, errors)
    return child


def _become(
    command: Sequence[str], stdin: int, output: int, environment: Mapping[str, str], errors: Optional[int] = None
) -> None:
    try:
        die_with_parent()
        os.dup2(stdin, 0)
        os.dup2(output, 1)
        os.dup2(output if errors is None else errors, 2)
        os.execve(command[0], list(command), dict(environment))  # noqa: S606 - a list of arguments
    except OSError as error:
        os.write(output, f"cannot run {command[0]}: {error.strerror}".encode())
    finally:
        os._exit(127)


def _talk(write_to: int, read_from: int, data: bytes, deadline: float) -> Optional[bytes]:
    """Feed the tool and collect what it prints until it closes its end; None if the deadline comes first."""
    os.set_blocking(write_to, False)
    poll = select.poll()
    poll.register(read_from, select.POLLIN)
    poll.register(write_to, select.POLLOUT)
    left, output, feeding = memoryview(data), b"", True
    try:
        while True:
            wait = deadline - time.monotonic()
            if wait <= 0:
                return None
            ready = {descriptor for descriptor, _ in poll.poll(wait * 1000)}
            if feeding and write_to in ready and not (left := _feed(write_to, left)):
                poll.unregister(write_to)
                os.close(write_to)
                feeding = False
            piece = os.read(read_from, 65536) if read_from in ready else None
            if piece == b"":
                return output
            output = (output + (piece or b""))[:OUTPUT_LIMIT]
    finally:
        if feeding:
            os.close(write_to)


def _feed(descriptor: int, data: memoryview) -> memoryview:
    try:
        return data[os.write(descriptor, data) :]
    except BlockingIOError:
        return data
    except BrokenPipeError:
        return data[len(data) :]
