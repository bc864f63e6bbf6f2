"""The kernel's routing table, asked over netlink (rtnetlink(7)).

On Azure the routes to the platform's addresses come by DHCP (option 121), and a second NIC, a VPN client or a container
engine may take them over. /proc/net/route does not say which rule or table wins; the kernel's own look-up does.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Optional

from azpreflight.foreign import edge
from azpreflight.host.api import HostError, Outcome, Route

NETLINK_TIMEOUT = 0.5
"""Seconds for one answer: the kernel needs microseconds, the rest is for a machine that is busy booting."""

_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_ROUTE = struct.Struct("=BBBBBBBBI")  # rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags
_ATTRIBUTE = struct.Struct("=HH")  # rtattr: length, type
_MESSAGE_LIMIT = 8192

_NLMSG_ERROR = 2
_RTM_GETROUTE = 26
_NLM_F_REQUEST = 1
_RTM_F_CLONED = 0x200
_RTM_F_LOOKUP_TABLE = 0x1000
"""Tell the table that was asked; without it the kernel says main, whichever it was."""
_RTM_F_FIB_MATCH = 0x2000
"""Answer with the route of the table instead of the one made of it for this address; kernels before 4.13 ignore it."""
_RTA_DST, _RTA_SRC, _RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC, _RTA_TABLE, _RTA_VIA = 1, 2, 4, 5, 7, 15, 18

_NO_WAY = {6: Outcome.UNREACHABLE, 7: Outcome.UNREACHABLE, 8: Outcome.PROHIBITED}
"""Route types blackhole, unreachable and prohibit, which IPv6 answers with; IPv4 answers with an error instead."""
_ORIGINS = {2: "kernel", 3: "boot", 4: "static", 9: "ra", 16: "dhcp"}
"""RTPROT_ numbers of <linux/rtnetlink.h>."""
_REFUSALS = {
    errno.ENETUNREACH: Outcome.UNREACHABLE,
    errno.EHOSTUNREACH: Outcome.UNREACHABLE,
    errno.EINVAL: Outcome.UNREACHABLE,  # a blackhole route
    errno.EACCES: Outcome.PROHIBITED,
}


def route(address: str, timeout: float) -> Route:
    """How the kernel would send to a literal address. HostError if it cannot be asked.

    A connection looks its route up twice, the second time from the source that the first one has chosen, so that rules
    for that source count as well (ip_route_connect() of <net/route.h>).
    """
    try:
        wanted = ipaddress.ip_address(address)
    except ValueError:
        raise HostError(f"{address} is not an address") from None
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
            kernel.settimeout(timeout)
            kernel.bind((0, 0))
            return _look_up_twice(kernel, address, wanted.packed)
    except OSError as error:
        raise HostError(f"cannot ask the kernel for the route to {address}: {error.strerror or error}") from None


def _look_up_twice(kernel: socket.socket, address: str, packed: bytes) -> Route:
    with edge(lambda reason: HostError(f"cannot read the kernel's route to {address}: {reason}"), OSError):
        first = _look_up(kernel, packed, None)
        if len(packed) > 4 or first.outcome is not Outcome.OK or first.source is None:
            return first
        return replace(_look_up(kernel, packed, ipaddress.ip_address(first.source).packed), source=first.source)


def _look_up(kernel: socket.socket, address: bytes, source: Optional[bytes]) -> Route:
    kernel.send(request(address, 0, source))
    answer = kernel.recv(_MESSAGE_LIMIT)
    kernel.send(request(address, _RTM_F_FIB_MATCH | _RTM_F_LOOKUP_TABLE, source))
    return parse(answer, kernel.recv(_MESSAGE_LIMIT))


def request(address: bytes, flags: int, source: Optional[bytes] = None) -> bytes:
    """An RTM_GETROUTE message for a packed address, from another one."""
    family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
    body = _ROUTE.pack(family, len(address) * 8, len(source or b"") * 8, 0, 0, 0, 0, 0, flags)
    for kind, value in ((_RTA_DST, address), (_RTA_SRC, source)):
        body += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value if value else b""
    return _HEADER.pack(_HEADER.size + len(body), _RTM_GETROUTE, _NLM_F_REQUEST, 1, 0) + body


def parse(answer: bytes, match: bytes) -> Route:
    """The route in the kernel's answer; `match` is its answer about the table entry behind it."""
    code = _error(answer)
    if code is not None:
        return Route(_REFUSALS.get(code, Outcome.ERROR))
    kind = _ROUTE.unpack_from(answer, _HEADER.size)[7]
    attributes = dict(_attributes(answer))
    prefix, origin, table = _matched(match)
    interface = attributes.get(_RTA_OIF)
    return Route(
        outcome=_NO_WAY.get(kind, Outcome.OK),
        interface=None if interface is None else _interface_name(int.from_bytes(interface, sys.byteorder)),
        gateway=_address(attributes.get(_RTA_GATEWAY) or attributes.get(_RTA_VIA, b"")[2:]),
        source=_address(attributes.get(_RTA_PREFSRC)),
        prefix=prefix,
        origin=origin,
        table=table,
    )


def _error(message: bytes) -> Optional[int]:
    """The errno in an error message; None for any other message."""
    if _HEADER.unpack_from(message)[1] != _NLMSG_ERROR:
        return None
    return -int(struct.unpack_from("=i", message, _HEADER.size)[0])


def _attributes(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and value of each attribute after the rtmsg header; each is padded to four bytes."""
    at = _HEADER.size + _ROUTE.size
    while at + _ATTRIBUTE.size <= len(message):
        length, kind = _ATTRIBUTE.unpack_from(message, at)
        if length < _ATTRIBUTE.size:
            return
        yield kind, message[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3


def _matched(match: bytes) -> tuple[Optional[str], Optional[str], Optional[int]]:
    """Destination, origin and table of the route that matched; None where the kernel could not say."""
    if _error(match) is not None:
        return None, None, None
    family, length, _, _, table, protocol, _, _, flags = _ROUTE.unpack_from(match, _HEADER.size)
    if flags & _RTM_F_CLONED:
        return None, None, None
    found = dict(_attributes(match))
    anywhere = bytes(4 if family == socket.AF_INET else 16)
    prefix = f"{_address(found.get(_RTA_DST, anywhere))}/{length}"
    whole = int.from_bytes(found.get(_RTA_TABLE, b""), sys.byteorder) or int(table)
    return prefix, _ORIGINS.get(protocol), whole


def _address(packed: Optional[bytes]) -> Optional[str]:
    return str(ipaddress.ip_address(packed)) if packed else None


def _interface_name(index: int) -> Optional[str]:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return None
