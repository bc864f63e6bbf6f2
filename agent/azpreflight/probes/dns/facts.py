"""What each name server said, and what can be read from it: who answers, who is wrong, which addresses there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum
from typing import Optional

from azpreflight.azure.addresses import WIRE_SERVER
from azpreflight.dataclass import dataclass
from azpreflight.guest.dns_sources import Origin, Source
from azpreflight.guest.forwarders import Forwarder
from azpreflight.guest.resolv_conf import ResolvConfFile, is_local
from azpreflight.host import DnsAnswer, Outcome, Route
from azpreflight.probes.dns.names import IMPOSSIBLE
from azpreflight.probes.dns.resolved import StrictSetting

_TELLING = (
    Outcome.OK,
    Outcome.ERROR,
    Outcome.PROHIBITED,
    Outcome.REFUSED,
    Outcome.RESET,
    Outcome.UNREACHABLE,
    Outcome.TIMEOUT,
)
"""What tells most about a server comes first: one lost answer among many is no silence."""

CONTROL = WIRE_SERVER
"""The platform's own DNS server, which every VM on Azure can ask whatever its network is configured to use (Microsoft
Learn, "What is IP address 168.63.129.16?")."""

USE_TCP = "use-vc"
SILENCE = "nothing"
"""What a server answers for a name of which it is silent."""
PASSED_ON = ("SERVFAIL", "REFUSED", "NOTIMP", SILENCE)
"""After these glibc asks the next server; any other answer is its last word (glibc, resolv/res_send.c)."""
EVERYTHING = ("name *",)
"""The flows that end with the last way to look up names."""
STUBS = ("127.0.0.53", "127.0.0.54")
"""Where systemd-resolved listens (systemd-resolved.service(8))."""
RESOLVED = "/run/systemd/resolve/resolv.conf"
"""The servers that it asks (systemd-resolved.service(8), "/etc/resolv.conf")."""


class Role(str, Enum):
    """How this machine comes to ask a server."""

    CONFIGURED = "configured"
    """Named by resolv.conf, on another machine."""
    LOCAL = "local"
    """Named by resolv.conf, on this machine: systemd-resolved's stub, dnsmasq, or what glibc asks for want of any."""
    UPSTREAM = "upstream"
    """Asked by the local resolver."""
    OFFERED = "offered"
    """Named by DHCP, and not asked by this machine."""
    CONTROL = "control"
    """Asked only to compare."""


@dataclass(frozen=True)
class Asked:
    """One question and what came of it."""

    name: str
    rdtype: str
    """A or AAAA."""
    tcp: bool
    answer: DnsAnswer


@dataclass(frozen=True)
class Server:
    """One server and all that it was asked."""

    address: str
    role: Role
    asked: tuple[Asked, ...] = ()


@dataclass(frozen=True)
class LibraryAnswer:
    """What glibc's own way (nsswitch, files, the local resolver) makes of a name."""

    name: str
    addresses: tuple[str, ...] = ()
    error: Optional[str] = None
    """Why there is no answer in time."""


@dataclass(frozen=True)
class Searched:
    """A name with a domain of the search list after it, which a server knows."""

    name: str
    domain: str
    server: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class DnsFacts:
    """How names are configured here, and what every server said to the names that matter."""

    file: ResolvConfFile
    behind: Optional[ResolvConfFile] = None
    """The file with the servers that the local resolver asks; None without such a resolver or file."""
    names: tuple[str, ...] = ()
    """The names that were asked for."""
    proven: tuple[str, ...] = ()
    """Those of the names that this VM's goal state has, so that they certainly exist."""
    sibling: Optional[str] = None
    """A name beside the first of the names that hardly exists; None if there was none to ask for."""
    servers: tuple[Server, ...] = ()
    """In the order in which they are asked; the control last. Empty for a mounted image."""
    sources: tuple[Source, ...] = ()
    """Where each of the servers that names depend on comes from; none of those on this machine."""
    library: Optional[LibraryAnswer] = None
    """For the first of the names; None if it was not asked."""
    leased: tuple[str, ...] = ()
    """The servers that DHCP names, whoever asks them."""
    routes: Mapping[str, Route] = field(default_factory=dict)
    """The kernel's route to each server on another machine."""
    asked_for: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By server, the names that the local resolver asks it for, where that is not all of them."""
    strict: tuple[StrictSetting, ...] = ()
    """Settings by which the local resolver refuses answers that it cannot prove, or servers that do not encrypt."""
    forwarder: Optional[Forwarder] = None
    """The local resolver and whom it asks, where that is a dnsmasq or an unbound."""
    unmanaged: bool = False
    """systemd-networkd takes care of no link that carries traffic."""
    hosts_line: Optional[str] = None
    """The line "hosts:" of nsswitch.conf; None if there is none."""
    searched: tuple[Searched, ...] = ()
    """What glibc asks before the name itself, where resolv.conf wants more dots than a name has."""
    stub: bool = False
    """systemd-resolved is enabled."""
    writers: Optional[tuple[str, ...]] = None
    """What makes resolv.conf again at boot; None if that was not inspected."""


# --- names --------------------------------------------------------------------------------------------------------


# --- readings -----------------------------------------------------------------------------------------------------


def control_of(facts: DnsFacts) -> Optional[Server]:
    """The platform's own server, if it was asked: as the control, or because it is configured."""
    return next((server for server in facts.servers if server.address == CONTROL), None)


def named(facts: DnsFacts) -> tuple[Server, ...]:
    """The servers that resolv.conf names, in its order."""
    return tuple(server for server in facts.servers if server.role in (Role.CONFIGURED, Role.LOCAL))


def upstream(facts: DnsFacts) -> tuple[Server, ...]:
    """The servers that the local resolver asks."""
    return tuple(server for server in facts.servers if server.role is Role.UPSTREAM)


def judged(facts: DnsFacts) -> tuple[Server, ...]:
    """The servers that names depend on here: all but those that were asked only to compare."""
    return tuple(server for server in facts.servers if server.role not in (Role.CONTROL, Role.OFFERED))


def asked_here(server: Server, name: str, facts: DnsFacts) -> bool:
    """Whether this machine asks the server for the name at all."""
    return server.address not in facts.asked_for or name in facts.asked_for[server.address]


def patchy(server: Server) -> bool:
    """Over UDP it answered some questions of a family, and was silent to others."""
    asked = [asked for asked in server.asked if not asked.tcp and asked.name != IMPOSSIBLE]
    families = [{one.answer.outcome for one in asked if one.rdtype == family} for family in ("A", "AAAA")]
    return any({Outcome.OK, Outcome.TIMEOUT} <= outcomes for outcomes in families)


def answers_here(server: Server, facts: DnsFacts) -> bool:
    """It answers in the way in which this machine asks: over TCP alone with `options use-vc` (resolv.conf(5))."""
    over_tcp = server.role is Role.CONFIGURED and USE_TCP in facts.file.content.options
    return speaks(server, tcp=over_tcp)


def lost_names(facts: DnsFacts) -> tuple[str, ...]:
    """The names of which no server that resolv.conf names gives an address."""
    front = named(facts)
    return tuple(name for name in facts.names if not any(known_addresses(server, name, facts) for server in front))


def asks_nobody(facts: DnsFacts) -> bool:
    """All names go to systemd-resolved's stub, which answers, has no server to ask, and knows none of them."""
    front = named(facts)
    return (
        bool(front)
        and all(server.address in STUBS for server in front)
        and facts.behind is not None
        and facts.behind.path == RESOLVED
        and facts.behind.content.nobody
        and not upstream(facts)
        and any(speaks(server) for server in front)
        and not any(known_addresses(server, name, facts) for server in front for name in facts.names)
    )


def source_of(server: Server, facts: DnsFacts) -> Source:
    """Where it comes from."""
    unknown = Source(server.address, Origin.UNKNOWN)
    return next((source for source in facts.sources if source.address == server.address), unknown)


def remote_servers(facts: DnsFacts) -> tuple[str, ...]:
    """Addresses of the servers that this machine's names depend on and that are not on this machine."""
    return tuple(server.address for server in judged(facts) if server.role is not Role.LOCAL)


def heard(server: Server, tcp: bool) -> DnsAnswer:
    """The most telling answer of a server over one transport; silence if it was not asked."""
    answers = [asked.answer for asked in server.asked if asked.tcp is tcp]
    return min(answers, key=lambda answer: _TELLING.index(answer.outcome), default=DnsAnswer(Outcome.TIMEOUT, 0.0))


def speaks(server: Server, tcp: bool = False) -> bool:
    """It answered at least one question over this transport. The C library asks over UDP first."""
    return heard(server, tcp).outcome is Outcome.OK


def never_answers(server: Server, name: str) -> bool:
    """It was asked for this name without success, in either family and over either transport."""
    answers = [asked.answer for asked in server.asked if asked.name == name]
    return len(answers) > 1 and all(answer.outcome is Outcome.TIMEOUT for answer in answers)


def addresses_from(server: Server, name: str) -> tuple[str, ...]:
    """What one server gave for a name, over any transport. The C library takes nothing of an answer that says that it
    failed, whatever else stands in it."""
    answers = [asked.answer for asked in server.asked if asked.name == name]
    taken = [answer for answer in answers if answer.rcode in (None, "NOERROR")]
    return tuple(dict.fromkeys(address for answer in taken for address in answer.addresses))


def made_up(server: Server, facts: DnsFacts) -> frozenset[str]:
    """Addresses that this server gives for names that do not exist, and so for everything."""
    invented = set(addresses_from(server, IMPOSSIBLE))
    control = control_of(facts)
    if facts.sibling is not None and control is not None and control is not server:
        answers = [asked.answer for asked in control.asked if asked.name == facts.sibling]
        if any(answer.rcode == "NXDOMAIN" for answer in answers):
            invented |= set(addresses_from(server, facts.sibling))
    return frozenset(invented)


def known_addresses(server: Server, name: str, facts: DnsFacts) -> tuple[str, ...]:
    """What one server gave for a name, without what it made up and what points back to this machine."""
    invented = made_up(server, facts)
    return tuple(
        address for address in addresses_from(server, name) if address not in invented and not is_local(address)
    )


def addresses_of(facts: DnsFacts, name: str) -> tuple[str, ...]:
    """Where a name is according to any server that answers: configured ones first, then the control; IPv4 first.

    So a dead or lying server does not hide what else is wrong. Empty if nobody knows, or the name was not asked for.
    """
    found = [address for server in facts.servers for address in known_addresses(server, name, facts)]
    return tuple(sorted(dict.fromkeys(found), key=lambda address: ":" in address))


def fault(server: Server, name: str, facts: DnsFacts) -> Optional[str]:
    """What is wrong with a server's answers for a name, in a word; None if it knows an address, or answers nothing.

    One that is silent for this name and speaks otherwise waits for the servers that it passes such questions on to.
    """
    if speaks(server) and never_answers(server, name):
        return SILENCE
    answers = [asked.answer for asked in server.asked if asked.name == name and _whole(asked.answer)]
    if not answers or known_addresses(server, name, facts):
        return None
    given = addresses_from(server, name)
    if given:
        return given[0]
    return next((answer.rcode for answer in answers if answer.rcode not in (None, "NOERROR")), "no address")


def _whole(answer: DnsAnswer) -> bool:
    return answer.outcome is Outcome.OK and (bool(answer.addresses) or not answer.truncated)


def plain(text: str) -> str:
    """A text from a file or the network, fit for one line of ASCII."""
    return ascii(text)[1:-1]
