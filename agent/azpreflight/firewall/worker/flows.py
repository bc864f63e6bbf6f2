"""Really trying the flows: sockets on the guest's side, listeners on the fabric's, one loop for all at once.

A flow counts as allowed only when an answer to its request has come back, so that a rule that lets a connection be
made and then drops its data, or drops replies on the way in, is found too. A drop is concluded from what the kernel
says of the packet, within milliseconds; silence alone takes the whole back-stop.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Optional

from azpreflight.firewall.worker import forks
from azpreflight.firewall.worker.correlate import Router, Story
from azpreflight.firewall.worker.listeners import Listeners, socket_of
from azpreflight.firewall.worker.namespaces import BROADCAST
from azpreflight.firewall.worker.trace import Tracer

CALLERS_FROM = 20001
"""Ports below those that the kernel takes by itself (ip_local_port_range)."""
BACKSTOP = 1.5
"""Seconds until silence counts; a lost SYN is sent again after one second."""
GRACE = 0.02
"""Seconds in which success overrides a drop: a stray packet may be dropped although the flow works. An answer takes one
or two milliseconds; where the machine is busy, time counts only once a look has found nothing new."""
SILENT = "silent"
REQUESTS = {
    ("tcp", 80): b"GET / HTTP/1.1\r\nHost: azpreflight\r\nConnection: close\r\n\r\n",
    ("tcp", 32526): b"GET /versions HTTP/1.1\r\nHost: azpreflight\r\nConnection: close\r\n\r\n",
    ("udp", 53): b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05azure\x03com\x00\x00\x01\x00\x01",
    ("tcp", 53): b"\x00\x1b\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05azure\x03com\x00\x00\x01\x00\x01",
}
"""What is sent, as some rules look into packets; anything else gets OTHER_REQUEST."""
OTHER_REQUEST = b"azpreflight rehearsal\r\n"


class Outside:
    """Where callers of this machine are: the fabric's side of the laboratory."""

    def __init__(self, guest: int, fabric: int) -> None:
        self._guest, self._fabric = guest, fabric
        self._ports = iter(range(CALLERS_FROM, CALLERS_FROM + 1000))

    @contextmanager
    def visit(self) -> Iterator[None]:
        """Be there, and come back to the guest's side."""
        forks.enter_network_namespace(self._fabric)
        try:
            yield
        finally:
            forks.enter_network_namespace(self._guest)

    def port(self) -> int:
        """One that no other caller has."""
        return next(self._ports)


class Attempt:
    """One flow on its way."""

    def __init__(self, flow: Mapping[str, Any], outside: Optional[Outside] = None) -> None:
        self.protocol: str = flow["protocol"]
        self.address: str = flow["address"]
        self.port: int = flow["port"]
        self.one_way = self.address == BROADCAST
        """Who answers does so from another address, so that it is enough that the request gets out."""
        self.error: Optional[str] = SILENT
        """None once answered; else the name of an errno, or SILENT."""
        self.done = False
        self.settle_at: Optional[float] = None
        self.caller: Optional[str] = flow.get("caller")
        self.socket = self._open(flow["uid"], flow["source_port"]) if outside is None else self._call(outside)
        self.local_port: int = 0
        self.local_address: str = ""
        self.story = Story(flow["local"], inward=self.caller is not None)
        self.blamed = self.story
        """Where a packet was lost: in this flow, or in what had to come before it."""

    @property
    def grace(self) -> float:
        """See GRACE. None for a request that never got out: nothing comes of it before it is sent again, a second
        later."""
        return GRACE if self.blamed.request.passed else 0

    @property
    def elsewhere(self) -> bool:
        """A packet has come out with another destination, where nobody of the laboratory need answer, or with another
        source, to which no answer need come back."""
        to = self.story.destination
        diverted = to is not None and to != (self.address, self.port)
        return self.story.request.passed and (diverted or self.rewritten is not None)

    @property
    def rewritten(self) -> Optional[str]:
        """The address that its packets leave with, where that is not the one that they were sent from."""
        source = self.story.source
        unknown = source is None or self.local_address in ("", "0.0.0.0", "::")  # noqa: S104 - compared, not bound to
        return None if unknown or source == self.local_address else source

    def _open(self, uid: int, source_port: int) -> socket.socket:
        """A socket that belongs to `uid`, as owner matches see it, with a port that no other flow has.

        Left to connect(2), two flows to different destinations may get the same, and their packets could not be told
        apart.
        """
        os.seteuid(uid)
        try:
            end = socket_of(self.protocol, self.address)
        finally:
            os.seteuid(0)
            forks.die_with_parent()  # the kernel forgets that where a process changes its user
        if source_port:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        end.bind(("::" if ":" in self.address else "0.0.0.0", source_port))  # noqa: S104 - one flow's own socket
        return end

    def _call(self, outside: Outside) -> socket.socket:
        """A socket of the caller's, with a port that no connection of this machine's own has."""
        with outside.visit():
            end = socket_of(self.protocol, self.address)
            end.bind((self.caller or "", outside.port()))
            return end

    def start(self, traced: bool) -> None:
        """Connect; a datagram is sent at once."""
        if self.one_way:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        code = self.socket.connect_ex((self.address, self.port))
        self.local_address, self.local_port = self.socket.getsockname()[:2]
        if code not in (0, errno.EINPROGRESS):
            self._fail(code)
        elif self.protocol == "udp":
            self._send()
        if self.one_way and not traced and self.error == SILENT:
            self.error, self.done = None, True

    def _send(self) -> None:
        try:
            self.socket.send(REQUESTS.get((self.protocol, self.port), OTHER_REQUEST))
        except OSError as error:
            self._fail(error.errno or 0)

    def ready(self, mask: int, poll: select.epoll) -> None:
        """The socket has something to say."""
        code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._fail(code)
        elif mask & select.EPOLLIN:
            self._receive()
        elif mask & select.EPOLLOUT:
            poll.modify(self.socket.fileno(), select.EPOLLIN)
            self._send()

    def _receive(self) -> None:
        try:
            answered = bool(self.socket.recv(4096))
        except OSError as error:
            self._fail(error.errno or 0)
            return
        self.error, self.done = None if answered else SILENT, True

    def _fail(self, code: int) -> None:
        self.error, self.done = errno.errorcode.get(code, str(code)), True

    def close(self) -> None:
        """Leave nothing behind that would still send."""
        if self.protocol == "tcp":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def attempt(
    flows: Sequence[Mapping[str, Any]],
    listeners: Listeners,
    tracer: Optional[Tracer],
    deadline: float,
    outside: Outside,
) -> tuple[Attempt, ...]:
    """Try all flows at once from this namespace, until each is decided or time is up."""
    attempts = tuple(Attempt(flow, outside if flow.get("caller") else None) for flow in flows)
    for one in attempts:
        one.start(tracer is not None)
    trial = _Trial(attempts, listeners, tracer)
    try:
        trial.run(min(deadline, time.monotonic() + BACKSTOP))
    finally:
        trial.close()
    return attempts


class _Trial:
    """The loop that serves the listeners, the flows and the tracer until all flows are decided."""

    def __init__(self, attempts: Sequence[Attempt], listeners: Listeners, tracer: Optional[Tracer]) -> None:
        self._attempts, self._listeners, self._tracer = attempts, listeners, tracer
        self._router = Router({(one.protocol, one.local_port): one.story for one in attempts})
        self._by_descriptor = {one.socket.fileno(): one for one in attempts if not one.done}
        self._poll = select.epoll()
        for descriptor, one in self._by_descriptor.items():
            self._poll.register(descriptor, select.EPOLLIN | (select.EPOLLOUT if one.protocol == "tcp" else 0))
        self._poll.register(listeners.poll.fileno(), select.EPOLLIN)
        for watched in tracer.sockets() if tracer is not None else ():
            self._poll.register(watched.fileno(), select.EPOLLIN)

    def run(self, deadline: float) -> None:
        """Until all are decided, or the deadline."""
        quiet = False
        while True:
            if self._tracer is not None:
                self._router.take(self._tracer.events())
            pending = [one for one in self._attempts if not one.done]
            wake = self._settle(pending, time.monotonic(), quiet)
            now = time.monotonic()
            if now >= deadline or all(one.done for one in pending):
                return
            news = self._poll.poll(max(min(wake, deadline) - now, 0))
            for descriptor, mask in news:
                if descriptor in self._by_descriptor:
                    self._advance(self._by_descriptor[descriptor], mask)
            self._listeners.serve()
            quiet = not news

    def _advance(self, one: Attempt, mask: int) -> None:
        one.ready(mask, self._poll)
        if one.done:
            self._forget(one)

    def _forget(self, one: Attempt) -> None:
        descriptor = one.socket.fileno()
        self._poll.unregister(descriptor)
        del self._by_descriptor[descriptor]

    def _settle(self, pending: Sequence[Attempt], now: float, quiet: bool) -> float:
        """Give up on what was lost, or sent elsewhere, and has stayed so; the time at which to look again."""
        for one in pending:
            if one.one_way and one.story.request.passed and not one.done:
                one.error, one.done = None, True
                self._forget(one)
                continue
            one.settle_at = (one.settle_at or now + one.grace) if self._lost(one) else None
            if one.settle_at is not None and now >= one.settle_at and quiet:
                one.done = True
                self._forget(one)
        waits = [one.settle_at for one in pending if one.settle_at is not None and not one.done]
        return min(waits, default=now + BACKSTOP)

    def _lost(self, one: Attempt) -> bool:
        if self._tracer is None or self._tracer.lost:
            return False
        solicited = ":" in one.address and one.story.lost is None and not one.elsewhere
        one.blamed = self._router.neighbours if solicited else one.story
        return one.blamed.lost is not None or one.elsewhere

    def close(self) -> None:
        """Close the flows' sockets."""
        self._poll.close()
        for one in self._attempts:
            one.close()
