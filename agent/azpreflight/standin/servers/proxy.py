"""An HTTP proxy in the virtual network: tunnels by CONNECT, and forwards plain requests.

Behaviours: "answers"; a status such as "407" or "403" with which it refuses everybody; and "closed", "silent",
"reset" and "garbage" as `web` has them.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

from azpreflight.standin.config import Listener, Zone
from azpreflight.standin.servers import names, web

HEAD_LIMIT = 1 << 16
"""Bytes of a request's head."""
TIMEOUT = 10.0
"""Seconds for a connection onwards, and for a peer that says nothing."""


def serve(listener: Listener, zone: Zone, log: web.Log) -> int:
    """Listen in threads of this process; return the port once it is open."""
    if listener.behaviour == "closed":
        return listener.port
    broken = web.BROKEN.get(listener.behaviour)
    server = socket.create_server((listener.address, listener.port), backlog=web.BACKLOG)
    proxy = _Proxy(listener.behaviour, zone, log)
    threading.Thread(target=web.accept, args=(server, broken or proxy.one), daemon=True).start()
    return int(server.getsockname()[1])


class _Proxy:
    def __init__(self, behaviour: str, zone: Zone, log: web.Log) -> None:
        self.behaviour, self.zone, self.log = behaviour, zone, log

    def one(self, client: socket.socket) -> None:
        """One connection: a tunnel, or one forwarded request."""
        client.settimeout(TIMEOUT)
        head, _, rest = _head(client).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        self.log({"service": "proxy", "method": method, "target": target})
        if self.behaviour.isdigit():
            refusal = f"HTTP/1.1 {self.behaviour} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            client.sendall(refusal.encode())
            return
        url = urlsplit(f"//{target}" if method == "CONNECT" else target)
        address = names.address_of(f"{url.hostname}.", self.zone) or url.hostname or ""
        with socket.create_connection((address, url.port or 80), TIMEOUT) as server:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                server.sendall(_forwarded(method, url, lines, client.getpeername()[0]))
            server.sendall(rest)
            _splice(client, server)


def _forwarded(method: str, url: SplitResult, lines: Sequence[str], client: str) -> bytes:
    """The head of a plain request as it goes on."""
    path = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    kept = [line for line in lines if not line.lower().startswith(("connection:", "proxy-"))]
    via = ["Via: 1.1 standin", f"X-Forwarded-For: {client}", "Connection: close"]
    return "\r\n".join((f"{method} {path} HTTP/1.1", *kept, *via, "", "")).encode("latin-1")


def _head(client: socket.socket) -> bytes:
    """Everything up to the end of the head, and what came with it."""
    data = b""
    while b"\r\n\r\n" not in data and len(data) < HEAD_LIMIT:
        piece = client.recv(4096)
        if not piece:
            raise OSError("the client has gone")
        data += piece
    return data


def _splice(client: socket.socket, server: socket.socket) -> None:
    """Carry bytes both ways until the server's side has ended."""
    threading.Thread(target=_carry, args=(client, server), daemon=True).start()
    _carry(server, client)


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while True:
            piece = source.recv(65536)
            if not piece:
                break
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
