"""DNS listeners: the platform's own resolver, and the customer's servers with what can be wrong with them.

Behaviours: "answers", "silent", "refused", "servfail", "nxdomain", "empty" (no records), "lies" (one address for
everything), "truncated" (over UDP; whole over TCP), "truncated-udp-only", "wrong-id", "udp-only", "tcp-only", "slow"
(answers after half a second), "no-aaaa" (silent when asked for IPv6 addresses), "now-and-then" (silent to half of the
questions over UDP), "waits" (silent for all names but those that it knows by itself not to exist), "unproven"
(SERVFAIL with the address in it, as systemd-resolved answers what does not validate), "denies SUFFIX" (as "answers",
and no name with this ending exists, as of a private zone without the record), "points ADDRESS SUFFIX" (as "answers",
and names with this ending have this address, as of a private zone), "wildcard SUFFIX" (as "answers", and every name
with this ending has one address), "loses" (silent to three of four
questions, over UDP and over TCP), and "forwards ADDRESS" (passes on what that server says, and its silence, as a
local resolver does). "closed" is an address without a listener; "hostile KIND" see `hostile`.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Callable, Optional

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from azpreflight.standin import addresses
from azpreflight.standin.config import Listener, Zone
from azpreflight.standin.extension import STORE_HOSTS
from azpreflight.standin.servers import hostile

Log = Callable[[Mapping[str, object]], None]
TTL = 60
LIE = "198.51.100.9"
SLOW = 0.5
"""Seconds: half of what a patient client grants, and far more than a resolver in the same network needs."""
FORWARD_TIMEOUT = 5.0
"""Seconds that a local resolver waits for the server behind it."""

BLOB_SUFFIX = ".blob.core.windows.net."
"""There are only the accounts of the documents: a storage account that does not exist has no name either."""
PUBLIC_SUFFIXES = (
    ".windows.net.",
    ".windows.com.",
    ".ntp.org.",
    ".azure.com.",
    ".azure.net.",
    ".microsoft.com.",
    ".microsoftonline.com.",
    ".opinsights.azure.com.",
    ".windowsupdate.com.",
    ".ubuntu.com.",
    ".example.org.",
    ".digicert.com.",
)
RCODES = {"refused": dns.rcode.REFUSED, "servfail": dns.rcode.SERVFAIL, "nxdomain": dns.rcode.NXDOMAIN}


def address_of(name: str, zone: Zone) -> Optional[str]:
    """The IPv4 address of a public name, None if there is no such name. Nothing here has an IPv6 address."""
    name = name.lower()
    if name.endswith(BLOB_SUFFIX):
        return zone.store if name.rstrip(".") in STORE_HOSTS else None
    return zone.public if f".{name}".endswith(PUBLIC_SUFFIXES) else None


def reply(query: dns.message.Message, behaviour: str, transport: str, zone: Zone) -> dns.message.Message:
    """The answer to one query of one question. Pure."""
    response = dns.message.make_response(query, recursion_available=True)
    question = query.question[0]
    if behaviour in RCODES:
        response.set_rcode(RCODES[behaviour])
        return response
    if behaviour in ("truncated", "truncated-udp-only") and transport == "udp":
        response.flags |= dns.flags.TC
        return response
    if behaviour == "unproven":
        response.set_rcode(dns.rcode.SERVFAIL)
    if behaviour.startswith("denies ") and str(question.name).endswith(behaviour.partition(" ")[2]):
        response.set_rcode(dns.rcode.NXDOMAIN)
        return response
    caught = behaviour.startswith("wildcard ") and str(question.name).endswith(behaviour.partition(" ")[2])
    address = LIE if behaviour == "lies" or caught else address_of(str(question.name), zone)
    if behaviour.startswith("points ") and address is not None:
        _, private, suffix = behaviour.split(" ")
        address = private if str(question.name).endswith(suffix) else address
    if address is None:
        response.set_rcode(dns.rcode.NXDOMAIN if behaviour != "unproven" else dns.rcode.SERVFAIL)
    elif question.rdtype == dns.rdatatype.A and behaviour != "empty":
        response.answer.append(dns.rrset.from_text(question.name, TTL, "IN", "A", address))
    if behaviour == "wrong-id":
        response.id ^= 0xFFFF
    return response


def silent(query: dns.message.Message, behaviour: str, transport: str) -> bool:
    """Whether this question stays without an answer. Pure: one that is sent again meets the same."""
    question = query.question[0]
    if behaviour == "tcp-only":
        return transport == "udp"
    if behaviour == "no-aaaa":
        return question.rdtype == dns.rdatatype.AAAA
    if behaviour == "now-and-then":
        return transport == "udp" and zlib.crc32(f"{question.name} {question.rdtype}".encode()) % 2 == 0
    if behaviour == "loses":
        return zlib.crc32(f"{question.name} {question.rdtype} {transport}".encode()) % 4 != 0
    if behaviour == "waits":
        return not str(question.name).endswith(".invalid.")
    return behaviour == "silent"


def serve(listener: Listener, zone: Zone, log: Log) -> int:
    """Listen, UDP and TCP, in threads of this process; return the port once it is open."""
    if listener.behaviour == "closed":
        return listener.port
    if listener.behaviour.startswith(hostile.PREFIX):
        return hostile.serve_names(listener.address, listener.port, listener.behaviour[len(hostile.PREFIX) :])
    tcp = None
    if listener.behaviour not in ("udp-only", "truncated-udp-only"):
        tcp = socket.create_server((listener.address, listener.port), backlog=64)
    port = listener.port if tcp is None else int(tcp.getsockname()[1])
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((listener.address, port))
    server = _Server(listener, zone, log)
    threading.Thread(target=server.udp, args=(udp,), daemon=True).start()
    if tcp is not None:
        threading.Thread(target=server.tcp, args=(tcp,), daemon=True).start()
    return int(udp.getsockname()[1])


def forward(wire: bytes, upstream: str) -> Optional[bytes]:
    """What the server behind this one says, None if nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as onwards, suppress(OSError):
        onwards.settimeout(FORWARD_TIMEOUT)
        onwards.connect((upstream, addresses.DNS))
        onwards.send(wire)
        return onwards.recv(4096)
    return None


class _Server:
    def __init__(self, listener: Listener, zone: Zone, log: Log) -> None:
        self.address, self.behaviour, self.zone, self.log = listener.address, listener.behaviour, zone, log

    def answer(self, wire: bytes, transport: str) -> Optional[bytes]:
        """The reply to a message, None where nothing is to be said."""
        if self.behaviour.startswith("forwards "):
            return forward(wire, self.behaviour.partition(" ")[2])
        query = dns.message.from_wire(wire)
        quiet = silent(query, self.behaviour, transport)
        response = None if quiet else reply(query, self.behaviour, transport, self.zone)
        self.log(
            {
                "service": "dns",
                "server": self.address,
                "transport": transport,
                "name": str(query.question[0].name),
                "type": dns.rdatatype.to_text(query.question[0].rdtype),
                "rcode": None if response is None else dns.rcode.to_text(response.rcode()),
            }
        )
        if self.behaviour == "slow":
            time.sleep(SLOW)
        return None if response is None else response.to_wire()

    def udp(self, listener: socket.socket) -> None:
        while True:
            wire, client = listener.recvfrom(4096)
            threading.Thread(target=self._udp_one, args=(listener, wire, client), daemon=True).start()

    def _udp_one(self, listener: socket.socket, wire: bytes, client: tuple[str, int]) -> None:
        with suppress(OSError, dns.exception.DNSException):
            answer = self.answer(wire, "udp")
            if answer is not None:
                listener.sendto(answer, client)

    def tcp(self, listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self._tcp_one, args=(connection,), daemon=True).start()

    def _tcp_one(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, dns.exception.DNSException, struct.error):
            connection.settimeout(10)
            while True:
                (length,) = struct.unpack("!H", _exactly(connection, 2))
                answer = self.answer(_exactly(connection, length), "tcp")
                if answer is not None:
                    connection.sendall(struct.pack("!H", len(answer)) + answer)


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise OSError("the client has gone")
        data += piece
    return data
