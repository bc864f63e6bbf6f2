"""Interfaces, connections, and who is on the way.

A TCP connect that fails says little by its errno, so each attempt reads its error queue too (see `icmp`), and with a
limited TTL the same connect names the routers on the way, without privileges. On Azure nothing else does the job: the
fabric answers no ping and its own hops are silent, so that a hop that does answer is a router or an appliance of the
customer's.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import select
import socket
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any, Optional

from azpreflight.host import icmp
from azpreflight.host.api import Hop, HostError, Outcome, TcpAnswer
from azpreflight.host.interfaces import Interface
from azpreflight.host.netlink import NETLINK_TIMEOUT, route

__all__ = ["NETLINK_TIMEOUT", "connect", "hops", "interfaces", "route"]

MAX_TTLS = 8
"""Each TTL that reaches the far end opens a real connection there, so there are few; eight routers lead out of any
virtual network and its on-premises edge."""
MAX_TTL = 255
TTLS_AT_ONCE = 3
"""Routers limit the ICMP errors that they send to one address (Linux: six in a burst, then one a second), and one that
refuses answers every TTL from its own on."""
ROUNDS = 2
"""Each TTL is sent twice, because that limit or a loss may have eaten the first answer."""
NEIGHBOUR_TIMEOUT = 0.9
"""Seconds. A complaint of this machine's own kernel that comes later is about a next hop that does not answer (three
ARP requests, one a second); a REJECT rule of the guest answers at once."""

_TTL = {
    socket.AF_INET: (socket.IPPROTO_IP, socket.IP_TTL),
    socket.AF_INET6: (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS),
}
_TIME_EXCEEDED = {socket.AF_INET: "11/0", socket.AF_INET6: "3/0"}
"""What a router sends when the TTL ends there (RFC 792, RFC 4443)."""
_HOST_UNREACHABLE = {socket.AF_INET: "3/1", socket.AF_INET6: "1/3"}
"""What a kernel says of a host, or of its own next hop, that does not answer on the link."""

_COUNTERS = "/proc/net/dev"
"""From which psutil takes the names of interfaces. Without /proc, importing an older one prints a traceback."""


# --- interfaces ---------------------------------------------------------------------------------------------------


def interfaces() -> tuple[Interface, ...]:
    """All interfaces of this network namespace. HostError if the kernel does not list them."""
    if not os.path.exists(_COUNTERS):
        raise HostError(f"cannot list the interfaces: there is no {_COUNTERS}, as where /proc is not mounted")
    import psutil

    try:
        addresses, states = psutil.net_if_addrs(), psutil.net_if_stats()
    except OSError as error:
        raise HostError(f"cannot list the interfaces: {error.strerror}") from None
    found = []
    for name, state in states.items():
        entries = addresses.get(name, ())
        macs = [entry.address for entry in entries if entry.family == socket.AF_PACKET and entry.address.strip("0:")]
        inet = [entry for entry in entries if entry.family in (socket.AF_INET, socket.AF_INET6)]
        found.append(
            Interface(
                name=name,
                up=state.isup,
                mac=macs[0] if macs else None,
                mtu=state.mtu,
                addresses=tuple(with_prefix(entry.address, entry.netmask) for entry in inet),
            )
        )
    return tuple(found)


def with_prefix(address: str, netmask: Optional[str]) -> str:
    """10.0.0.4 and 255.255.255.0 make 10.0.0.4/24; a zone (fe80::1%eth0) is left out."""
    plain = ipaddress.ip_address(address.partition("%")[0])
    bits = plain.max_prefixlen if netmask is None else bin(int(ipaddress.ip_address(netmask))).count("1")
    return f"{plain}/{bits}"


# --- one connection -----------------------------------------------------------------------------------------------


def connect(address: str, port: int, timeout: float) -> TcpAnswer:
    """One TCP connect to a literal address; see Host.connect."""
    answer, sock = opened(address, port, timeout)
    if sock is not None:
        sock.close()
    return answer


def opened(
    address: str, port: int, timeout: float, segment: Optional[int] = None
) -> tuple[TcpAnswer, Optional[socket.socket]]:
    """One TCP connect, and its socket if it is made: blocking, and nobody else's to close. `segment` is the most bytes
    of a segment in either direction. HostError: no address, or no socket to be had."""
    family, _ = _endpoint(address, port)
    if not _speaks(family):
        return TcpAnswer(Outcome.UNREACHABLE, 0.0, detail="this machine's own kernel says EAFNOSUPPORT"), None
    with closing(_Attempt(address, port, segment=segment)) as attempt:
        poll = select.poll()
        poll.register(attempt, select.POLLOUT)
        while attempt.answer is None:
            left = attempt.began + timeout - time.monotonic()
            if left <= 0:
                return TcpAnswer(Outcome.TIMEOUT, timeout), None
            for _, events in poll.poll(left * 1000):
                attempt.look(events)
        return attempt.answer, attempt.taken() if attempt.answer.outcome is Outcome.OK else None


def _speaks(family: socket.AddressFamily) -> bool:
    """False where the kernel was booted without IPv6 (`ipv6.disable=1`)."""
    try:
        socket.socket(family, socket.SOCK_STREAM).close()
    except OSError as error:
        return error.errno != errno.EAFNOSUPPORT
    return True


class _Attempt:
    """A connect under way, and its answer once there is one."""

    def __init__(self, address: str, port: int, ttl: Optional[int] = None, segment: Optional[int] = None) -> None:
        self.family, endpoint = _endpoint(address, port)
        self.began = time.monotonic()
        self.answer: Optional[TcpAnswer] = None
        try:
            self._socket = socket.socket(self.family, socket.SOCK_STREAM)
        except OSError as error:
            raise HostError(f"cannot open a socket: {error.strerror}") from None
        self._socket.setblocking(False)
        icmp.listen(self._socket)
        if ttl is not None:
            self._socket.setsockopt(*_TTL[self.family], ttl)
        if segment is not None:  # agreed on with the first packet
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
        code = self._socket.connect_ex(endpoint)
        if code == 0:
            self.answer = self._answer(Outcome.OK)
        elif code != errno.EINPROGRESS:
            self.answer = self._of_errno(code, "this machine's own kernel says ")

    def fileno(self) -> int:
        """For poll(2)."""
        return self._socket.fileno()

    def close(self) -> None:
        """End it; a connection is closed in the ordinary way."""
        self._socket.close()

    def taken(self) -> socket.socket:
        """Its socket, like any other from now on: an ICMP error does not end a connection that is made."""
        icmp.ignore(self._socket)
        kept = self._socket.dup()
        kept.setblocking(True)
        return kept

    def look(self, events: int) -> None:
        """See what has come back. The error queue goes first, because an errno hides who sent it, and because an error
        that meets connect(2) half-way is in the queue alone."""
        error = icmp.next_error(self._socket)
        if error is not None:
            self.answer = self._of_icmp(error)
            return
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self.answer = self._of_errno(code, "")
        elif self._connected():
            self.answer = self._answer(Outcome.OK)
        elif events & select.POLLHUP:
            self.answer = self._answer(Outcome.RESET)

    def _connected(self) -> bool:
        try:
            self._socket.getpeername()
        except OSError:
            return False
        return True

    def _of_errno(self, code: int, who: str) -> TcpAnswer:
        detail = who + errno.errorcode.get(code, str(code))
        return self._answer(icmp.outcome_of(OSError(code, detail)), detail=detail)

    def _of_icmp(self, error: icmp.IcmpError) -> TcpAnswer:
        own = self._socket.getsockname()[0].partition("%")[0]
        late = time.monotonic() - self.began > NEIGHBOUR_TIMEOUT
        if late and error.offender == own and error.icmp == _HOST_UNREACHABLE[self.family]:
            return self._answer(Outcome.UNREACHABLE, detail="the next hop does not answer on the link")
        return self._answer(error.outcome, offender=error.offender, code=error.icmp)

    def _answer(
        self, outcome: Outcome, offender: Optional[str] = None, code: Optional[str] = None, detail: Optional[str] = None
    ) -> TcpAnswer:
        return TcpAnswer(outcome, round(time.monotonic() - self.began, 4), offender, code, detail)


def _endpoint(address: str, port: int) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    """Family and sockaddr of a literal address, with a zone (fe80::1%eth0) or without. HostError if it is none."""
    try:
        family, *_, endpoint = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        )[0]
    except (socket.gaierror, UnicodeError):
        raise HostError(f"{address} is not an address") from None
    return family, endpoint


# --- who is on the way --------------------------------------------------------------------------------------------


def hops(address: str, port: int, timeout: float, ttls: Sequence[int]) -> tuple[Hop, ...]:
    """TCP connects with limited TTLs; see Host.hops. At most MAX_TTLS of them, a few at a time, all in one poll loop.

    The sends are spread evenly over the timeout, and the last has as long to come back as one waits before the next;
    where everything answers, nothing is waited for.
    """
    wanted = sorted(set(ttls))[:MAX_TTLS]
    batches = [wanted[at : at + TTLS_AT_ONCE] for at in range(0, len(wanted), TTLS_AT_ONCE)] * ROUNDS
    began = time.monotonic()
    with closing(_Scan(address, port)) as scan:
        for number, batch in enumerate(batches, 1):
            scan.send(batch)
            scan.collect(batch, began + timeout * number / (len(batches) + 1))
        scan.collect(wanted, began + timeout)
        return tuple(scan.found.get(ttl, Hop(ttl, Outcome.TIMEOUT)) for ttl in wanted if ttl <= scan.end)


class _Scan:
    """The attempts of one look at a path, and the hops found so far."""

    def __init__(self, address: str, port: int) -> None:
        self._address, self._port = address, port
        self._attempts: dict[int, tuple[int, _Attempt]] = {}
        self._poll = select.poll()
        self.found: dict[int, Hop] = {}
        self.end = MAX_TTL
        """The lowest TTL at which something other than a router answered; nothing beyond it would tell more."""

    def close(self) -> None:
        """Give up on all that is not answered."""
        for _, attempt in self._attempts.values():
            attempt.close()

    def send(self, ttls: Sequence[int]) -> None:
        """Try those TTLs that have no answer yet, up to the end of the path."""
        for ttl in self._unanswered(ttls):
            attempt = _Attempt(self._address, self._port, ttl)
            self._attempts[attempt.fileno()] = (ttl, attempt)
            self._poll.register(attempt, select.POLLOUT)
            self._keep(ttl, attempt)

    def collect(self, ttls: Sequence[int], until: float) -> None:
        """Take answers, to whichever TTL, until these have theirs or the time (monotonic) is up."""
        while self._unanswered(ttls):
            left = until - time.monotonic()
            if left <= 0:
                return
            for descriptor, events in self._poll.poll(left * 1000):
                ttl, attempt = self._attempts[descriptor]
                attempt.look(events)
                self._keep(ttl, attempt)

    def _unanswered(self, ttls: Sequence[int]) -> list[int]:
        return [ttl for ttl in ttls if ttl not in self.found and ttl <= self.end]

    def _keep(self, ttl: int, attempt: _Attempt) -> None:
        """Keep the hop of an attempt that is answered, and close it at once, because it may be a connection."""
        if attempt.answer is None:
            return
        self._poll.unregister(attempt)
        del self._attempts[attempt.fileno()]
        attempt.close()
        hop = _hop(ttl, attempt.answer, attempt.answer.icmp == _TIME_EXCEEDED[attempt.family], self._address)
        self.found.setdefault(ttl, hop)
        if hop.outcome not in (Outcome.ERROR, Outcome.TIMEOUT):
            self.end = min(self.end, ttl)


def _hop(ttl: int, answer: TcpAnswer, is_router: bool, address: str) -> Hop:
    """A router is an ERROR with "time exceeded"; where no ICMP came, it was the address itself, or one that poses as
    it, that answered."""
    if answer.icmp is not None:
        outcome = Outcome.ERROR if is_router else answer.outcome
        return Hop(ttl, outcome, answer.offender, answer.icmp, answer.duration_s)
    answered = answer.outcome in (Outcome.OK, Outcome.REFUSED, Outcome.RESET)
    return Hop(ttl, answer.outcome, address if answered else None, None, answer.duration_s)
