"""The serial console, which boot diagnostics records. One that nobody reads must not hold up a boot."""

import array
import fcntl
import os
import re
import select
import termios
import time
from contextlib import suppress

from azpreflight.host import Host, HostError
from azpreflight.host.guard import Guard
from azpreflight.render.plain import plain
from azpreflight.sinks.errors import SinkError

SERIAL_TIMEOUT = 3.0
"""Seconds for the whole text: 100 lines of 100 columns take 0.9 s at 115200 baud, and boot may wait for this."""
CLOSE_MARGIN = 1.0
"""Seconds more until a port that does not even open or close is given up."""
POLL_S = 0.02
"""Seconds between looks at what the port still has to send."""
FALLBACK_CONSOLE = "/dev/console"
ACTIVE_CONSOLES = "/sys/class/tty/console/active"
_SERIAL_NAME = re.compile(r"(ttyS|ttyAMA|hvc)\d+")


def serial_devices(host: Host) -> "tuple[str, ...]":
    """The serial ports that are consoles of the running kernel; /dev/console if it names none.

    Boot diagnostics records the first serial port. /dev/console alone would not do: it is the last `console=` of the
    kernel's command line, which on many images is the screen.
    """
    try:
        active = host.text(ACTIVE_CONSOLES) or ""
    except HostError:
        active = ""
    ports = tuple(f"/dev/{name}" for name in active.split() if _SERIAL_NAME.fullmatch(name))
    return ports or (FALLBACK_CONSOLE,)


def write_serial(device: str, text: str, timeout: float = SERIAL_TIMEOUT) -> None:
    """Write the lines to a terminal device, each with one write(2). SinkError if not all of them went out in time."""
    lines = [b"\r\n", *(plain(line).encode("ascii") + b"\r\n" for line in text.splitlines())]
    try:
        Guard().call(lambda: _send(device, lines, timeout), timeout + CLOSE_MARGIN, f"writing to {device}")
    except HostError as error:
        raise SinkError(str(error)) from None
    except OSError as error:
        raise SinkError(f"cannot write to {device}: {error.strerror}") from None


def _send(device: str, lines: "list[bytes]", timeout: float) -> None:
    deadline = time.monotonic() + timeout
    port = os.open(device, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not os.isatty(port):
            raise SinkError(f"cannot write to {device}: not a terminal device")
        taken = 0
        while taken < len(lines) and _send_line(port, lines[taken], deadline):
            taken += 1
        if taken < len(lines) or not _drained(port, deadline):
            _drop(port)
            raise SinkError(f"cannot write to {device}: it took {taken} of {len(lines)} lines within {timeout:.1f} s")
    finally:
        os.close(port)


def _send_line(port: int, line: bytes, deadline: float) -> bool:
    """True if the port took the whole line; one write(2) unless the port takes only a part of it."""
    while line:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([], [port], [], left)[1]:
            return False
        with suppress(BlockingIOError):
            line = line[os.write(port, line) :]
    return True


def _drained(port: int, deadline: float) -> bool:
    """True once the kernel's buffer is empty, false if it is not by the deadline."""
    waiting = array.array("i", [0])
    while True:
        fcntl.ioctl(port, termios.TIOCOUTQ, waiting)
        if waiting[0] == 0:
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)


def _drop(port: int) -> None:
    """Throw away what the port did not send: close(2) would wait up to 30 s for it (tty closing_wait)."""
    with suppress(OSError, termios.error):
        termios.tcflush(port, termios.TCOFLUSH)
