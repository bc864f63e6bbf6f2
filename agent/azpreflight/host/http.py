"""One GET over HTTP or HTTPS, never longer than its deadline, that says how far it came.

The standard library speaks HTTP and TLS; a library beside it costs a quarter of a short run to import. The system's
store of certificates decides, and only a proxy that was asked for is used, because the platform's own addresses must
never be reached through one. Nothing that a server sends is unpacked or read past a limit.
"""

from __future__ import annotations

import errno
import http.client
import re
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Optional
from urllib.parse import urljoin, urlsplit

from azpreflight import __version__
from azpreflight.host import tls
from azpreflight.host.api import NOT_TLS, HttpAnswer, Outcome, TcpAnswer
from azpreflight.host.connection import Asked, Attempt, Deadline, NotConnected, send

CHUNK = 16384
"""Bytes of a body read at once."""
DETAIL_LIMIT = 160
"""Characters of a server's or a library's own words that are kept."""
HEADERS = {
    "User-Agent": f"azpreflight/{__version__}",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
WITHHELD = re.compile(r"^(set-cookie2?|.*auth.*|.*token.*)$")
"""Response headers that may hold a secret."""
OUTCOMES = {
    errno.ECONNREFUSED: Outcome.REFUSED,
    errno.EHOSTUNREACH: Outcome.UNREACHABLE,
    errno.ENETUNREACH: Outcome.UNREACHABLE,
    errno.ENETDOWN: Outcome.UNREACHABLE,
    errno.EADDRNOTAVAIL: Outcome.UNREACHABLE,
    errno.EPERM: Outcome.PROHIBITED,
    errno.EACCES: Outcome.PROHIBITED,
    errno.ECONNRESET: Outcome.RESET,
    errno.ECONNABORTED: Outcome.RESET,
    errno.EPIPE: Outcome.RESET,
    errno.ETIMEDOUT: Outcome.TIMEOUT,
}
PLAIN_TEXT = ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST", "UNKNOWN_PROTOCOL")
"""What OpenSSL says of bytes that are no TLS record; which of these depends on its version and on the bytes."""
WORDS = {Outcome.TIMEOUT: "no answer in time"}
REDIRECTS = (301, 302, 303, 307, 308)
FAILURES = (http.client.HTTPException, OSError, ValueError)
"""What a server, a network or a URL can raise; ValueError is what is said of a bad URL."""


def prepare(url: str) -> None:
    """Load what a request takes long to load before the server's time begins: see `tls.trusting`."""
    if url.lower().startswith("https:"):
        with suppress(OSError):  # a store that cannot be read is an answer of the request itself
            tls.trusting(tls.bundle())


def get(
    url: str,
    timeout: float,
    *,
    headers: Mapping[str, str],
    limit: int,
    address: Optional[str] = None,
    proxy: Optional[str] = None,
    redirects: int = 0,
    segment: Optional[int] = None,
    connect: Optional[float] = None,
    store: Optional[str] = None,
) -> HttpAnswer:
    """See Host.get. `store` is a file of certificates to trust in place of the system's.

    A redirect past the last one allowed is returned as it came, status 3xx.
    """
    began = time.monotonic()
    asked = Asked(url, headers, limit, address, proxy, store or tls.bundle(), segment, connect)
    with Deadline(timeout) as deadline:
        answer, location = _ask(asked, deadline)
        for _ in range(redirects):
            if location is None:
                break
            asked = _redirected(asked, location)
            answer, location = _ask(asked, deadline)
    return replace(answer, duration_s=round(time.monotonic() - began, 4))


def _redirected(asked: Asked, location: str) -> Asked:
    """The request that a redirect leads to; another server gets neither the headers nor the pinned address."""
    url = urljoin(asked.url, location)
    if urlsplit(url)[:2] == urlsplit(asked.url)[:2]:
        return replace(asked, url=url)
    return replace(asked, url=url, headers={}, address=None)


def _ask(asked: Asked, deadline: Deadline) -> tuple[HttpAnswer, Optional[str]]:
    """The answer, and where it redirects to if it does."""
    attempt = Attempt(asked, deadline)
    response: Optional[http.client.HTTPResponse] = None
    body = bytearray()
    outcome, detail = Outcome.OK, None
    unconnected: Optional[TcpAnswer] = None
    try:
        with closing(send(attempt, {**HEADERS, **asked.headers})) as connection:
            response = connection.getresponse()
            _read(response, body, asked.limit)
        if deadline.passed():
            outcome, detail = Outcome.TIMEOUT, "the answer did not end in time"
    except FAILURES as error:
        unconnected = _unconnected(error)
        outcome, detail = _failure(error, deadline)
    bare = HttpAnswer(
        outcome,
        attempt.phase,
        0.0,
        detail=detail,
        address=attempt.peer,
        connected_s=attempt.connected_s,
        issuer=attempt.issuer,
        authorities=attempt.authorities,
        body=bytes(body),
        offender=unconnected.offender if unconnected is not None else None,
        icmp=unconnected.icmp if unconnected is not None else None,
    )
    if response is None:
        return replace(bare, status=_refused_by_proxy(detail)), None
    headers = _merged(response)
    answer = replace(
        bare,
        status=response.status,
        headers=_shown(headers),
        body=bytes(body[: asked.limit]),
        truncated=len(body) > asked.limit or outcome is not Outcome.OK,
        ahead_s=_ahead(headers.get("date")),
    )
    redirects = response.status in REDIRECTS and outcome is Outcome.OK
    return answer, headers.get("location") if redirects else None


def _read(response: http.client.HTTPResponse, body: bytearray, limit: int) -> None:
    """Read up to one byte more than the limit, so that a longer body is known to be longer. Nothing is unpacked."""
    while len(body) <= limit:
        piece = response.read(min(CHUNK, limit + 1 - len(body)))
        if not piece:
            if response.length:  # the standard library takes a body that ends early for a whole one
                raise http.client.IncompleteRead(b"", response.length)
            return
        body += piece


def _merged(response: http.client.HTTPResponse) -> dict[str, str]:
    """The headers by their names in lower case; one that is repeated is a list (RFC 9110, section 5.3)."""
    merged: dict[str, str] = {}
    for name, value in response.getheaders():
        key = name.lower()
        merged[key] = f"{merged[key]}, {value}" if key in merged else value
    return merged


def _shown(headers: Mapping[str, str]) -> dict[str, str]:
    """Without secrets: no cookies, no authentication, no query of a redirect's address."""
    shown = {name: value for name, value in headers.items() if not WITHHELD.match(name)}
    return {name: value.partition("?")[0] if name == "location" else value for name, value in shown.items()}


def _ahead(date: Optional[str]) -> Optional[float]:
    """How far the server's clock is ahead of this one; None for no date or nonsense (RFC 9110, section 5.6.7)."""
    with suppress(TypeError, ValueError, OverflowError):
        return round(parsedate_to_datetime(date or "").timestamp() - time.time(), 1)
    return None


# --- what went wrong ----------------------------------------------------------------------------------------------


def _failure(error: BaseException, deadline: Deadline) -> tuple[Outcome, str]:
    """The outcome that the innermost cause stands for, and a few words."""
    chain = _chain(error)
    unconnected = _unconnected(error)
    if unconnected is not None:
        return unconnected.outcome, unconnected.detail or WORDS.get(unconnected.outcome, "")
    if deadline.passed() or any(isinstance(item, (socket.timeout, TimeoutError)) for item in chain):
        return Outcome.TIMEOUT, "no answer in time"
    for item in reversed(chain):
        if isinstance(item, ssl.SSLCertVerificationError):
            return Outcome.ERROR, f"certificate not trusted: {_words(item.verify_message)}"
        if isinstance(item, (ssl.SSLEOFError, ssl.SSLZeroReturnError, http.client.RemoteDisconnected)):
            return Outcome.RESET, "the connection was closed without an answer"
        if isinstance(item, OSError) and item.errno in OUTCOMES and not isinstance(item, ssl.SSLError):
            return OUTCOMES[item.errno], _words(item.strerror)
    return Outcome.ERROR, _words(_reason(chain[-1]))


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what is behind it, innermost last."""
    chain = [error]
    while chain[-1].__cause__ or chain[-1].__context__:
        chain.append(chain[-1].__cause__ or chain[-1].__context__)  # type: ignore[arg-type]  # one of them is not None
    return chain


def _unconnected(error: BaseException) -> Optional[TcpAnswer]:
    """How the connection failed, if it was not even made."""
    return next((item.answer for item in _chain(error) if isinstance(item, NotConnected)), None)


def _reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError):
        return NOT_TLS if error.reason in PLAIN_TEXT else error.reason or NOT_TLS
    if isinstance(error, http.client.IncompleteRead):
        return "the body ended before its announced length"
    if isinstance(error, http.client.HTTPException) and not isinstance(error, http.client.InvalidURL):
        return f"not HTTP: {type(error).__name__} {error}"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"cannot be asked: {type(error).__name__}"  # the text of such an error may repeat the URL with its secrets


def _words(text: Optional[str]) -> str:
    """Foreign words made fit to print: one line of ASCII, short."""
    line = " ".join((text or "").split()).encode("ascii", "backslashreplace").decode()
    return "".join(char for char in line if char.isprintable())[:DETAIL_LIMIT]


def _refused_by_proxy(detail: Optional[str]) -> Optional[int]:
    """The status with which a proxy refused to open a tunnel, as http.client words it."""
    found = re.match(r"Tunnel connection failed: (\d{3})", detail or "")
    return int(found.group(1)) if found else None
