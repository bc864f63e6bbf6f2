"""The time source's listener. Behaviours: "answers", "silent", "closed"."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

from azpreflight.standin import ntp
from azpreflight.standin.config import Listener
from azpreflight.standin.servers.web import Log


def serve(listener: Listener, log: Log, clock_s: float) -> int:
    """Listen in a thread of this process; return the port once it is open."""
    if listener.behaviour == "closed":
        return listener.port
    port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port.bind((listener.address, listener.port))
    arguments = (port, listener.behaviour == "silent", log, clock_s)
    threading.Thread(target=_listen, args=arguments, daemon=True).start()
    return int(port.getsockname()[1])


def _listen(port: socket.socket, silent: bool, log: Log, clock_s: float) -> None:
    while True:
        query, client = port.recvfrom(512)
        said = None if silent else ntp.reply(query, time.time() + clock_s)
        log({"service": "ntp", "client": client[0], "answered": said is not None})
        if said is not None:
            with suppress(OSError):
                port.sendto(said, client)
