"""HTTP listeners: well-behaved ones, and the ways in which a server can misbehave."""

from __future__ import annotations

import socket
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Callable, Optional

from azpreflight.foreign import whole
from azpreflight.standin import reports
from azpreflight.standin.config import Listener
from azpreflight.standin.servers import hostile
from azpreflight.standin.services import Request, Response

Answer = Callable[[Request], Response]
Log = Callable[[Mapping[str, object]], None]
BACKLOG = 64
CHUNK_HEAD = 1024
"""Bytes of the line before a piece of a body, at most."""
ENDLESS_PAUSE = 0.01
"""Seconds between the pieces of an endless body: it must outlast any reader without filling the machine's memory."""


class Server(ThreadingHTTPServer):
    """One address and port of one service."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = BACKLOG

    def __init__(self, listener: Listener, answer: Answer, log: Log, clock_s: float) -> None:
        self.part, self.answer, self.log, self.clock_s = listener.part, answer, log, clock_s
        super().__init__((listener.address, listener.port), Handler)

    def server_bind(self) -> None:
        """Without the look for its own name, which would ask a name server."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

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
        """One request: it is in the log before it is answered, with what it reports."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self._body(headers))
        response = self.server.answer(request)
        reported = reports.reported(self.server.part, request)
        self.server.log(
            {
                "service": self.server.part,
                "method": request.method,
                "target": request.target,
                "headers": headers,
                "status": response.status,
                **({} if reported is None else {"reported": reported}),
            }
        )
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if request.method != "HEAD" and response.status != 304:
            self.wfile.write(response.body)

    def _body(self, headers: Mapping[str, str]) -> bytes:
        """Of the length that its header says, or in pieces."""
        if "chunked" not in headers.get("transfer-encoding", "").lower():
            return self.rfile.read(whole(headers.get("content-length", "0")) or 0)
        pieces = []
        while length := int(self.rfile.readline(CHUNK_HEAD).split(b";")[0], 16):
            pieces.append(self.rfile.read(length))
            self.rfile.readline(CHUNK_HEAD)
        self.rfile.readline(CHUNK_HEAD)
        return b"".join(pieces)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer


def serve(
    listener: Listener, answer: Answer, log: Log, *, tls: Optional[ssl.SSLContext] = None, clock_s: float = 0.0
) -> int:
    """Listen in threads of this process, and return the port once it is open (or is to stay closed).

    Behaviours: "answers"; "closed" (no listener); "silent" (connects, then says nothing); "reset" (breaks off);
    "garbage" (not HTTP); "endless" (a body without end); "redirects" (to itself); "hostile KIND", see
    `hostile`; or a status such as "503".
    `clock_s`: seconds by which the server's clock is ahead of this machine's.
    """
    behaviour = listener.behaviour
    if behaviour == "closed":
        return listener.port
    if behaviour.isdigit():
        answer = _constant(Response(int(behaviour), b"not now"))
    if behaviour == "redirects":
        answer = _redirect
    if behaviour.startswith(hostile.PREFIX):
        return _accepting(listener, _hostile(behaviour[len(hostile.PREFIX) :], tls))
    if behaviour in BROKEN:
        return _accepting(listener, BROKEN[behaviour])
    server = Server(listener, answer, log, clock_s)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def _accepting(listener: Listener, behave: Callable[[socket.socket], None]) -> int:
    port = socket.create_server((listener.address, listener.port), backlog=BACKLOG)
    threading.Thread(target=accept, args=(port, behave), daemon=True).start()
    return int(port.getsockname()[1])


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
