"""What a host can be asked, and what it answers: the types that probes see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from enum import Enum
from typing import Callable, Optional, Protocol, TypeVar

from azpreflight.dataclass import dataclass
from azpreflight.host.disk.types import Disk
from azpreflight.host.file_types import FileInfo, Room
from azpreflight.host.interfaces import Interface, LinkFilter
from azpreflight.host.tables import Routing

T = TypeVar("T")


class HostError(Exception):
    """Could not look; the text says why, in one lower-case sentence without a full stop."""


@dataclass(frozen=True)
class Completed:
    """A program that ended."""

    status: int
    """Exit status; minus the signal number if a signal ended it."""
    stdout: str
    stderr: str
    truncated: bool = False
    """True if the output was cut at the limit: then nothing may be concluded from what is missing."""


class Outcome(str, Enum):
    """How an attempt on the network ended."""

    OK = "ok"
    TIMEOUT = "timeout"
    """Nothing came back: dropped, or nobody there."""
    REFUSED = "refused"
    """A closed port (RST, or ICMP port unreachable)."""
    UNREACHABLE = "unreachable"
    """ICMP or the local routing table says: no way."""
    PROHIBITED = "prohibited"
    """A firewall said so (ICMP 3/9, 3/10, 3/13), or the local kernel refused to send (EPERM)."""
    RESET = "reset"
    """The connection was broken off."""
    ERROR = "error"
    """It answered, and not in the protocol: see `detail`."""


class Phase(str, Enum):
    """How far a request came; the phase named is the one that failed, or HTTP if all went well."""

    DNS = "dns"
    PROXY = "proxy"
    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"


@dataclass(frozen=True)
class TcpAnswer:
    """A TCP connect."""

    outcome: Outcome
    duration_s: float
    offender: Optional[str] = None
    """The address that sent the ICMP error; the guest's own address means its own netfilter rules."""
    icmp: Optional[str] = None
    """Type and code, "3/13" and the like, where an ICMP error came; of ICMPv6 for an IPv6 address ("1/1")."""
    detail: Optional[str] = None


@dataclass(frozen=True)
class DnsAnswer:
    """What one server said to one question over one transport."""

    outcome: Outcome
    """OK if any DNS message with the right id came back, whatever its rcode."""
    duration_s: float
    rcode: Optional[str] = None
    """NOERROR, NXDOMAIN, SERVFAIL, REFUSED ..."""
    addresses: tuple[str, ...] = ()
    """A or AAAA records, CNAMEs followed within the answer."""
    truncated: bool = False
    offender: Optional[str] = None
    detail: Optional[str] = None


NOT_TLS = "what answers there does not speak TLS"
"""The detail of an HttpAnswer that failed in the handshake, where plain text came."""


@dataclass(frozen=True)
class HttpAnswer:
    """What one HTTP request met."""

    outcome: Outcome
    phase: Phase
    duration_s: float
    status: Optional[int] = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case; no cookies, no authentication."""
    body: bytes = b""
    """Up to the limit of the call."""
    truncated: bool = False
    address: Optional[str] = None
    """The peer that was connected to."""
    issuer: Optional[str] = None
    """Of the certificate presented, also where it was not trusted; None without TLS."""
    authorities: tuple[str, ...] = ()
    """Where a certificate that is trusted says that its issuer, its revocation list and the issuer's responder are."""
    offender: Optional[str] = None
    """The address that sent the ICMP error, where no connection was made; see `TcpAnswer`."""
    icmp: Optional[str] = None
    detail: Optional[str] = None
    ahead_s: Optional[float] = None
    """Seconds that the server's clock is ahead, by its Date header of whole seconds; None without one."""
    connected_s: Optional[float] = None
    """Seconds until the connection was made, a round trip to whoever took it; None if none was."""


@dataclass(frozen=True)
class Hop:
    """One router (or the far end) on the way, found by a connect with a limited TTL."""

    ttl: int
    outcome: Outcome
    """OK or REFUSED: the far end (or something that poses as it) answered at this TTL. UNREACHABLE or PROHIBITED: an
    ICMP error other than time exceeded. TIMEOUT: silence. ERROR with icmp 11/0 (IPv6: 3/0): a router on the way."""
    address: Optional[str] = None
    icmp: Optional[str] = None
    duration_s: Optional[float] = None


@dataclass(frozen=True)
class Route:
    """The kernel's answer to "how would you send to this address"."""

    outcome: Outcome
    """OK, or UNREACHABLE / PROHIBITED where the table says so."""
    interface: Optional[str] = None
    gateway: Optional[str] = None
    """None where the destination is on the link."""
    source: Optional[str] = None
    prefix: Optional[str] = None
    """The route that matched: 168.63.129.16/32, 0.0.0.0/0; None if the kernel did not tell."""
    origin: Optional[str] = None
    """Who made it: dhcp, ra (router advertisement), static, kernel, or boot (ip(8), dhclient); None: unknown."""
    table: Optional[int] = None
    """The table with that route: 254 is "main"; None if unknown."""


class Host(Protocol):
    """The machine, or a mounted image of one. Implementations: `LocalHost`, and literals in the tests."""

    root: str
    """"/" for the running system, else the directory that stands for it."""
    privileged: bool
    """Runs as root."""
    disk: Optional[Disk]
    """The disk image whose root filesystem is mounted at `root`; None where no file of one is inspected."""

    def remaining(self) -> float:
        """Seconds left of the run's budget; calls are cut to it."""

    def together(self, calls: Sequence[Callable[[], T]]) -> tuple[T, ...]:
        """Run calls of this host at once and return their results in order. The first exception in order is raised."""

    def machine(self) -> Host:
        """The running system, within the same budget: this host, unless a mounted image is inspected. For having the
        system's own tools work on what was read from the image; nothing of the image is run."""

    # files: paths as the image sees them; symlinks never leave the root

    def read(self, path: str, limit: int = ..., follow: bool = True) -> Optional[bytes]:
        """The content of a regular file, None if there is none. HostError: not regular, which a link is unless it is to
        be followed, not permitted, too slow, or larger than `limit` bytes."""

    def text(self, path: str, limit: int = ...) -> Optional[str]:
        """`read` as UTF-8 with replacement characters."""

    def tail(self, path: str, limit: int = ...) -> Optional[str]:
        """The last `limit` bytes of a log as text, from the first whole line; None if there is no such file."""

    def info(self, path: str, follow: bool = True) -> Optional[FileInfo]:
        """What the path is (of the link's target if `follow`); None if it is absent, or a dangling link followed."""

    def label(self, path: str) -> Optional[str]:
        """The label of SELinux of the path, of a link's target; None where it has none or the path is absent."""

    def list(self, path: str) -> Optional[tuple[str, ...]]:
        """Names in a directory, sorted; None if there is none. HostError past 10,000 names."""

    def glob(self, pattern: str) -> tuple[str, ...]:
        """Paths that match, sorted; `*` and `?` and `[` within one name only, dangling links included."""

    def room(self, path: str) -> Optional[Room]:
        """What is free where the path is; None if it is absent, or if the mounted root is a mere directory of another
        filesystem."""

    # programs: never a shell, a built environment, closed standard input, a fixed PATH

    def which(self, program: str) -> Optional[str]:
        """Where the program is on the fixed PATH; None if nowhere (always None with a mounted root)."""

    def run(
        self,
        command: Sequence[str],
        timeout: float,
        stdin: Optional[bytes] = None,
        env: Optional[Mapping[str, str]] = None,
        limit: int = ...,
    ) -> Completed:
        """Run it to its end. HostError: no such program, not ended in time (it and its children are killed), or a
        mounted root."""

    def exchange(self, place: str, request: bytes, timeout: float, limit: int = ...) -> bytes:
        """What a local service answers at a socket of the filesystem, once the whole request is sent. HostError: nobody
        there, not permitted, too slow, larger than `limit` bytes, or a mounted root."""

    def unpack(self, compression: str, data: memoryview, timeout: float) -> Iterator[bytes]:
        """What compressed bytes stand for, piece by piece: gzip, xz, lzma, bzip2, or by a program of the running system
        (also where a mounted image is inspected) zstd, lz4, lzop. HostError: no such program, damaged, or too slow."""

    # network: HostError only with a mounted root

    def interfaces(self) -> tuple[Interface, ...]:
        """All interfaces of this network namespace."""

    def route(self, address: str) -> Route:
        """The kernel's route to an address. HostError: no address, or the kernel cannot be asked."""

    def routing(self) -> Routing:
        """Rules, IPv4 routes of all tables, and the kinds of links. HostError: the kernel cannot be asked."""

    def link_filters(self) -> tuple[LinkFilter, ...]:
        """XDP programs and traffic control's filters on all interfaces. HostError: the kernel cannot be asked."""

    def nft_tables(self) -> int:
        """How many tables nf_tables holds. Asking loads it: ask only where it is in the kernel. HostError: refused."""

    def connect(self, address: str, port: int, timeout: float) -> TcpAnswer:
        """One TCP connect to a literal address, closed at once. HostError: no address."""

    def hops(self, address: str, port: int, timeout: float, ttls: Sequence[int] = ...) -> tuple[Hop, ...]:
        """TCP connects with limited TTLs, to see who is on the way; one entry a TTL, in order, up to the first that met
        something other than a router. HostError: no address."""

    def ask(self, server: str, name: str, rdtype: str, timeout: float, tcp: bool = False, port: int = 53) -> DnsAnswer:
        """One question ("A" or "AAAA") to one server, recursion desired, over UDP or TCP."""

    def resolve(self, name: str, timeout: float) -> tuple[str, ...]:
        """What glibc's own path (nsswitch, files, stub) makes of a name, in a child with a timeout; empty if
        nothing. HostError if it did not end in time."""

    def get(
        self,
        url: str,
        timeout: float,
        headers: Optional[Mapping[str, str]] = None,
        limit: int = ...,
        address: Optional[str] = None,
        proxy: Optional[str] = None,
        redirects: int = 0,
        segment: Optional[int] = None,
        connect: Optional[float] = None,
    ) -> HttpAnswer:
        """One GET. `address` is connected to instead of looking the host up (TLS still checks the host's name);
        `proxy` is the URL of one to use, else none is used, whatever the environment says. The system's CA store
        decides on certificates. At most `limit` bytes of the body, at most `redirects` redirects. `segment` is the most
        bytes of a TCP segment in either direction, else what the link allows. `connect` is the most seconds for the
        connection."""
