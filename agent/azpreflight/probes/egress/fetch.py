"""Trying addresses of the internet: the name, the connection, then the request.

The name's address comes from any server that answers, the platform's own included, so that a dead or lying DNS server
does not hide what else is wrong. The connection has less time than the request, which may rightly take longer. Where
the agent has a proxy the connection is to that one, which then looks up the server's name by itself.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from typing import Optional

from azpreflight.azure.answer import PADDED, Answer, answer_of
from azpreflight.azure.goal_state import GoalState, bare
from azpreflight.dataclass import dataclass
from azpreflight.host import DnsAnswer, Host, Outcome, Phase
from azpreflight.probes.dns.facts import CONTROL, PASSED_ON, DnsFacts, Role, addresses_of, made_up, named, speaks
from azpreflight.probes.egress.facts import Lookup, host_of, port_of
from azpreflight.probes.proxy.facts import ProxyFacts, agent_proxy

LOOKUP = 0.7
"""Seconds for a name that the DNS probe did not ask for, at servers that it found to answer."""
CONNECT = 1.2
"""Seconds for a connection: a lost first packet is sent again after 1.0 s."""
ATTEMPT = 2.0
"""Seconds for a connection and the request: three round trips for TLS and HTTP, which half way round the earth are
0.9 s, and a lost packet. All is tried at once, so this is the price of silence."""
SERVERS = 3
"""Servers that are asked for a name: as many as glibc would."""


@dataclass(frozen=True)
class Found:
    """Where a name is."""

    addresses: tuple[str, ...] = ()
    detail: Optional[str] = None
    """Why there are none."""
    denied: bool = False
    """A server said that there are none, so it is no matter of the way to it."""
    lookup: Optional[Lookup] = None
    """What this VM's own servers said; None where they were not asked here."""


def look_up(host: Host, names: Sequence[str], dns: Optional[DnsFacts]) -> Mapping[str, Found]:
    """Where each name is: from the DNS probe if it asked for it, else from the servers that it found to answer."""
    unique = tuple(dict.fromkeys(name for name in names if name))
    asked = [name for name in unique if not _literal(name) and (dns is None or name not in dns.names)]
    asks = [partial(_ask, host, name, dns) for name in asked]
    found = dict(zip(asked, host.together(asks)))
    return {name: found.get(name) or _known(name, dns) for name in unique}


def _literal(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _known(name: str, dns: Optional[DnsFacts]) -> Found:
    """What needs no asking: a literal address, or what the DNS probe knows."""
    if _literal(name) or dns is None:
        return Found((name,))
    addresses = addresses_of(dns, name)
    if addresses:
        return Found(addresses)
    answers = [asked.answer for server in dns.servers for asked in server.asked if asked.name == name]
    denied = any(answer.outcome is Outcome.OK for answer in answers)
    return Found(detail=_why(denied), denied=denied)


def _ask(host: Host, name: str, dns: Optional[DnsFacts]) -> Found:
    """From any server that answers; what those say that this VM asks is kept apart."""
    servers = [server for server in dns.servers if speaks(server)] if dns is not None else []
    control = [server for server in servers if server.role is Role.CONTROL]
    asked = [server.address for server in (*servers[: SERVERS - len(control)], *control)] or [CONTROL]
    invented = {address for server in servers for address in made_up(server, dns)} if dns is not None else set()
    answers = host.together([partial(host.ask, address, name, "A", LOOKUP) for address in asked])
    found = dict.fromkeys(address for answer in answers for address in answer.addresses if address not in invented)
    denied = not found and any(answer.outcome is Outcome.OK for answer in answers)
    own = [server.address for server in servers if dns is not None and server in named(dns)]
    by_own = [(address, answer) for address, answer in zip(asked, answers) if address in own]
    others = [(address, answer) for address, answer in zip(asked, answers) if address not in own]
    return Found(tuple(found), None if found else _why(denied), denied, _lookup(name, by_own, others, invented))


Said = tuple[str, DnsAnswer]
"""A server, and its answer."""


def _lookup(name: str, own: Sequence[Said], others: Sequence[Said], invented: set[str]) -> Lookup:
    """As glibc does: the first server that gives an answer has the last word, unless it only failed."""
    told = [(address, answer) for address, answer in own if answer.outcome is Outcome.OK]
    answered = [(address, answer) for address, answer in told if answer.addresses or not answer.truncated]
    final = [said for said in answered if said[1].rcode not in PASSED_ON] or answered
    if not final or _addresses(final[0][1], invented):
        return Lookup(name, tuple(address for address, _ in answered))
    rcode = final[0][1].rcode or "NOERROR"
    witness = next((address for address, answer in others if _addresses(answer, invented)), None)
    return Lookup(name, (final[0][0],), "no address" if rcode == "NOERROR" else rcode, witness)


def _addresses(answer: DnsAnswer, invented: set[str]) -> tuple[str, ...]:
    taken = answer.addresses if answer.rcode in (None, "NOERROR") else ()
    return tuple(address for address in taken if address not in invented)


def _why(denied: bool) -> str:
    return "no server that answers knows an address for it" if denied else "no server told its address"


@dataclass(frozen=True)
class Means:
    """What every attempt needs."""

    host: Host
    dns: Optional[DnsFacts]
    proxies: Optional[ProxyFacts]
    state: Optional[GoalState]
    """What the HostGAPlugin wants to be told; None if it cannot be asked."""
    stops: Mapping[str, Found] = field(default_factory=dict)
    """Where the hosts of proxies are."""


@dataclass(frozen=True)
class Tried:
    """One GET."""

    answer: Answer
    body: bytes = b""
    lookup: Optional[Lookup] = None
    """Of its host, where that was asked for here."""


Wanted = tuple[str, Optional[str]]
"""An address, and the proxy by which it is asked for: HOST:PORT, or None for straight."""


def fetch_as_agent(
    means: Means, uris: Sequence[str], limit: int, seconds: float, headers: Optional[Mapping[str, str]] = None
) -> tuple[Tried, ...]:
    """All of these at once, each as the agent would: by its proxy where it has one."""
    return fetch_all(means, [(uri, agent_proxy(means.proxies, uri)) for uri in uris], limit, seconds, headers)


def fetch_all(
    means: Means, wanted: Sequence[Wanted], limit: int, seconds: float, headers: Optional[Mapping[str, str]] = None
) -> tuple[Tried, ...]:
    """All of these at once."""
    straight = [host_of(uri) for uri, proxy in wanted if proxy is None]
    found = {**means.stops, **look_up(means.host, straight, means.dns)}
    return means.host.together([partial(_fetch, means.host, one, found, limit, seconds, headers) for one in wanted])


def _first_stop(uri: str, proxy: Optional[str]) -> tuple[str, int]:
    """Host and port to connect to."""
    if proxy is not None and "@" in proxy:
        return proxy, 0  # the agent looks up all of it as a name, and no name has an @
    place = uri if proxy is None else f"//{proxy}"
    return host_of(place), port_of(place)


def _fetch(
    host: Host,
    wanted: Wanted,
    found: Mapping[str, Found],
    limit: int,
    seconds: float,
    headers: Optional[Mapping[str, str]],
) -> Tried:
    """One connection, and one GET that takes more than one packet. Like the agent's it has no proxy password."""
    headers = {**PADDED, **(headers or {})}
    uri, proxy = wanted
    name, port = _first_stop(uri, proxy)
    where = found.get(name, Found(detail="not an address that can be asked", denied=True))
    if not where.addresses:
        outcome, phase = Outcome.ERROR if where.denied else Outcome.TIMEOUT, Phase.PROXY if proxy else Phase.DNS
        answer = Answer(bare(uri), outcome, phase, 0.0, detail=where.detail, proxy=proxy)
        return Tried(answer, lookup=where.lookup if proxy is None else None)
    address = where.addresses[0]
    if proxy is None:
        got = host.get(uri, seconds, headers=headers, limit=limit, address=address, connect=CONNECT)
    else:
        place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        got = host.get(uri, seconds, headers=headers, limit=limit, proxy=f"http://{place}", connect=CONNECT)
    lookup = where.lookup if proxy is None else None
    return Tried(replace(answer_of(uri, got), address=address, proxy=proxy), got.body, lookup)


def reach(means: Means, uris: Sequence[str], seconds: float = CONNECT) -> tuple[Tried, ...]:
    """A connection to each of these servers, and no more."""
    found = look_up(means.host, [host_of(uri) for uri in uris], means.dns)
    return means.host.together([partial(_connect, means.host, uri, found[host_of(uri)], seconds) for uri in uris])


def _connect(host: Host, uri: str, where: Found, seconds: float) -> Tried:
    if not where.addresses:
        outcome = Outcome.ERROR if where.denied else Outcome.TIMEOUT
        return Tried(Answer(bare(uri), outcome, Phase.DNS, 0.0, detail=where.detail), lookup=where.lookup)
    address = where.addresses[0]
    tcp = host.connect(address, port_of(uri), seconds)
    answer = Answer(
        bare(uri),
        tcp.outcome,
        Phase.TCP,
        tcp.duration_s,
        address=address,
        detail=tcp.detail,
        offender=tcp.offender,
        icmp=tcp.icmp,
    )
    return Tried(answer, lookup=where.lookup)


def first_of_each(uris: Sequence[str], most: int) -> tuple[str, ...]:
    """The first of these of each server, `most` in all."""
    servers: dict[tuple[str, int], str] = {}
    for uri in uris:
        servers.setdefault((host_of(uri), port_of(uri)), uri)
    return tuple(servers.values())[:most]
