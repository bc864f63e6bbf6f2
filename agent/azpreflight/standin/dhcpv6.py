"""IPv6 as a dual-stack virtual network gives it: a router that says "ask DHCPv6", and one address by DHCPv6 (RFC 8415).

Azure's VMs get their IPv6 address by DHCPv6 alone (Microsoft Learn, "Configure DHCPv6 for Linux VMs"). Pure: datagrams
in, datagrams out.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Optional

from azpreflight.standin.config import Offer

SOLICIT, ADVERTISE, REQUEST, CONFIRM, RENEW, REBIND, REPLY, RELEASE, DECLINE = range(1, 10)
INFORMATION = 11
NAMES = {
    SOLICIT: "SOLICIT",
    ADVERTISE: "ADVERTISE",
    REQUEST: "REQUEST",
    CONFIRM: "CONFIRM",
    RENEW: "RENEW",
    REBIND: "REBIND",
    REPLY: "REPLY",
    RELEASE: "RELEASE",
    DECLINE: "DECLINE",
    INFORMATION: "INFORMATION-REQUEST",
}
CLIENT_ID, SERVER_ID, ASSOCIATION, ADDRESS, STATUS, RAPID = 1, 2, 3, 5, 13, 14
SERVER = b"\x00\x03\x00\x01\x12\x34\x56\x78\x9a\xbc"
"""The server's own identifier: of its hardware (RFC 8415, 11.4)."""
GIVES = (SOLICIT, REQUEST, RENEW, REBIND)
ROUTER_ADVERTISEMENT, HOPS, MANAGED, ROUTER_S = 134, 64, 0xC0, 1800


@dataclass(frozen=True)
class Query:
    """A client's message."""

    kind: int
    transaction: bytes
    client: bytes
    """Its identifier, as it is sent back."""
    association: Optional[bytes]
    """Of the address that it asks for; None: it asks for none."""
    rapid: bool
    """It takes an address without a second message."""


def parse(datagram: bytes) -> Optional[Query]:
    """A client's message; None for whatever is none."""
    if len(datagram) < 4 or datagram[0] not in NAMES or datagram[0] in (ADVERTISE, REPLY):
        return None
    options = _options(datagram[4:])
    association = options.get(ASSOCIATION, b"")[:4]
    return Query(
        datagram[0],
        datagram[1:4],
        options.get(CLIENT_ID, b""),
        association if len(association) == 4 else None,
        RAPID in options,
    )


def _options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while len(data) >= 4:
        code, length = struct.unpack_from("!HH", data)
        found[code] = data[4 : 4 + length]
        data = data[4 + length :]
    return found


def reply(query: Query, offer: Offer) -> Optional[tuple[int, bytes]]:
    """The kind of the answer and its bytes; None where nothing is to be said."""
    if not query.client or query.kind == DECLINE:
        return None
    kind = ADVERTISE if query.kind == SOLICIT and not query.rapid else REPLY
    options = [_option(CLIENT_ID, query.client), _option(SERVER_ID, SERVER)]
    if query.kind in GIVES and query.association is not None:
        options.append(_option(ASSOCIATION, _association(query.association, offer)))
    if query.kind == SOLICIT and query.rapid:
        options.append(_option(RAPID, b""))
    if query.kind in (CONFIRM, RELEASE):
        options.append(_option(STATUS, bytes(2)))
    return kind, bytes([kind]) + query.transaction + b"".join(options)


def gives(query: Query, kind: int) -> bool:
    """With this answer the client has its address."""
    return kind == REPLY and query.kind in GIVES and query.association is not None


def _association(name: bytes, offer: Offer) -> bytes:
    lease = offer.lease_s
    address = IPv6Address(offer.address_ipv6).packed + struct.pack("!II", lease, lease)
    return name + struct.pack("!II", lease // 2, lease * 7 // 8) + _option(ADDRESS, address)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("!HH", code, len(value)) + value


def router_advertisement() -> bytes:
    """A default route, and that DHCPv6 has addresses; no prefix (RFC 4861, 4.2). The kernel adds the checksum."""
    return struct.pack("!BBHBBHII", ROUTER_ADVERTISEMENT, 0, 0, HOPS, MANAGED, ROUTER_S, 0, 0)
