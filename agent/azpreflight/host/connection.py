"""The connection under a request: opened by us, so that the phase that fails is known, and broken off in time.

The standard library has timeouts for one read only, so a server that sends a byte a second keeps it busy for ever. It
is given a socket that is connected and, for https, has TLS; the way there is gone step by step.
"""

from __future__ import annotations

import errno
import http.client
import ipaddress
import math
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from threading import Lock, Timer
from typing import NamedTuple, Optional
from urllib.parse import quote, urlsplit

from azpreflight.dataclass import dataclass
from azpreflight.host import network, tls
from azpreflight.host.api import HostError, Phase, TcpAnswer
from azpreflight.host.deadline import Guard

_RESOLVER = Guard()
TUNNEL_ANSWER_LIMIT = 1 << 13
"""Bytes of a proxy's answer to CONNECT; squid's has 40."""
PORTS = {"http": 80, "https": 443}
PLAIN = "!#$%&'()*+,/:;=?@[]~"
"""Characters of a URL that are sent as they are (RFC 3986), besides letters, digits and the like."""


@dataclass(frozen=True)
class Asked:
    """One request of a `get`, which may take several where it is redirected."""

    url: str
    headers: Mapping[str, str]
    limit: int
    address: Optional[str]
    proxy: Optional[str]
    store: Optional[str]
    segment: Optional[int] = None
    connect: Optional[float] = None
    """Seconds for a connection; None: as long as there is time."""


class NotConnected(OSError):
    """No connection was made; `answer` says how that went."""

    def __init__(self, answer: TcpAnswer) -> None:
        super().__init__(answer.detail or answer.outcome.value)
        self.answer = answer


class Deadline:
    """Breaks off every socket of a request when the time is up, whatever the server does."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds
        self._lock = Lock()
        self._watched: list[socket.socket] = []
        self._timer = Timer(seconds, self._break_off)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for sock in self._watched:
                sock.close()
            self._watched.clear()

    def left(self) -> float:
        """Seconds left, and never nothing, because 0 means "do not block" to a socket."""
        return max(self._at - time.monotonic(), 0.001)

    def passed(self) -> bool:
        return time.monotonic() >= self._at

    def watch(self, sock: socket.socket) -> None:
        """A duplicate is kept, because TLS takes the descriptor of the original away."""
        with self._lock:
            self._watched.append(sock.dup())
        if self.passed():
            self._break_off()

    def _break_off(self) -> None:
        with self._lock:
            for sock in self._watched:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)


class Attempt:
    """How far one request came."""

    def __init__(self, asked: Asked, deadline: Deadline) -> None:
        self.asked, self.deadline = asked, deadline
        self.phase = Phase.DNS
        self.peer: Optional[str] = None
        self.connected_s: Optional[float] = None
        self.issuer: Optional[str] = None
        self.authorities: tuple[str, ...] = ()

    def open(self, host: str, port: int) -> socket.socket:
        """A connected socket; OSError with the phase set to the one that failed."""
        proxied = self.asked.proxy is not None
        self.phase = Phase.PROXY if proxied else Phase.DNS
        addresses = [self.asked.address] if self.asked.address and not proxied else self._resolve(host, port)
        self.phase = Phase.PROXY if proxied else Phase.TCP
        sock = self._connect(addresses, port)
        sock.settimeout(self.deadline.left())
        self.deadline.watch(sock)
        return sock

    def _resolve(self, host: str, port: int) -> list[str]:
        """Addresses by glibc, which has no timeout; a literal address is its own."""
        with suppress(ValueError):
            return [str(ipaddress.ip_address(host.strip("[]")))]
        try:
            found = _RESOLVER.call(
                lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM),
                self.deadline.left(),
                f"resolving {host}",
            )
        except HostError as error:
            raise TimeoutError(errno.ETIMEDOUT, str(error)) from None
        return [str(address[0]) for _, _, _, _, address in found]

    def _connect(self, addresses: list[str], port: int) -> socket.socket:
        """The first address that connects; each may take its share of the time that is left."""
        for number, address in enumerate(addresses):
            share = min(self.deadline.left() / (len(addresses) - number), self.asked.connect or math.inf)
            self.peer = address
            try:
                return self._connect_one(address, port, share)
            except OSError:
                if number + 1 == len(addresses):
                    raise
        raise OSError(errno.EADDRNOTAVAIL, "no address")

    def _connect_one(self, address: str, port: int, timeout: float) -> socket.socket:
        began = time.monotonic()
        try:
            answer, sock = network.opened(address, port, timeout, self.asked.segment)
        except HostError as error:
            raise OSError(errno.EMFILE, str(error)) from None
        if sock is None:
            raise NotConnected(answer)
        self.connected_s = round(time.monotonic() - began, 4)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a request waits for the handshake's last ACK
        return sock

    def look(self, host: str, port: int, through: Optional[tuple[str, int]] = None) -> None:
        """Learn the issuer of a certificate that was not trusted, by a second handshake after which nothing is sent.

        `through` is the proxy, if there is one.
        """
        with suppress(OSError), self.open(*(through or (host, port))) as plain:
            plain.settimeout(self.deadline.left())
            if through is not None:
                _ask_for_tunnel(plain, f"{host}:{port}")
            with tls.looking().wrap_socket(plain, server_hostname=host) as sock:
                self.issuer = tls.issuer_of_der(sock.getpeercert(binary_form=True) or b"")
        self.phase = Phase.TLS


class Target(NamedTuple):
    """Where a request goes, by its URL."""

    secure: bool
    host: str
    port: int
    path: str
    """With the query, as it is sent."""

    @property
    def place(self) -> str:
        """HOST:PORT."""
        return f"{_bracketed(self.host)}:{self.port}"

    @property
    def name(self) -> str:
        """The same, without the port that the scheme implies (RFC 9110, section 7.2)."""
        usual = self.port == PORTS["https" if self.secure else "http"]
        return _bracketed(self.host) if usual else self.place


def target(url: str) -> Target:
    """ValueError for a URL of another scheme, or of none; its text does not repeat the URL."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("not an address of a web server")
    path = quote(parts.path or "/", PLAIN) + (f"?{quote(parts.query, PLAIN)}" if parts.query else "")
    port = PORTS[parts.scheme] if parts.port is None else parts.port
    return Target(parts.scheme == "https", parts.hostname, port, path)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def send(attempt: Attempt, headers: Mapping[str, str]) -> http.client.HTTPConnection:
    """The one request of this attempt, sent; what fails raises as the socket, TLS or http.client has it."""
    asked, to = attempt.asked, target(attempt.asked.url)
    via = target(asked.proxy) if asked.proxy is not None else None
    if via is not None and via.secure:
        raise ValueError("not a proxy that is asked without TLS")
    sock = attempt.open(*((via.host, via.port) if via is not None else (to.host, to.port)))
    if to.secure:
        sock = _secured(attempt, sock, to, via)
    attempt.phase = Phase.HTTP
    connection = http.client.HTTPConnection(to.host, to.port)
    connection.sock = sock
    connection.auto_open = 0
    absolute = via is not None and not to.secure
    connection.request(
        "GET", f"http://{to.name}{to.path}" if absolute else to.path, headers={"Host": to.name, **headers}
    )
    return connection


def _secured(attempt: Attempt, sock: socket.socket, to: Target, via: Optional[Target]) -> socket.socket:
    """TLS with the server, through the proxy where there is one."""
    if via is not None:
        _ask_for_tunnel(sock, to.place)
    attempt.phase = Phase.TLS
    try:
        secured = tls.trusting(attempt.asked.store).wrap_socket(sock, server_hostname=to.host)
    except ssl.SSLCertVerificationError:
        attempt.look(to.host, to.port, (via.host, via.port) if via is not None else None)
        raise
    certificate = secured.getpeercert() or {}
    attempt.issuer = tls.issuer_of_verified(certificate)
    attempt.authorities = tls.authorities_of_verified(certificate)
    return secured


def _ask_for_tunnel(sock: socket.socket, place: str) -> None:
    """CONNECT (RFC 9110, section 9.3.6). OSError where the proxy refuses, HTTPException for what is no answer."""
    sock.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
    answer = b""
    while not answer.endswith((b"\r\n\r\n", b"\n\n")) and len(answer) < TUNNEL_ANSWER_LIMIT:
        piece = sock.recv(1)  # a byte at a time: what follows belongs to TLS
        if not piece:
            raise http.client.RemoteDisconnected("no tunnel")
        answer += piece
    version, _, rest = answer.split(b"\n", 1)[0].decode("latin-1").strip().partition(" ")
    status, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/") or not status.isdigit():
        raise http.client.BadStatusLine(f"{version} {rest}")
    if not status.startswith("2"):
        raise OSError(f"Tunnel connection failed: {status} {reason}")
