"""What became of every way out, and what can be read from it: open, shut, or no verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from enum import Enum
from typing import Optional
from urllib.parse import urlsplit

from azpreflight.azure.answer import Answer
from azpreflight.dataclass import dataclass
from azpreflight.host import NOT_TLS, Outcome, Phase, Route

PROXY_WANTS_PASSWORD = 407
PROXY_REFUSES = (403, 502, 503, 504)
"""Statuses that a proxy gives in the server's place: it is forbidden, or the proxy cannot reach the server."""


class Way(str, Enum):
    """What one answer says of the way to its server."""

    OPEN = "open"
    """The server answered over HTTP, whatever it said; or it is far away, and was about to."""
    SHUT = "shut"
    """Something on the way, or nothing at all, kept the answer from coming."""
    UNTRUSTED = "untrusted"
    """Something answered with a certificate that this machine does not trust."""
    PROXY = "proxy"
    """A proxy, the agent's own or one that nobody asked for, kept the answer from coming."""
    ODD = "odd"
    """Something that does not speak HTTP, a name server that denies the name, or too little time: no verdict on the
    way."""


@dataclass(frozen=True)
class Package:
    """Both ways to the manifest and the package of one extension, or to the manifests of the agent's own releases."""

    name: str
    """The extension; of the agent's releases, the name of the family."""
    version: Optional[str]
    """The version wanted; None for the agent's releases, of which only the manifests are tried."""
    signed: bool
    """True if the store will not deliver because signatures are not kept: only the way to it is judged."""
    manifests: tuple[Answer, ...]
    """Straight from the stores, in the order of the goal state."""
    relayed_manifest: Optional[Answer] = None
    """By the HostGAPlugin; None if it was not asked."""
    packages: tuple[Answer, ...] = ()
    """Straight from the stores; empty if no manifest that could be had tells where they are."""
    relayed_package: Optional[Answer] = None
    """By the HostGAPlugin; None if it was not asked."""
    fault: Optional[str] = None
    """Why the manifest that came tells no package."""

    @property
    def agent(self) -> bool:
        """A release of the agent itself: without it the installed one goes on working."""
        return self.version is None

    @property
    def direct(self) -> tuple[Answer, ...]:
        """All that was tried straight from the stores."""
        return (*self.manifests, *self.packages)

    @property
    def open(self) -> bool:
        """A way straight to the stores is open, for the manifest and, as far as it is known, for the package."""
        return _any_open(self.manifests) and (not self.packages or _any_open(self.packages))

    @property
    def delivered(self) -> bool:
        """The stores delivered, or could not because of the signatures that are not kept."""
        if self.signed:
            return self.open
        return _any_delivered(self.manifests) and (self.agent or _any_delivered(self.packages))

    @property
    def relayed(self) -> bool:
        """The HostGAPlugin delivers. One that delivered the manifest and is still at the package counts: it fetches the
        whole of it before it answers."""
        if self.relayed_manifest is None or not self.relayed_manifest.delivered:
            return False
        package = self.relayed_package
        return self.agent or (package is not None and (package.delivered or package.outcome is Outcome.TIMEOUT))

    @property
    def withheld(self) -> bool:
        """The HostGAPlugin answered, and may have lacked no more than the signature that is not kept."""
        relayed = self.relayed_manifest
        return self.signed and relayed is not None and relayed.outcome is Outcome.OK and not relayed.delivered


@dataclass(frozen=True)
class Own:
    """What one extension needs for its own work."""

    extension: str
    known: bool
    """The catalogue has it."""
    answers: tuple[Answer, ...] = ()
    """From the hosts that the catalogue and its public settings name."""
    settings: Optional[str] = None
    """Hosts that only its settings name, in words; None if there are none, or its public settings name them."""
    always: bool = False
    """It cannot work without those, nor without what is beyond."""
    beyond: Optional[str] = None
    """What else it needs and no document of this VM names, in words; None if there is nothing."""
    undocumented: Optional[str] = None
    """Why the hosts that it needs in this VM's cloud are not known; None where they are, or it needs none."""
    retired: Optional[str] = None
    """The day since which it is not supported; None: it is."""
    successor: Optional[str] = None
    """What takes its place, in words."""

    @property
    def untried(self) -> Optional[str]:
        """What it needs besides what was tried, in words; None if there is nothing."""
        return " and ".join(filter(None, (self.settings, self.beyond))) or None


@dataclass(frozen=True)
class Lookup:
    """A name that only this probe asked for, and what the servers that this VM asks said of it."""

    name: str
    servers: tuple[str, ...] = ()
    """Those that resolv.conf names and that answered."""
    rcode: Optional[str] = None
    """What they answer, "no address" where there is no record; None where they know it, or none answered."""
    witness: Optional[str] = None
    """A server that this VM does not ask, and that knows the name."""


@dataclass(frozen=True)
class EgressFacts:
    """Every way out that was tried. Answers hold no query strings."""

    packages: tuple[Package, ...] = ()
    untried: int = 0
    """Extensions of the goal state whose packages were not tried, nor any store that they come from."""
    own: tuple[Own, ...] = ()
    """One for each extension of this VM, those named on the command line included."""
    configured: tuple[Answer, ...] = ()
    """From the addresses in the configuration."""
    documented: tuple[Answer, ...] = ()
    """From the cloud's public endpoints: only tried where they tell more than the rest."""
    repositories: tuple[Answer, ...] = ()
    """From the servers of the image's package repositories, as further witnesses; none where a proxy is set,
    because a package manager may have a way of its own."""
    otherwise: tuple[Answer, ...] = ()
    """From some of the same servers by other ways than the agent's: straight where it has a proxy, by the proxies that
    only other programs have. Empty where no proxy is set."""
    lookups: tuple[Lookup, ...] = ()
    """The names that the DNS probe did not ask for."""
    handler: Optional[str] = None
    """The version of waagent that fetches packages; None: not known."""
    routes: Mapping[str, Route] = field(default_factory=dict)
    """The kernel's route to each address that was connected to."""

    @property
    def every(self) -> tuple[Answer, ...]:
        """Every answer of a public server."""
        packages = (answer for package in self.packages for answer in package.direct)
        own = (answer for extension in self.own for answer in extension.answers)
        return (*packages, *own, *self.configured, *self.documented)

    @property
    def witnessed(self) -> tuple[Answer, ...]:
        """The same, and the connections to repositories."""
        return (*self.every, *self.repositories)

    @property
    def unreached(self) -> tuple[Answer, ...]:
        """Answers of servers to which no connection was made, one for each address and port."""
        failed = {flow_of(answer): answer for answer in self.every if answer.phase is Phase.TCP}
        return tuple(failed.values())

    @property
    def nothing_open(self) -> bool:
        """Public servers were tried, and not one answered."""
        return bool(self.every) and not _any_open(self.every)


def way(answer: Answer) -> Way:
    """What the answer says of the way to its server."""
    if _refused_by_proxy(answer):
        return Way.PROXY
    if answer.outcome is Outcome.OK or served(answer):
        return Way.OPEN
    if answer.hurried:
        return Way.ODD
    if answer.outcome is Outcome.ERROR and answer.phase is Phase.TLS and answer.detail != NOT_TLS:
        return Way.UNTRUSTED if answer.issuer is not None else Way.ODD
    if answer.outcome is Outcome.ERROR and answer.phase in (Phase.DNS, Phase.HTTP):
        return Way.ODD
    return Way.PROXY if answer.proxy is not None else Way.SHUT


def served(answer: Answer) -> bool:
    """A server far away shook hands, and had no time for its answer."""
    return answer.phase is Phase.HTTP and answer.hurried


def _refused_by_proxy(answer: Answer) -> bool:
    if answer.phase is Phase.PROXY or answer.status == PROXY_WANTS_PASSWORD:
        return True
    return answer.via is not None and answer.status in PROXY_REFUSES


def host_of(url: str) -> str:
    """The host of an address; "" if it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def port_of(url: str) -> int:
    """The port of an address, by its scheme if it names none."""
    try:
        parts = urlsplit(url)
        return parts.port or (80 if parts.scheme.lower() == "http" else 443)
    except ValueError:
        return 443


def flow_of(answer: Answer) -> str:
    """The flow that an answer speaks of: a name if it was not even found, else an address; those of a proxy if one was
    asked."""
    if answer.proxy is not None:
        port = port_of(f"//{answer.proxy}")
        return f"tcp {answer.address}:{port}" if answer.address else f"name {host_of(f'//{answer.proxy}')}"
    if answer.phase is Phase.DNS or answer.address is None:
        return f"name {host_of(answer.url)}"
    return f"tcp {answer.address}:{port_of(answer.url)}"


def by_flow(answers: Iterator[Answer]) -> dict[str, list[Answer]]:
    """Answers that speak of the same flow, together."""
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        groups.setdefault(flow_of(answer), []).append(answer)
    return groups


def _any_open(answers: tuple[Answer, ...]) -> bool:
    return any(way(answer) is Way.OPEN for answer in answers)


def _any_delivered(answers: tuple[Answer, ...]) -> bool:
    return any(answer.delivered or served(answer) for answer in answers)
