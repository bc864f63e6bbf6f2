"""HTTP listeners: well-behaved ones, and the ways in which a server can misbehave."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Callable, Optional

from tests.netns.servers import hostile
from tests.netns.servers.services import Request, Response

Answer = Callable[[Request], Response]
Log = Callable[[dict[str, object]], None]
BACKLOG = 64
ENDLESS_PAUSE = 0.01
"""Seconds between the pieces of an endless body: it must outlast any reader without filling the machine's memory."""


class Server(ThreadingHTTPServer):
    """One address and port of one service."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = BACKLOG

    def __init__(self, service: str, address: str, port: int, answer: Answer, log: Log, clock_s: float) -> None:
        self.service, self.answer, self.log, self.clock_s = service, answer, log, clock_s
        super().__init__((address, port), Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that breaks off is no news; everything that arrived whole is in the request log."""


class Handler(BaseHTTPRequestHandler):
    """Answers every method through the service's pure function, and logs what was asked."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True
    """As real servers do: else a body waits a round trip for its head to be acknowledged."""
    server: Server

    def date_time_string(self, timestamp: Optional[float] = None) -> str:
        """The Date header, by the server's own clock."""
        return super().date_time_string((timestamp or time.time()) + self.server.clock_s)

    def log_message(self, format: str, *args: object) -> None:
        """The request log replaces it."""

    def answer(self) -> None:
        """One request, with its body read and thrown away."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.rfile.read(int(headers.get("content-length", 0)))
        request = Request(self.command, self.path, headers)
        response = self.server.answer(request)
        self.server.log(
            {
                "service": self.server.service,
                "method": request.method,
                "target": request.target,
                "headers": headers,
                "status": response.status,
            }
        )
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if request.method != "HEAD":
            self.wfile.write(response.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer


def serve(
    service: str,
    address: str,
    port: int,
    answer: Answer,
    log: Log,
    *,
    behaviour: str = "answers",
    tls: Optional[ssl.SSLContext] = None,
    clock_s: float = 0.0,
) -> None:
    """Listen in threads of this process, and return once the port is open (or is to stay closed).

    `behaviour`: "answers"; "closed" (no listener); "silent" (connects, then says nothing); "reset" (breaks off);
    "garbage" (not HTTP); "endless" (a body without end); "redirects" (to itself); "hostile KIND", see `hostile`; or a
    status such as "503".
    `clock_s`: seconds by which the server's clock is ahead of this machine's.
    """
    if behaviour == "closed":
        return
    if behaviour.isdigit():
        answer = _constant(Response(int(behaviour), b"not now"))
    if behaviour == "redirects":
        answer = _redirect
    if behaviour.startswith(hostile.PREFIX):
        listener = socket.create_server((address, port), backlog=BACKLOG)
        kind = behaviour[len(hostile.PREFIX) :]
        threading.Thread(target=accept, args=(listener, _hostile(kind, tls)), daemon=True).start()
        return
    if behaviour in BROKEN:
        listener = socket.create_server((address, port), backlog=BACKLOG)
        threading.Thread(target=accept, args=(listener, BROKEN[behaviour]), daemon=True).start()
        return
    server = Server(service, address, port, answer, log, clock_s)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def _hostile(kind: str, tls: Optional[ssl.SSLContext]) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        if tls is None:
            hostile.answer(connection, kind)
            return
        with tls.wrap_socket(connection, server_side=True) as wrapped:
            hostile.answer(wrapped, kind)

    return behave


def _constant(response: Response) -> Answer:
    return lambda request: response


def _redirect(request: Request) -> Response:
    return Response(302, b"", {"Location": request.target})


def accept(listener: socket.socket, behave: Callable[[socket.socket], None]) -> None:
    """Let every connection meet this behaviour, each in a thread of its own."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_until_broken, args=(connection, behave), daemon=True).start()


def _until_broken(connection: socket.socket, behave: Callable[[socket.socket], None]) -> None:
    with connection, suppress(OSError):
        behave(connection)


def _silent(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _garbage(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(bytes(range(255, 0, -1)) * 16)


def _endless(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n")
    while True:
        connection.sendall(b"<a>" * 1024)
        time.sleep(ENDLESS_PAUSE)


BROKEN = {"silent": _silent, "reset": _reset, "garbage": _garbage, "endless": _endless}
