"""Questions to name servers, each on a socket of its own, and glibc's own way to a name.

dnspython writes and reads the messages; the sockets are ours, because its own are not connected, so that a closed port
looks like silence there until the time is up. On a connected socket with IP_RECVERR the kernel hands over the ICMP
error, and who sent it, at once.
"""

from __future__ import annotations

import errno
import math
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Optional

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
from dns.flags import TC

from azpreflight.foreign import edge
from azpreflight.host import icmp, programs
from azpreflight.host.api import DnsAnswer, HostError, Outcome

LARGEST = 2 + 65535
"""Bytes of the largest message over TCP, with its length before it."""
MAX_ALIASES = 16
"""CNAMEs followed within one answer; a longer chain is a loop, and resolvers give up on it as well."""
LOOKUP_OUTPUT = 64 << 10
"""Bytes of addresses that are read from glibc's child: more than 1,000 of them."""

_OUR_OWN_LIMITS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
LOOKUP = """
import _socket as socket, sys
try:
    found = socket.getaddrinfo(sys.argv[1], None, type=socket.SOCK_STREAM)
except (OSError, UnicodeError):
    found = []
print(*dict.fromkeys(entry[4][0] for entry in found), sep="\\n")
"""
"""Without `socket`, which takes a third of such a short program to import, for classes that nothing here needs."""


def ask(server: str, name: str, rdtype: str, timeout: float, tcp: bool = False, port: int = 53) -> DnsAnswer:
    """One question to one server; see Host.ask. `server` is a literal address, with a scope where it is link-local.

    Over UDP the question is sent once more at half the time, because a lost packet is no verdict.
    """
    began = time.monotonic()
    answer = _ask(server, name, rdtype, began + timeout, tcp, port)
    return replace(answer, duration_s=round(time.monotonic() - began, 4))


def _ask(server: str, name: str, rdtype: str, deadline: float, tcp: bool, port: int) -> DnsAnswer:
    try:
        query = dns.message.make_query(name, rdtype)
    except (dns.exception.DNSException, UnicodeError) as error:
        return _not_ok(Outcome.ERROR, f"not a name that can be asked for: {type(error).__name__}")
    kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    try:
        family, _, _, _, address = socket.getaddrinfo(server, port, type=kind, flags=socket.AI_NUMERICHOST)[0]
        sock = socket.socket(family, kind)
    except (socket.gaierror, ValueError):
        return _not_ok(Outcome.UNREACHABLE, "neither an address nor one of a link that this machine has")
    except OSError as error:
        return _failure(error, None)
    with sock:
        sock.setblocking(False)
        icmp.listen(sock)
        over: Callable[..., DnsAnswer] = _over_tcp if tcp else _over_udp
        try:
            return over(sock, address, query, deadline)
        except OSError as error:
            return _failure(error, sock)


def resolve(name: str, timeout: float, script: str = LOOKUP) -> tuple[str, ...]:
    """What getaddrinfo(3) makes of a name; see Host.resolve. It has no timeout, hence the child, which is killed.

    `script` is the child's program: it gets the name as its argument and prints the addresses.
    """
    if not name.isprintable():
        return ()
    command = [sys.executable, "-I", "-S", "-c", script, name]
    try:
        done = programs.run(command, timeout, None, None, LOOKUP_OUTPUT)
    except HostError as error:
        raise HostError(f"cannot look up {name} through glibc: {error}") from None
    if done.status != 0:
        raise HostError(f"cannot look up {name} through glibc: exit status {done.status}")
    return tuple(done.stdout.split())


# --- one exchange -------------------------------------------------------------------------------------------------


def _over_udp(sock: socket.socket, address: tuple[Any, ...], query: dns.message.Message, deadline: float) -> DnsAnswer:
    """Ask, ask again at half time, and ignore what does not carry the question's id: it may be forged."""
    wire = query.to_wire()
    sock.connect(address)
    strangers = 0
    for until in (time.monotonic() + (deadline - time.monotonic()) / 2, deadline):
        with _dropped_here():
            sock.send(wire)
        while True:
            seen = _receive(sock, until)
            if seen is None:
                break
            if seen[:2] == wire[:2]:
                return _read(query, seen)
            strangers += 1
    if strangers:
        return _not_ok(Outcome.ERROR, f"only answers with a wrong id came ({strangers})")
    return _not_ok(Outcome.TIMEOUT, None)


@contextmanager
def _dropped_here() -> Iterator[None]:
    """A queue of this machine's own that drops a packet says so by ENOBUFS: to the one who asks it is silence."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOBUFS:
            raise


def _over_tcp(sock: socket.socket, address: tuple[Any, ...], query: dns.message.Message, deadline: float) -> DnsAnswer:
    """Connect, ask, and read one message with its length before it, all before the deadline."""
    wire = query.to_wire()
    code = sock.connect_ex(address)
    if code == errno.EINPROGRESS:
        if not _ready(sock, select.POLLOUT, deadline):
            return _not_ok(Outcome.TIMEOUT, "no connection")
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))
    sock.send(struct.pack("!H", len(wire)) + wire)
    received = b""
    while len(received) < 2 or len(received) < 2 + int.from_bytes(received[:2], "big"):
        piece = _receive(sock, deadline)
        if piece is None:
            return _not_ok(Outcome.TIMEOUT, f"connected, and then {len(received)} bytes of an answer")
        if not piece:
            return _not_ok(Outcome.RESET, f"the connection was closed after {len(received)} bytes of an answer")
        received += piece
    return _read(query, received[2 : 2 + int.from_bytes(received[:2], "big")])


def _receive(sock: socket.socket, until: float) -> Optional[bytes]:
    """What came, or None if nothing did by then. Raises OSError for what the kernel reports."""
    while _ready(sock, select.POLLIN, until):
        try:
            return sock.recv(LARGEST)
        except BlockingIOError:  # a bad checksum, or an entry in the error queue alone: take that out and wait on
            icmp.next_error(sock)
    return None


def _ready(sock: socket.socket, event: int, until: float) -> bool:
    left = until - time.monotonic()
    if left <= 0:
        return False
    poll = select.poll()
    poll.register(sock, event)
    return bool(poll.poll(math.ceil(left * 1000)))


# --- what came back -----------------------------------------------------------------------------------------------


def _read(query: dns.message.Message, wire: bytes) -> DnsAnswer:
    try:
        with edge(ValueError, dns.exception.DNSException):
            return _understood(query, dns.message.from_wire(wire, ignore_trailing=True))
    except (dns.exception.DNSException, ValueError) as error:
        return _not_ok(Outcome.ERROR, f"not a DNS message: {type(error.__cause__ or error).__name__}")


def _understood(query: dns.message.Message, message: dns.message.Message) -> DnsAnswer:
    if not query.is_response(message):
        return _not_ok(Outcome.ERROR, "not an answer to the question that was asked")
    return DnsAnswer(
        outcome=Outcome.OK,
        duration_s=0.0,
        rcode=dns.rcode.to_text(message.rcode()),
        addresses=_addresses(message, query.question[0].name, query.question[0].rdtype),
        truncated=bool(message.flags & TC),
    )


def _addresses(message: dns.message.Message, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> tuple[str, ...]:
    """The addresses at the end of the aliases that begin at `name`, as far as this answer has them."""
    for _ in range(MAX_ALIASES):
        records = message.get_rrset(message.answer, name, dns.rdataclass.IN, rdtype)
        if records is not None:
            return tuple(record.address for record in records)
        alias = message.get_rrset(message.answer, name, dns.rdataclass.IN, dns.rdatatype.CNAME)
        if alias is None:
            return ()
        name = alias[0].target
    return ()


def _not_ok(outcome: Outcome, detail: Optional[str]) -> DnsAnswer:
    return DnsAnswer(outcome=outcome, duration_s=0.0, detail=detail)


def _failure(error: OSError, sock: Optional[socket.socket]) -> DnsAnswer:
    """What the kernel reported, as an answer. HostError where it is this process that has no more room."""
    if error.errno in _OUR_OWN_LIMITS:
        raise HostError(f"cannot ask a name server: {error.strerror}") from None
    reported = icmp.next_error(sock) if sock is not None else None
    if reported is None:
        own = "this machine's own rules forbid to send it"
        return _not_ok(icmp.outcome_of(error), own if error.errno == errno.EPERM else error.strerror)
    return replace(_not_ok(reported.outcome, f"icmp {reported.icmp}"), offender=reported.offender)
