"""Servers on the loopback that answer, misbehave, or say nothing."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Callable, Optional

from azpreflight.host import HttpAnswer, Outcome, http

TIMEOUT = 10.0
"""Seconds that a request in these tests may take; the servers are on this machine, which may be busy."""
IN_VAIN = 1.0
"""The same for one that is not answered."""
SLACK = 2.0
"""Seconds that a busy machine may add."""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

Serve = Callable[[socket.socket], None]


@contextmanager
def server(serve: Serve, context: Optional[ssl.SSLContext] = None) -> Iterator[int]:
    """A port of 127.0.0.1 on which `serve` is called, in a thread, with each connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def handle(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                wrapped = context.wrap_socket(connection, server_side=True) if context else connection
                with wrapped:
                    serve(wrapped)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=handle, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def request(connection: socket.socket) -> bytes:
    """The head of the request, read to its end; of a TLS handshake, which has none, the first piece."""
    head = b""
    while not head.endswith(b"\r\n\r\n") and not head.startswith(b"\x16"):
        piece = connection.recv(4096)
        if not piece:
            break
        head += piece
    return head


def answering(answer: bytes, seen: Optional[list[bytes]] = None) -> Serve:
    """Serves this answer to every request, and keeps the requests in `seen`."""

    def serve(connection: socket.socket) -> None:
        head = request(connection)
        if seen is not None:
            seen.append(head)
        connection.sendall(answer)

    return serve


def endless(piece: bytes, pause: float = 0.0, head: bytes = b"") -> Serve:
    """Serves `head`, then this piece again and again."""

    def serve(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(head)
        while True:
            connection.sendall(piece)
            time.sleep(pause)

    return serve


def silent(connection: socket.socket) -> None:
    """Takes the request, says nothing."""
    while connection.recv(4096):
        pass


def resetting(connection: socket.socket) -> None:
    """Breaks the connection off with a RST."""
    request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def get(url: str, timeout: float = TIMEOUT, **kw: Any) -> HttpAnswer:
    """One request, which must end in its time."""
    began = time.monotonic()
    answer = http.get(url, timeout, headers=kw.pop("headers", {}), limit=kw.pop("limit", 1000), **kw)
    assert time.monotonic() - began < timeout + SLACK
    assert len((answer.detail or "").splitlines()) <= 1
    return answer


def patience(outcome: Outcome) -> float:
    """Seconds to wait for an outcome."""
    return IN_VAIN if outcome is Outcome.TIMEOUT else TIMEOUT
