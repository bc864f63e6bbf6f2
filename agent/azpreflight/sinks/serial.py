"""The serial console, which boot diagnostics records. One that nobody reads must not hold up a boot."""

from __future__ import annotations

import array
import fcntl
import os
import re
import select
import termios
import time
from contextlib import suppress
from itertools import accumulate

from azpreflight.host import Host, HostError
from azpreflight.host.deadline import Guard
from azpreflight.sinks.errors import SinkError
from azpreflight.text import printable

SERIAL_LIMIT = 64 * 1024
"""Bytes of one text on the wire. The log of a boot holds about 1 MiB, and others want to be in it too."""
SERIAL_TIMEOUT = 12.0
"""Seconds for the whole text: 64 KiB take 5.7 s at 115200 baud, and twice that at 57600."""
STALLED_S = 3.0
"""Seconds without a byte taken until a port counts as dead: held by flow control, or nobody behind it."""
BATCH, PAUSE_S = 8, 0.01
"""Lines, and the seconds of rest after so many: an emulated port takes bytes faster than its reader may keep them, and
the kernel's own messages get their turn. All of 64 KiB costs 0.7 s."""
CLOSE_MARGIN = 1.0
"""Seconds more until a port that does not even open or close is given up."""
POLL_S = 0.02
"""Seconds between looks at what the port still has to send."""
FALLBACK_CONSOLE = "/dev/console"
ACTIVE_CONSOLES = "/sys/class/tty/console/active"
_SERIAL_NAME = re.compile(r"(ttyS|ttyAMA|hvc)\d+")


def consoles(host: Host, wanted: str = "auto") -> tuple[str, ...]:
    """The devices that `--serial` means: none for `never`, the device that it names, and else what there is.

    That is the serial ports that are consoles of the running kernel; /dev/console if it names none.

    Boot diagnostics records the first serial port. /dev/console alone would not do: it is the last `console=` of the
    kernel's command line, which on many images is the screen.
    """
    if wanted != "auto":
        return () if wanted == "never" else (wanted,)
    try:
        active = host.text(ACTIVE_CONSOLES) or ""
    except HostError:
        active = ""
    ports = tuple(f"/dev/{name}" for name in active.split() if _SERIAL_NAME.fullmatch(name))
    return ports or (FALLBACK_CONSOLE,)


def write_serial(device: str, text: str, timeout: float = SERIAL_TIMEOUT) -> None:
    """Write the lines to a terminal device, each with one write(2). SinkError if not all of them went out in time.

    What is beyond 64 KiB is not sent.
    """
    lines = _lines(text)
    try:
        Guard().call(lambda: _send(device, lines, timeout), timeout + CLOSE_MARGIN, f"writing to {device}")
    except HostError as error:
        raise SinkError(str(error)) from None
    except OSError as error:
        raise SinkError(f"cannot write to {device}: {error.strerror}") from None


def _lines(text: str) -> list[bytes]:
    """What is written: an empty line first, because a login prompt may be pending, then as many lines as fit."""
    lines = [b"\r\n", *(printable(line).encode("ascii") + b"\r\n" for line in text.splitlines())]
    return [line for line, sent in zip(lines, accumulate(map(len, lines))) if sent <= SERIAL_LIMIT]


def _send(device: str, lines: list[bytes], timeout: float) -> None:
    began = time.monotonic()
    deadline = began + timeout
    port = os.open(device, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not os.isatty(port):
            raise SinkError(f"cannot write to {device}: not a terminal device")
        taken = 0
        while taken < len(lines) and _send_line(port, lines[taken], deadline):
            taken += 1
            if taken % BATCH == 0:
                time.sleep(PAUSE_S)
        if taken < len(lines) or not _drained(port, deadline):
            _drop(port)
            took = time.monotonic() - began
            raise SinkError(f"cannot write to {device}: it took {taken} of {len(lines)} lines within {took:.1f} s")
    finally:
        os.close(port)


def _send_line(port: int, line: bytes, deadline: float) -> bool:
    """True if the port took the whole line; one write(2) unless the port takes only a part of it."""
    while line:
        left = min(deadline - time.monotonic(), STALLED_S)
        if left <= 0 or not select.select([], [port], [], left)[1]:
            return False
        with suppress(BlockingIOError):
            line = line[os.write(port, line) :]
    return True


def _drained(port: int, deadline: float) -> bool:
    """True once the kernel's buffer is empty, false if it is not by the deadline or if it does not get emptier."""
    waiting, before, stalled = array.array("i", [0]), 0, 0.0
    while True:
        fcntl.ioctl(port, termios.TIOCOUTQ, waiting)
        now = time.monotonic()
        if waiting[0] != before:
            before, stalled = waiting[0], now + STALLED_S
        if waiting[0] == 0:
            return True
        if now >= min(deadline, stalled):
            return False
        time.sleep(POLL_S)


def _drop(port: int) -> None:
    """Throw away what the port did not send: close(2) would wait up to 30 s for it (tty closing_wait)."""
    with suppress(OSError, termios.error):
        termios.tcflush(port, termios.TCOFLUSH)
