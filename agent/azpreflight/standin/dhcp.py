"""DHCP as Azure answers it, one VM and one address: RFC 2131, with host routes (option 121, RFC 3442) and option 245.

Option 245 is the address of the wire server (WALinuxAgent, common/dhcp.py). Pure: datagrams in, datagrams out.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Optional

from azpreflight.standin import addresses
from azpreflight.standin.config import Offer

COOKIE = b"\x63\x82\x53\x63"
FIXED = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s")
BOOTREQUEST, BOOTREPLY = 1, 2
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)
NAMES = ("", "DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM")
MASK, ROUTER, SERVERS, DOMAIN, LEASE, TYPE, SERVER, RENEWAL, REBINDING = 1, 3, 6, 15, 51, 53, 54, 58, 59
ROUTES, WIRE_SERVER, WANTED = 121, 245, 50
DOMAIN_NAME = b"standin.ax.internal.cloudapp.net"
SHORTEST = 300
"""Bytes: BOOTP relays drop what is shorter (RFC 1542, 2.1)."""


@dataclass(frozen=True)
class Query:
    """A client's message."""

    kind: int
    transaction: int
    seconds: int
    flags: int
    client: bytes
    """ciaddr: its address, where it has one."""
    hardware: bytes
    """Its MAC address."""
    wanted: bytes
    """The address that it asks for."""

    @property
    def mac(self) -> str:
        """In words."""
        return ":".join(f"{byte:02x}" for byte in self.hardware)


def parse(datagram: bytes) -> Optional[Query]:
    """A client's message; None for whatever is none."""
    if len(datagram) < FIXED.size + len(COOKIE) or datagram[FIXED.size : FIXED.size + 4] != COOKIE:
        return None
    op, _, length, _, transaction, seconds, flags, client, _, _, _, hardware, _, _ = FIXED.unpack_from(datagram)
    options = _options(datagram[FIXED.size + 4 :])
    kind = options.get(TYPE, b"")
    if op != BOOTREQUEST or len(kind) != 1 or kind[0] >= len(NAMES):
        return None
    return Query(kind[0], transaction, seconds, flags, client, hardware[: min(length, 16)], options.get(WANTED, b""))


def _options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while data and data[0] != 255:
        if data[0] == 0:
            data = data[1:]
        elif len(data) < 2:
            break
        else:
            found[data[0]] = data[2 : 2 + data[1]]
            data = data[2 + data[1] :]
    return found


def reply(query: Query, offer: Offer) -> Optional[tuple[int, bytes]]:
    """The kind of the answer and its bytes; None where nothing is to be said.

    Whoever asks is the one VM. An address that it brings along from elsewhere is refused, as on Azure.
    """
    address = IPv4Address(offer.address).packed
    kept = query.wanted or (query.client if any(query.client) else b"")
    if query.kind == DISCOVER:
        return OFFER, _message(query, offer, OFFER, address, lease=True)
    if query.kind == REQUEST and kept in (b"", address):
        return ACK, _message(query, offer, ACK, address, lease=True)
    if query.kind == REQUEST:
        return NAK, _reply(query, bytes(4), _option(TYPE, bytes([NAK])) + _option(SERVER, _packed(offer.wire_server)))
    if query.kind == INFORM:
        return ACK, _message(query, offer, ACK, bytes(4), lease=False)
    return None


def _message(query: Query, offer: Offer, kind: int, address: bytes, lease: bool) -> bytes:
    network = IPv4Network(f"{offer.address}/{offer.prefix_length}", strict=False)
    times = ((LEASE, offer.lease_s), (RENEWAL, offer.lease_s // 2), (REBINDING, offer.lease_s * 7 // 8))
    options = [
        _option(TYPE, bytes([kind])),
        _option(SERVER, _packed(offer.wire_server)),
        *(_option(code, struct.pack("!I", seconds)) for code, seconds in times if lease),
        _option(MASK, network.netmask.packed),
        _option(ROUTER, _packed(offer.gateway)),
        _option(SERVERS, b"".join(map(_packed, offer.dns))) if offer.dns else b"",
        _option(DOMAIN, DOMAIN_NAME),
        _option(ROUTES, _routes(offer)),
        _option(WIRE_SERVER, _packed(offer.wire_server)),
    ]
    return _reply(query, address, b"".join(options))


def _routes(offer: Offer) -> bytes:
    """A client that knows option 121 ignores option 3, so that the default route is in it as well."""
    gateway = _packed(offer.gateway)
    hosts = (_packed(offer.wire_server), _packed(addresses.IMDS))
    return b"".join((b"\0" + gateway, *(b"\x20" + host + gateway for host in hosts)))


def _reply(query: Query, address: bytes, options: bytes) -> bytes:
    ends = (query.client, address, bytes(4), bytes(4))
    head = FIXED.pack(BOOTREPLY, 1, 6, 0, query.transaction, 0, query.flags, *ends, query.hardware, b"", b"")
    return (head + COOKIE + options + b"\xff").ljust(SHORTEST, b"\0")


def _option(code: int, value: bytes) -> bytes:
    return bytes([code, len(value)]) + value


def _packed(address: str) -> bytes:
    return IPv4Address(address).packed
