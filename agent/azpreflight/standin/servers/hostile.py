"""Servers that mean harm, below the level at which a library would still make well-formed answers.

Each kind is what is sent to one connection or question, piece by piece. `web.serve` and `names.serve` know them as the
behaviours "hostile KIND".
"""

from __future__ import annotations

import gzip
import itertools
import socket
import struct
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Callable

PREFIX = "hostile "
PAUSE = 0.2
"""Seconds between the bytes of one that drips: less than any timeout of a read."""
MIB = 1 << 20
OK = b"HTTP/1.1 200 OK\r\n"
XML = b"Content-Type: text/xml\r\n"

Pieces = Callable[[], Iterable[bytes]]


def _whole(*parts: bytes) -> Pieces:
    return lambda: parts


def _body(body: bytes, *headers: bytes, status: bytes = OK) -> Pieces:
    return _whole(status, *(header + b"\r\n" for header in headers), b"Content-Length: %d\r\n\r\n" % len(body), body)


def _for_ever(head: bytes, piece: bytes) -> Pieces:
    return lambda: itertools.chain((head,), itertools.repeat(piece))


def _drips(head: bytes, rest: bytes) -> Pieces:
    def pieces() -> Iterator[bytes]:
        yield head
        for number in itertools.count():
            yield rest[number % len(rest) :][:1]
            time.sleep(PAUSE)

    return pieces


@lru_cache(maxsize=1)
def _bomb() -> bytes:
    return gzip.compress(bytes(200 * MIB), 1)


def _unfolds() -> Iterator[bytes]:
    yield OK + XML + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(_bomb())
    yield _bomb()


CHUNKED = OK + XML + b"Transfer-Encoding: chunked\r\n\r\n"
DEEP = 100_000
HTTP: Mapping[str, Pieces] = {
    "drips its head": _drips(b"", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000),
    "drips headers": _drips(OK, b"X: y\r\n"),
    "drips a body": _drips(OK + XML + b"Content-Length: 1000000\r\n\r\n", b"<a>"),
    "drips chunks": _drips(CHUNKED, b"1\r\na\r\n"),
    "headers without end": _for_ever(OK, b"X-Header: y\r\n" * 1000),
    "a header without end": _for_ever(OK + b"X: ", b"x" * 65536),
    "a status without end": _for_ever(b"HTTP/1.1 200 ", b"x" * 65536),
    "interim answers": _for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "early hints": _for_ever(b"", b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 1000),
    "chunks of a byte": _for_ever(CHUNKED, b"1\r\na\r\n" * 10_000),
    "chunks with extensions": _for_ever(CHUNKED, b"1;" + b"x" * 60_000 + b"\r\na\r\n"),
    "trailers without end": _for_ever(CHUNKED + b"0\r\n", b"X: y\r\n" * 1000),
    "a chunk that is too large": _for_ever(CHUNKED + b"ffffffffffffffff\r\n", b"x" * 65536),
    "a chunk of negative size": _whole(CHUNKED, b"-1\r\naaaa\r\n0\r\n\r\n"),
    "a chunk of no size": _whole(CHUNKED, b"zz\r\naaaa\r\n"),
    "a length without end": _for_ever(OK + XML + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", b"x" * 65536),
    "a negative length": _whole(OK, b"Content-Length: -5\r\n\r\nabc"),
    "two lengths": _whole(OK, b"Content-Length: 3\r\nContent-Length: 100\r\n\r\nabc"),
    "less than its length": _whole(OK, b"Content-Length: 1000\r\n\r\nabc"),
    "a huge body": _for_ever(OK + XML + b"\r\n", b"<a>" * 20_000),
    "a body that unfolds": lambda: _unfolds(),
    "encodings upon encodings": _body(b"x", b"Content-Encoding: " + b", ".join([b"gzip"] * 500)),
    "a broken encoding": _body(b"x" * 1000, b"Content-Encoding: gzip"),
    "redirects to a file": _body(b"", b"Location: file:///etc/shadow", status=b"HTTP/1.1 302 Found\r\n"),
    "redirects far": _body(b"", b"Location: http://a/" + b"@" * 60_000, status=b"HTTP/1.1 302 Found\r\n"),
    "redirects into itself": _body(b"", b"Location: /?x", status=b"HTTP/1.1 307 Again\r\n"),
    "no head": _whole(b"<a>" * 1000),
    "no such version": _whole(b"HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    "no such status": _whole(b"HTTP/1.1 99999 \x1b[2J\r\nContent-Length: 2\r\n\r\nok"),
    "another protocol": _whole(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
    "asks for a password": _body(b"x", b"WWW-Authenticate: Basic realm=\x1b[2J", status=b"HTTP/1.1 401 No\r\n"),
    "escapes": _body(b"<a>\x1b[2J\x9b2J\r\n</a>" * 1000, b"Content-Type: text/\x1b[2J", b"Date: \x1b[2J"),
    "zeros": _body(bytes(MIB // 2)),
    "no text": _body(bytes(range(256)) * 2000),
    "deep XML": _body(b"<a>" * DEEP + b"</a>" * DEEP, b"Content-Type: text/xml"),
    "XML that unfolds": _body(
        b'<!DOCTYPE a [<!ENTITY a "'
        + b"x" * 1000
        + b'">'
        + b"".join(b'<!ENTITY %c "%s">' % (98 + one, b"&%c;" % (97 + one) * 50) for one in range(8))
        + b"]><GoalState>&i;</GoalState>"
    ),
    "XML of another file": _body(b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/shadow">]><GoalState>&a;</GoalState>'),
    "deep JSON": _body(b"[" * DEEP + b"]" * DEEP, b"Content-Type: application/json"),
    "a number without end": _body(b'{"compute": ' + b"9" * 500_000 + b"}", b"Content-Type: application/json"),
    "addresses without end": _body(
        b"<GoalState><Incarnation>1</Incarnation><Container><ContainerId>"
        + b"x" * 400_000
        + b"</ContainerId></Container><ExtensionsConfig>http://"
        + b"@" * 100_000
        + b"</ExtensionsConfig></GoalState>"
    ),
    "a time far away": _body(b"x", b"Date: Fri, 31 Dec 99999999999 23:59:59 GMT"),
}
"""By kind, the pieces of an answer to whatever was asked."""


def answer(connection: socket.socket, kind: str) -> None:
    """Read what is asked, and send this; then wait for the client to go."""
    asked = b""
    while b"\r\n\r\n" not in asked and (piece := connection.recv(65536)):
        asked += piece
    for piece in HTTP[kind]():
        connection.sendall(piece)
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(65536):
        pass


# --- names --------------------------------------------------------------------------------------------------------


def _head(asked: bytes, counts: tuple[int, int, int, int] = (1, 0, 0, 0), flags: int = 0x8180) -> bytes:
    return asked[:2] + struct.pack("!5H", flags, *counts)


def _question(asked: bytes) -> bytes:
    return asked[12 : asked.index(b"\0", 12) + 5]


def _record(data: bytes, kind: int = 1, name: bytes = b"\xc0\x0c", length: int = -1) -> bytes:
    return name + struct.pack("!HHIH", kind, 1, 60, len(data) if length < 0 else length) + data


def _says(*records: bytes, flags: int = 0x8180, count: int = -1) -> Callable[[bytes], Iterator[bytes]]:
    def made(asked: bytes) -> Iterator[bytes]:
        counts = (1, len(records) if count < 0 else count, 0, 0)
        yield _head(asked, counts, flags) + _question(asked) + b"".join(records)

    return made


def _flood(asked: bytes) -> Iterator[bytes]:
    """Answers to what was not asked, as fast as it goes."""
    for number in range(20_000):
        yield struct.pack("!H", number ^ 0x5555) + _head(asked)[2:] + _question(asked)


def _many(asked: bytes) -> Iterator[bytes]:
    yield from _says(*(_record(bytes([10, 0, one >> 8, one & 255])) for one in range(4000)))(asked)


LONG = b"\x3f" + b"a" * 63
NAMES: Mapping[str, Callable[[bytes], Iterable[bytes]]] = {
    "nothing": lambda asked: [b""],
    "one byte": lambda asked: [b"\0"],
    "half a head": lambda asked: [asked[:7]],
    "no text": lambda asked: [bytes(range(256)) * 2],
    "the question": lambda asked: [asked],
    "another question": lambda asked: [_head(asked) + b"\x04evil\0\0\1\0\1"],
    "no question": lambda asked: [_head(asked, (0, 1, 0, 0)) + _record(b"\x0a\0\0\1", name=b"\0")],
    "more records than there are": _says(count=65535),
    "a name that names itself": _says(_record(b"\xc0\x28", 5, name=b"\xc0\x0c"), _record(b"\1" * 4, name=b"\xc0\x28")),
    "a name in a circle": lambda asked: [_head(asked) + b"\xc0\x0e\xc0\x0c\0\1\0\1"],
    "a name beyond the end": _says(_record(b"\1" * 4, name=b"\xff\xff")),
    "a name that is too long": _says(_record(b"\1" * 4, name=LONG * 8 + b"\0")),
    "a name with escapes": _says(_record(b"\x05\x1b[2J\n\0", 5)),
    "aliases in a circle": _says(_record(b"\xc0\x0c", 5)),
    "aliases without end": _says(*(_record(bytes([1, 97 + one % 26, 0]), 5) for one in range(30))),
    "an address of three bytes": _says(_record(b"\1\2\3")),
    "a record longer than the answer": _says(_record(b"\1\2\3\4", length=65535)),
    "no such code": _says(flags=0x818F),
    "no answer at all": _says(flags=0x0100),
    "another operation": _says(flags=0xF980),
    "thousands of addresses": _many,
    "this machine": _says(_record(b"\x7f\0\0\1")),
    "everybody": _says(_record(b"\xff\xff\xff\xff")),
    "nobody": _says(_record(b"\0\0\0\0")),
    "cut, over TCP too": _says(flags=0x8380),
    "a flood": _flood,
    "itself again and again": lambda asked: itertools.repeat(asked, 5000),
}
"""By kind, the messages that answer a question; over TCP each with its length."""
STREAMS: Mapping[str, Callable[[bytes], Iterable[bytes]]] = {
    "drips": lambda asked: _drips(b"\xff\xff", b"x")(),
    "a length and no more": lambda asked: [b"\xff\xff"],
    "no length": lambda asked: [b"\0\0" * 1000],
    "without end": lambda asked: itertools.repeat(b"\0\1x" * 10_000),
}
"""By kind, what is sent over TCP to one that is told over UDP that the answer is cut."""


def serve_names(address: str, port: int, kind: str) -> int:
    """Listen, UDP and TCP, in threads of this process; return the port."""
    tcp = socket.create_server((address, port), backlog=64)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((address, int(tcp.getsockname()[1])))
    threading.Thread(target=_datagrams, args=(udp, kind), daemon=True).start()
    threading.Thread(target=_streams, args=(tcp, kind), daemon=True).start()
    return int(tcp.getsockname()[1])


def _datagrams(listener: socket.socket, kind: str) -> None:
    made = NAMES.get(kind) or _says(flags=0x8380)
    while True:
        asked, client = listener.recvfrom(4096)
        threading.Thread(target=_send_all, args=(listener, made, asked, client), daemon=True).start()


def _send_all(
    listener: socket.socket, made: Callable[[bytes], Iterable[bytes]], asked: bytes, client: tuple[str, int]
) -> None:
    with suppress(OSError, ValueError):
        for message in made(asked):
            listener.sendto(message, client)


def _streams(listener: socket.socket, kind: str) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_stream, args=(connection, kind), daemon=True).start()


def _stream(connection: socket.socket, kind: str) -> None:
    with connection, suppress(OSError, ValueError):
        asked = connection.recv(65536)[2:]
        for message in NAMES[kind](asked) if kind in NAMES else STREAMS[kind](asked):
            connection.sendall((struct.pack("!H", len(message)) if kind in NAMES else b"") + message)
        while connection.recv(65536):
            pass
