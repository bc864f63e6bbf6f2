"""An HTTP proxy in the virtual network: tunnels by CONNECT, and forwards plain requests.

Behaviours: "answers"; a status such as "407" or "403" with which it refuses everybody; and "closed", "silent",
"reset" and "garbage" as `web` has them.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

from azpreflight.standin.servers import names, web

PORT = 3128
HEAD_LIMIT = 1 << 16
"""Bytes of a request's head."""
TIMEOUT = 10.0
"""Seconds for a connection onwards, and for a peer that says nothing."""


def serve(address: str, behaviour: str, log: web.Log) -> None:
    """Listen in threads of this process; return once the port is open."""
    if behaviour == "closed":
        return
    broken = web.BROKEN.get(behaviour)
    listener = socket.create_server((address, PORT), backlog=web.BACKLOG)

    def behave(connection: socket.socket) -> None:
        _one(connection, behaviour, log) if broken is None else broken(connection)

    threading.Thread(target=web.accept, args=(listener, behave), daemon=True).start()


def _one(client: socket.socket, behaviour: str, log: web.Log) -> None:
    """One connection: a tunnel, or one forwarded request."""
    client.settimeout(TIMEOUT)
    head, _, rest = _head(client).partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    log({"service": "proxy", "method": method, "target": target})
    if behaviour.isdigit():
        client.sendall(f"HTTP/1.1 {behaviour} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        return
    url = urlsplit(f"//{target}" if method == "CONNECT" else target)
    address = names.address_of(f"{url.hostname}.") or url.hostname or ""
    with socket.create_connection((address, url.port or 80), TIMEOUT) as server:
        if method == "CONNECT":
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            path = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
            kept = [line for line in lines if not line.lower().startswith(("connection:", "proxy-"))]
            via = ["Via: 1.1 standin", "X-Forwarded-For: 10.0.0.4", "Connection: close"]
            server.sendall("\r\n".join((f"{method} {path} HTTP/1.1", *kept, *via, "", "")).encode("latin-1"))
        server.sendall(rest)
        _splice(client, server)


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
