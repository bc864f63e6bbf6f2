"""The machine that azpreflight runs on, or an image mounted on it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Callable, Optional, Protocol, TypeVar

from azpreflight.host import cpu_time, programs, service
from azpreflight.host.api import Completed, DnsAnswer, Hop, HostError, HttpAnswer, Outcome, Route, TcpAnswer
from azpreflight.host.deadline import Guard, together
from azpreflight.host.disk.types import Disk
from azpreflight.host.file_types import FileInfo, Room
from azpreflight.host.files import Tree
from azpreflight.host.interfaces import Interface, LinkFilter
from azpreflight.host.near import Elsewhere, Near, mounts
from azpreflight.host.remembered import Remembered
from azpreflight.host.tables import Routing

T = TypeVar("T")


class _Answer(Protocol):
    """Whatever says how an attempt on the network ended."""

    @property
    def outcome(self) -> Outcome: ...


A = TypeVar("A", bound=_Answer)

FILE_TIMEOUT = 2.0
"""Seconds for one file call: a local disk answers in milliseconds, a hung network mount never."""
READ_LIMIT = 1 << 20
"""Bytes of a configuration file; none that provisioning reads comes near it."""
OUTPUT_LIMIT = 32 << 20
"""Bytes of a program's output: a dump of 50,000 firewall rules is about 8 MiB."""
BODY_LIMIT = 1 << 20
"""Bytes of an HTTP body; a goal state with many extensions is about 100 KiB."""
RUN_BUDGET = 10.0
"""Seconds for a whole run unless the user asks otherwise."""


_LOADING = threading.Lock()
"""Held for the first import of a library: threads that import one another's modules at once may be handed half a one,
because the interpreter would rather do that than wait for ever (importlib's deadlock avoidance)."""


class LocalHost:
    """See `Host` for what each call promises."""

    def __init__(
        self, root: str = "/", budget: float = RUN_BUDGET, disk: Optional[Disk] = None, remembers: bool = False
    ) -> None:
        """`remembers`: for one inspection, which asks for a file again and wants the same answer."""
        self._seen = Remembered() if remembers else None
        closed = frozenset() if disk is None else disk.closed
        self._tree = Tree(root, closed, self._seen)
        self._near = None if closed else Tree(root, closed, self._seen, Near(self._tree.root, mounts()))
        self._guard = Guard()
        self._deadline = time.monotonic() + budget
        self.root = self._tree.root
        self.privileged = os.geteuid() == 0
        self.disk = disk

    def remaining(self) -> float:
        return max(self._deadline - time.monotonic(), 0.0)

    def _left(self, timeout: float) -> float:
        left = min(timeout, self.remaining())
        if left <= 0:
            raise HostError("the time for the whole run is used up")
        return left

    def _ask(self, timeout: float, ask: Callable[[float], A]) -> A:
        """An answer of the network; silence is one only where this machine listened for as long as was asked.

        HostError where it could not: the time of the run was used up, or it was too busy, twice.
        """
        for last in (False, True):
            granted, began, occupied = self._left(timeout), time.monotonic(), cpu_time.occupied_s()
            answer = ask(granted)
            busy = cpu_time.busy(granted, time.monotonic() - began, cpu_time.occupied_s() - occupied)
            if answer.outcome is not Outcome.TIMEOUT or (granted == timeout and busy is None):
                return answer
            if granted < timeout:
                break
            if last:
                raise HostError(f"this machine was too busy to wait for an answer: {busy}")
        raise HostError("the time for the whole run was used up before an answer could be waited for")

    def _running_system(self, what: str) -> None:
        if self.root != "/":
            raise HostError(f"{what} needs the running system, and a mounted image is inspected")

    def together(self, calls: Sequence[Callable[[], T]]) -> tuple[T, ...]:
        return together(tuple(calls))

    def machine(self) -> LocalHost:
        return self if self.root == "/" else LocalHost("/", self.remaining())

    # files

    def _timed(self, path: str, ask: Callable[[Tree], T], doing: str) -> T:
        """An answer in time: at once for what is near, and for all else by a helper that can be given up."""
        left = self._left(FILE_TIMEOUT)
        if self._near is not None:
            with suppress(Elsewhere):
                return ask(self._near)
        return self._guard.call(lambda: ask(self._tree), left, f"{doing} {path}")

    def _file(self, path: str, question: tuple[object, ...], ask: Callable[[Tree], T], doing: str) -> T:
        """An answer of the tree in time, or the one from before."""
        if self._seen is None:
            return self._timed(path, ask, doing)
        return self._seen.once(path, question, lambda: self._timed(path, ask, doing))

    def read(self, path: str, limit: int = READ_LIMIT, follow: bool = True) -> Optional[bytes]:
        return self._file(path, ("read", limit, follow), lambda tree: tree.read(path, limit, follow), "reading")

    def text(self, path: str, limit: int = READ_LIMIT) -> Optional[str]:
        content = self.read(path, limit)
        return None if content is None else content.decode("utf-8", "replace")

    def tail(self, path: str, limit: int = READ_LIMIT) -> Optional[str]:
        content = self._timed(path, lambda tree: tree.tail(path, limit), "reading")
        return None if content is None else content.decode("utf-8", "replace")

    def info(self, path: str, follow: bool = True) -> Optional[FileInfo]:
        return self._file(path, ("info", follow), lambda tree: tree.info(path, follow), "looking at")

    def label(self, path: str) -> Optional[str]:
        return self._timed(path, lambda tree: tree.label(path), "looking at")

    def list(self, path: str) -> Optional[tuple[str, ...]]:
        return self._file(path, ("list",), lambda tree: tree.list(path), "listing")

    def glob(self, pattern: str) -> tuple[str, ...]:
        return self._file(pattern, ("glob",), lambda tree: tree.glob(pattern), "listing")

    def room(self, path: str) -> Optional[Room]:
        return self._timed(path, lambda tree: tree.room(path), "looking at")

    # programs

    def which(self, program: str) -> Optional[str]:
        return programs.which(program) if self.root == "/" else None

    def run(
        self,
        command: Sequence[str],
        timeout: float,
        stdin: Optional[bytes] = None,
        env: Optional[Mapping[str, str]] = None,
        limit: int = OUTPUT_LIMIT,
    ) -> Completed:
        self._running_system(f"running {command[0]}")
        return programs.run(command, self._left(timeout), stdin, env, limit)

    def exchange(self, place: str, request: bytes, timeout: float, limit: int = OUTPUT_LIMIT) -> bytes:
        self._running_system(f"asking {place}")
        return service.exchange(place, request, self._left(timeout), limit)

    def unpack(self, compression: str, data: memoryview, timeout: float) -> Iterator[bytes]:
        with _LOADING:
            from azpreflight.host import decompress

        return decompress.unpack(compression, data, self._left(timeout))

    # network; the modules are imported at the first call because their libraries are slow to import

    def interfaces(self) -> tuple[Interface, ...]:
        self._running_system("listing interfaces")
        with _LOADING:
            from azpreflight.host import network

        return network.interfaces()

    def route(self, address: str) -> Route:
        self._running_system("a route")
        with _LOADING:
            from azpreflight.host import network

        return network.route(address, self._left(network.NETLINK_TIMEOUT))

    def routing(self) -> Routing:
        self._running_system("the routing tables")
        with _LOADING:
            from azpreflight.host import network, routing

        return routing.routing(self._left(network.NETLINK_TIMEOUT))

    def link_filters(self) -> tuple[LinkFilter, ...]:
        self._running_system("a list of interfaces' filters")
        with _LOADING:
            from azpreflight.host import link_filters as links
            from azpreflight.host import network

        return links.filters(self._left(network.NETLINK_TIMEOUT))

    def nft_tables(self) -> int:
        self._running_system("a list of nft tables")
        with _LOADING:
            from azpreflight.host import network
            from azpreflight.host import nft_tables as nftables

        return nftables.tables(self._left(network.NETLINK_TIMEOUT))

    def connect(self, address: str, port: int, timeout: float) -> TcpAnswer:
        self._running_system("a connection")
        with _LOADING:
            from azpreflight.host import network

        return self._ask(timeout, lambda granted: network.connect(address, port, granted))

    def hops(
        self, address: str, port: int, timeout: float, ttls: Sequence[int] = tuple(range(1, 9))
    ) -> tuple[Hop, ...]:
        self._running_system("a path")
        with _LOADING:
            from azpreflight.host import network

        return network.hops(address, port, self._left(timeout), tuple(ttls))

    def ask(self, server: str, name: str, rdtype: str, timeout: float, tcp: bool = False, port: int = 53) -> DnsAnswer:
        self._running_system("a name server")
        with _LOADING:
            from azpreflight.host import dns

        return self._ask(timeout, lambda granted: dns.ask(server, name, rdtype, granted, tcp=tcp, port=port))

    def resolve(self, name: str, timeout: float) -> tuple[str, ...]:
        self._running_system("resolving a name")
        with _LOADING:
            from azpreflight.host import dns

        return dns.resolve(name, self._left(timeout))

    def get(
        self,
        url: str,
        timeout: float,
        headers: Optional[Mapping[str, str]] = None,
        limit: int = BODY_LIMIT,
        address: Optional[str] = None,
        proxy: Optional[str] = None,
        redirects: int = 0,
        segment: Optional[int] = None,
        connect: Optional[float] = None,
    ) -> HttpAnswer:
        self._running_system("a request")
        with _LOADING:
            from azpreflight.host import http

        http.prepare(url)
        return self._ask(
            timeout,
            lambda granted: http.get(
                url,
                granted,
                headers=headers or {},
                limit=limit,
                address=address,
                proxy=proxy,
                redirects=redirects,
                segment=segment,
                connect=connect,
            ),
        )
