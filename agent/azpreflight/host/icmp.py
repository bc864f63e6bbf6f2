"""The ICMP error behind a failed send or connect, and who sent it.

A firewall's "administratively prohibited" and a dead host both give EHOSTUNREACH; only the socket's error queue
(IP_RECVERR, ip(7)) tells them apart, and it names the router, appliance or rule that said so. No privilege is needed.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host.api import Outcome

_RECVERR = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
"""IP_RECVERR and IPV6_RECVERR of linux/in.h and linux/in6.h, which Python's socket module does not name."""
_EXTENDED_ERROR = struct.Struct("@IBBBBII")
"""struct sock_extended_err of linux/errqueue.h: errno, origin, type, code, padding, info, data. The sender follows."""
_ICMP, _ICMP6 = 2, 3
"""SO_EE_ORIGIN_ICMP and SO_EE_ORIGIN_ICMP6."""
_PORT_CLOSED = ((_ICMP, 3, 3), (_ICMP6, 1, 4))
_PROHIBITED = ((_ICMP, 3, 9), (_ICMP, 3, 10), (_ICMP, 3, 13), (_ICMP6, 1, 1), (_ICMP6, 1, 5), (_ICMP6, 1, 6))
"""RFC 1812 section 5.2.7.1 and RFC 4443 section 3.1: codes by which a firewall says no."""
_OUTCOMES = {
    errno.ECONNREFUSED: Outcome.REFUSED,
    errno.EPERM: Outcome.PROHIBITED,  # a rule of this machine dropped it on its way out
    errno.EACCES: Outcome.PROHIBITED,  # a prohibit route
    errno.ECONNRESET: Outcome.RESET,
    errno.EPIPE: Outcome.RESET,
    errno.ETIMEDOUT: Outcome.TIMEOUT,
}


@dataclass(frozen=True)
class IcmpError:
    """One entry of the error queue."""

    outcome: Outcome
    icmp: str
    """Type and code: "3/13"."""
    offender: Optional[str]
    """Who sent it; an own address means this machine's own rules or its own neighbour table."""


def listen(sock: socket.socket) -> None:
    """Have the kernel queue ICMP errors for this socket, and report them at once."""
    sock.setsockopt(*_RECVERR[socket.AddressFamily(sock.family)], 1)


def ignore(sock: socket.socket) -> None:
    """The reverse of `listen`."""
    sock.setsockopt(*_RECVERR[socket.AddressFamily(sock.family)], 0)


def next_error(sock: socket.socket) -> Optional[IcmpError]:
    """Take the next entry out of the error queue of a non-blocking socket; None if it is not of ICMP, or empty."""
    try:
        _, ancillary, _, _ = sock.recvmsg(0, 512, socket.MSG_ERRQUEUE)
    except OSError:
        return None
    for _, _, data in ancillary:
        if len(data) < _EXTENDED_ERROR.size:
            continue
        _, origin, kind, code, _, _, _ = _EXTENDED_ERROR.unpack_from(data)
        if origin in (_ICMP, _ICMP6):
            offender = _sender(data[_EXTENDED_ERROR.size :], origin)
            return IcmpError(_outcome(origin, kind, code), f"{kind}/{code}", offender)
    return None


def outcome_of(error: OSError) -> Outcome:
    """What an errno means where the error queue has nothing."""
    return _OUTCOMES.get(error.errno or 0, Outcome.UNREACHABLE)


def _outcome(origin: int, kind: int, code: int) -> Outcome:
    if (origin, kind, code) in _PORT_CLOSED:
        return Outcome.REFUSED
    return Outcome.PROHIBITED if (origin, kind, code) in _PROHIBITED else Outcome.UNREACHABLE


def _sender(address: bytes, origin: int) -> Optional[str]:
    """The address in a struct sockaddr_in or sockaddr_in6; None where the kernel does not know it."""
    family, first, size = (socket.AF_INET, 4, 4) if origin == _ICMP else (socket.AF_INET6, 8, 16)
    if len(address) < first + size or int.from_bytes(address[:2], sys.byteorder) != family:
        return None
    return socket.inet_ntop(family, address[first : first + size])
