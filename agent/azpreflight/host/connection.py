"""The connection under a request: opened by us, so that the phase that fails is known, and broken off in time.

requests reports any failure in words and has timeouts for one read only, so a server that sends a byte a second keeps
it busy for ever. Its extension points (an adapter with connection pools of one's own) let this module open the socket.
"""

from __future__ import annotations

import errno
import ipaddress
import math
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from threading import Lock, Timer
from typing import Any, Optional

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from azpreflight.dataclass import dataclass
from azpreflight.host import network, tls
from azpreflight.host.api import HostError, Phase, TcpAnswer
from azpreflight.host.deadline import Guard

_RESOLVER = Guard()
TUNNEL_ANSWER_LIMIT = 1 << 13
"""Bytes of a proxy's answer to CONNECT; squid's has 40."""


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
        try:
            answer, sock = network.opened(address, port, timeout, self.asked.segment)
        except HostError as error:
            raise OSError(errno.EMFILE, str(error)) from None
        if sock is None:
            raise NotConnected(answer)
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


def _whom(connection: HTTPSConnection) -> tuple[str, int, Optional[tuple[str, int]]]:
    """The server that a connection is for, and the proxy through which."""
    own = connection.host, connection.port or 443
    server: Optional[str] = getattr(connection, "_tunnel_host", None)
    if server is None:
        return (*own, None)
    return server, getattr(connection, "_tunnel_port", None) or 443, own


def _ask_for_tunnel(sock: socket.socket, place: str) -> None:
    """CONNECT (RFC 9110, section 9.3.6), which this proxy has granted once already."""
    sock.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n") and len(answer) < TUNNEL_ANSWER_LIMIT:
        piece = sock.recv(1)  # a byte at a time: what follows belongs to TLS
        if not piece:
            raise OSError(errno.ECONNRESET, "no tunnel")
        answer += piece


def _pools(attempt: Attempt) -> dict[str, Any]:
    """Connection pools whose connections are opened by this attempt."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            """urllib3 overlooks a reset while it sends, and would go on without the socket of one while it connects."""
            try:
                return attempt.open(self.host, self.port or 80)
            except OSError as error:
                raise urllib3.exceptions.NewConnectionError(self, "no connection") from error

        def connect(self) -> None:
            super().connect()
            attempt.phase = Phase.HTTP

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            sock = attempt.open(self.host, self.port or 443)
            attempt.phase = Phase.PROXY if attempt.asked.proxy else Phase.TLS
            return sock

        def _tunnel(self) -> None:
            super()._tunnel()
            attempt.phase = Phase.TLS

        def connect(self) -> None:
            try:
                super().connect()
            except ssl.SSLCertVerificationError:
                attempt.look(*_whom(self))
                raise
            certificate = self.sock.getpeercert() or {}  # type: ignore[union-attr]  # it is connected
            attempt.issuer = tls.issuer_of_verified(certificate)
            attempt.authorities = tls.authorities_of_verified(certificate)
            attempt.phase = Phase.HTTP

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


class _Adapter(HTTPAdapter):
    """Puts an attempt's connections and the system's CA store in the place of the library's own."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        secure = attempt.asked.url.lower().startswith("https:")
        self._context: dict[str, Any] = {"ssl_context": tls.trusting(attempt.asked.store)} if secure else {}
        super().__init__(max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **self._context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._attempt)

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **self._context, **kwargs)
        manager.pool_classes_by_scheme = _pools(self._attempt)
        return manager

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """The context decides; the library would add its own bundle here."""
        conn.cert_reqs = "CERT_REQUIRED"


def session(attempt: Attempt) -> requests.Session:
    """For the one request of this attempt. No proxy, password or CA bundle of the environment is used."""
    session = requests.Session()
    session.trust_env = False
    adapter = _Adapter(attempt)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session
