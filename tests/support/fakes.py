"""A host made of literals: what a probe would see, written down."""

from __future__ import annotations

import fnmatch
import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Callable, Optional, TypeVar, Union
from urllib.parse import urlsplit

from azpreflight.host import (
    Completed,
    DnsAnswer,
    FileInfo,
    FileKind,
    Hop,
    HostError,
    HttpAnswer,
    Interface,
    LinkFilter,
    Outcome,
    Phase,
    Room,
    Route,
    Routing,
    TcpAnswer,
)
from azpreflight.host.disk.types import Disk

T = TypeVar("T")
PATH_MAX = 4096
"""Bytes of a path, as the kernel has it."""


@dataclass(frozen=True)
class Link:
    """A symbolic link; `target` is absolute or beside the link."""

    target: str


@dataclass(frozen=True)
class Denied:
    """A path that cannot be inspected: reading it raises HostError with this reason."""

    reason: str = "Permission denied"


@dataclass(frozen=True)
class Fifo:
    """Something that is neither file, directory nor link."""


Node = Union[str, bytes, Link, Denied, Fifo, FileInfo, None]


@dataclass
class FakeHost:
    """Files and answers by what is asked for; what is not written down is absent, silent or no such program.

    `files` maps a path to its text, a Link, a Denied, a Fifo, None for an empty directory, or a FileInfo where owner,
    mode or time matter (its content is then empty). What is in a directory of programs is executable. Directories
    above a path exist by themselves.
    """

    files: Mapping[str, Node] = field(default_factory=dict)
    programs: Mapping[tuple[str, ...], Completed] = field(default_factory=dict)
    services: Mapping[str, bytes] = field(default_factory=dict)
    """What answers at a local socket, by its path."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of SELinux, by path."""
    rooms: Mapping[str, Union[Room, Denied]] = field(default_factory=dict)
    """By path, as it is asked for."""
    interface_list: tuple[Interface, ...] = ()
    routes: Mapping[str, Route] = field(default_factory=dict)
    tables: Routing = field(default_factory=Routing)
    links: Union[tuple[LinkFilter, ...], Denied] = ()
    nft_table_count: Union[int, Denied] = 0
    tcp: Mapping[tuple[str, int], TcpAnswer] = field(default_factory=dict)
    paths: Mapping[tuple[str, int], tuple[Hop, ...]] = field(default_factory=dict)
    dns: Mapping[tuple[str, str, str, bool], DnsAnswer] = field(default_factory=dict)
    """By server, name, type, and whether over TCP."""
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    http: Mapping[str, HttpAnswer] = field(default_factory=dict)
    """By URL; by "http://proxy:3128 URL" through that proxy; by "small URL" what differs in small segments."""
    root: str = "/"
    around: Optional[FakeHost] = None
    """The running system, where this is a mounted image."""
    privileged: bool = True
    disk: Optional[Disk] = None
    budget: float = 10.0
    asked: list[tuple[str, ...]] = field(default_factory=list)
    """URLs and commands that were asked for, in order."""
    sent: list[bytes] = field(default_factory=list)
    """Requests to local services, in order."""

    def remaining(self) -> float:
        return self.budget

    def together(self, calls: Sequence[Callable[[], T]]) -> tuple[T, ...]:
        return tuple(call() for call in calls)

    def machine(self) -> FakeHost:
        return self if self.root == "/" else self.around or FakeHost()

    def _real(self, path: str, follow: bool) -> str:
        """The path with its links followed; the last component is left as it is unless `follow`."""
        if len(path) >= PATH_MAX:
            raise HostError(f"cannot read {path[:80]}: File name too long")
        pending = _components(path)[::-1]
        done: list[str] = []
        links = 0
        while pending:
            part = pending.pop()
            if part == "..":
                done[-1:] = []
                continue
            done.append(part)
            node = self.files.get("/" + "/".join(done))
            if not isinstance(node, Link) or (not pending and not follow):
                continue
            links += 1
            if links > 40:
                raise HostError(f"cannot read {path}: too many symbolic links")
            done = [] if node.target.startswith("/") else done[:-1]
            pending += _components(node.target)[::-1]
        return "/" + "/".join(done)

    def _node(self, path: str, follow: bool = True) -> tuple[str, Node]:
        """The path with links followed, and its node; `KeyError` if there is none."""
        real = self._real(path, follow)
        if real in self.files:
            return real, self.files[real]
        if any(name.startswith(real.rstrip("/") + "/") for name in self.files):
            return real, None
        raise KeyError(path)

    def _running_system(self, what: str) -> None:
        if self.root != "/":
            raise HostError(f"{what} needs the running system, and a mounted image is inspected")

    def read(self, path: str, limit: int = 1 << 20, follow: bool = True) -> Optional[bytes]:
        try:
            _, node = self._node(path, follow)
        except KeyError:
            return None
        if isinstance(node, Link):
            raise HostError(f"cannot read {path}: not a regular file")
        if isinstance(node, Denied):
            raise HostError(f"cannot read {path}: {node.reason}")
        if isinstance(node, Fifo):
            raise HostError(f"cannot read {path}: not a regular file")
        if _is_directory(node):
            raise HostError(f"cannot read {path}: a directory")
        content = node if isinstance(node, bytes) else node.encode() if isinstance(node, str) else b""
        if len(content) > limit:
            raise HostError(f"cannot read {path}: larger than {limit} bytes")
        return content

    def text(self, path: str, limit: int = 1 << 20) -> Optional[str]:
        content = self.read(path, limit)
        return None if content is None else content.decode("utf-8", "replace")

    def tail(self, path: str, limit: int = 1 << 20) -> Optional[str]:
        content = self.read(path, 1 << 30)
        if content is not None and len(content) > limit:
            content = content[-limit - 1 :]
            content = content[content.find(b"\n") + 1 :]
        return None if content is None else content.decode("utf-8", "replace")

    def info(self, path: str, follow: bool = True) -> Optional[FileInfo]:
        try:
            _, node = self._node(path, follow)
        except KeyError:
            return None
        if isinstance(node, FileInfo):
            return node
        if isinstance(node, Link):
            return FileInfo(FileKind.LINK, len(node.target), 0o777, 0, 0, 0.0, node.target)
        if isinstance(node, (str, bytes)):
            mode = 0o755 if path.rpartition("/")[0].endswith("bin") else 0o644
            return FileInfo(FileKind.FILE, len(node), mode, 0, 0, 0.0)
        if isinstance(node, Denied):
            return FileInfo(FileKind.FILE, 1, 0o600, 0, 0, 0.0)
        kind = FileKind.OTHER if isinstance(node, Fifo) else FileKind.DIRECTORY
        return FileInfo(kind, 0, 0o755, 0, 0, 0.0)

    def label(self, path: str) -> Optional[str]:
        return self.labels.get(path) if self.info(path) is not None else None

    def list(self, path: str) -> Optional[tuple[str, ...]]:
        try:
            real, node = self._node(path)
        except KeyError:
            return None
        if isinstance(node, Denied):
            raise HostError(f"cannot list {path}: {node.reason}")
        if not _is_directory(node):
            return None
        prefix = real.rstrip("/") + "/"
        return tuple(sorted({name[len(prefix) :].split("/")[0] for name in self.files if name.startswith(prefix)}))

    def glob(self, pattern: str) -> tuple[str, ...]:
        found = [""]
        for part in _components(pattern):
            if any(mark in part for mark in "*?["):
                found = [
                    f"{base}/{name}"
                    for base in found
                    for name in self.list(base or "/") or ()
                    if fnmatch.fnmatchcase(name, part) and (part.startswith(".") or not name.startswith("."))
                ]
            else:
                found = [f"{base}/{part}" for base in found]
        return tuple(sorted(path for path in found if self.info(path, follow=False) is not None))

    def room(self, path: str) -> Optional[Room]:
        found = self.rooms.get(path)
        if isinstance(found, Denied):
            raise HostError(f"cannot inspect {path}: {found.reason}")
        return found

    def which(self, program: str) -> Optional[str]:
        if self.root != "/":
            return None
        return f"/usr/sbin/{program}" if any(command[0] == program for command in self.programs) else None

    def run(
        self,
        command: Sequence[str],
        timeout: float,
        stdin: Optional[bytes] = None,
        env: Optional[Mapping[str, str]] = None,
        limit: int = 32 << 20,
    ) -> Completed:
        self._running_system(f"running {command[0]}")
        self.asked.append(tuple(command))
        if tuple(command) not in self.programs:
            raise HostError(f"no program {command[0]}")
        return self.programs[tuple(command)]

    def exchange(self, place: str, request: bytes, timeout: float, limit: int = 32 << 20) -> bytes:
        self._running_system(f"asking {place}")
        self.sent.append(request)
        if place not in self.services:
            raise HostError(f"cannot ask {place}: No such file or directory")
        return self.services[place]

    def unpack(self, compression: str, data: memoryview, timeout: float) -> Iterator[bytes]:
        if compression != "gzip":
            raise HostError(f"no program {compression}")
        yield gzip.decompress(data)

    def interfaces(self) -> tuple[Interface, ...]:
        self._running_system("listing interfaces")
        return self.interface_list

    def route(self, address: str) -> Route:
        self._running_system("a route")
        return self.routes.get(address, Route(Outcome.UNREACHABLE))

    def routing(self) -> Routing:
        self._running_system("the routing tables")
        return self.tables

    def link_filters(self) -> tuple[LinkFilter, ...]:
        self._running_system("a list of interfaces' filters")
        if isinstance(self.links, Denied):
            raise HostError(f"cannot ask the kernel for filters of interfaces: {self.links.reason}")
        return self.links

    def nft_tables(self) -> int:
        self._running_system("a list of nft tables")
        if isinstance(self.nft_table_count, Denied):
            raise HostError(f"cannot ask the kernel for nft tables: {self.nft_table_count.reason}")
        return self.nft_table_count

    def connect(self, address: str, port: int, timeout: float) -> TcpAnswer:
        self._running_system("a connection")
        return self.tcp.get((address, port), TcpAnswer(Outcome.TIMEOUT, timeout))

    def hops(
        self, address: str, port: int, timeout: float, ttls: Sequence[int] = tuple(range(1, 9))
    ) -> tuple[Hop, ...]:
        self._running_system("a path")
        return self.paths.get((address, port), tuple(Hop(ttl, Outcome.TIMEOUT) for ttl in ttls))

    def ask(self, server: str, name: str, rdtype: str, timeout: float, tcp: bool = False, port: int = 53) -> DnsAnswer:
        self._running_system("a name server")
        return self.dns.get((server, name, rdtype, tcp), DnsAnswer(Outcome.TIMEOUT, timeout))

    def resolve(self, name: str, timeout: float) -> tuple[str, ...]:
        self._running_system("resolving a name")
        return self.names.get(name, ())

    def get(
        self,
        url: str,
        timeout: float,
        headers: Optional[Mapping[str, str]] = None,
        limit: int = 1 << 20,
        address: Optional[str] = None,
        proxy: Optional[str] = None,
        redirects: int = 0,
        segment: Optional[int] = None,
        connect: Optional[float] = None,
    ) -> HttpAnswer:
        self._running_system("a request")
        self.asked.append((url,))
        tcp = self.connect(*_first_stop(url, address, proxy), connect) if connect is not None else None
        if tcp is not None and tcp.outcome is not Outcome.OK:
            phase = Phase.PROXY if proxy is not None else Phase.TCP
            return HttpAnswer(
                tcp.outcome, phase, tcp.duration_s, offender=tcp.offender, icmp=tcp.icmp, detail=tcp.detail
            )
        silence = HttpAnswer(Outcome.TIMEOUT, Phase.TCP, timeout)
        if segment is not None and f"small {url}" in self.http:
            return self.http[f"small {url}"]
        return self.http.get(url if proxy is None else f"{proxy} {url}", silence)


def _first_stop(url: str, address: Optional[str], proxy: Optional[str]) -> tuple[str, int]:
    """Address and port that a request connects to."""
    parts = urlsplit(proxy or url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.hostname or "" if proxy or address is None else address, port


def _is_directory(node: Node) -> bool:
    return node is None or (isinstance(node, FileInfo) and node.kind is FileKind.DIRECTORY)


def _components(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
