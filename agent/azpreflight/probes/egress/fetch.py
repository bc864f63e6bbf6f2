"""Trying one address of the internet: the name, the connection, then the request.

The name's address comes from any server that answers, the platform's own included, so that a dead or lying DNS server
does not hide what else is wrong. The connection is tried apart from the request, because its errors tell who sent them
and because silence there is known sooner than in a request, which may rightly take longer.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Optional

from azpreflight.host import Host, Outcome, Phase
from azpreflight.probes.answers import Answer, answer_of
from azpreflight.probes.dns_facts import CONTROL, DnsFacts, addresses_of, made_up, speaks
from azpreflight.probes.egress.facts import host_of, port_of
from azpreflight.probes.goalstate import bare

LOOKUP = 0.7
"""Seconds for a name that the DNS probe did not ask for, at servers that it found to answer."""
CONNECT = 1.2
"""Seconds for a connection: a lost first packet is sent again after 1.0 s."""
ATTEMPT = 2.0
"""Seconds for a connection and the request: three round trips for TLS and HTTP, which half way round the earth are
0.9 s, and a lost packet. All is tried at once, so this is the price of silence."""
SERVERS = 3
"""Servers that are asked for a name: as many as the C library would."""


@dataclass(frozen=True)
class Found:
    """Where a name is."""

    addresses: tuple[str, ...] = ()
    detail: Optional[str] = None
    """Why there are none."""
    denied: bool = False
    """A server said that there are none, so it is no matter of the way to it."""


def look_up(host: Host, names: "Sequence[str]", dns: Optional[DnsFacts]) -> "Mapping[str, Found]":
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
    servers = [server for server in dns.servers if speaks(server)] if dns is not None else []
    asked = [server.address for server in servers][:SERVERS] or [CONTROL]
    invented = {address for server in servers for address in made_up(server, dns)} if dns is not None else set()
    answers = host.together([partial(host.ask, address, name, "A", LOOKUP) for address in asked])
    found = dict.fromkeys(address for answer in answers for address in answer.addresses if address not in invented)
    denied = not found and any(answer.outcome is Outcome.OK for answer in answers)
    return Found(tuple(found), None if found else _why(denied), denied)


def _why(denied: bool) -> str:
    return "no server that answers knows an address for it" if denied else "no server told its address"


@dataclass(frozen=True)
class Tried:
    """One GET."""

    answer: Answer
    body: bytes = b""


def fetch(
    host: Host,
    uri: str,
    found: "Mapping[str, Found]",
    limit: int,
    seconds: float,
    headers: "Optional[Mapping[str, str]]" = None,
) -> Tried:
    """One GET straight from the server."""
    where = found.get(host_of(uri), Found(detail="not an address that can be asked", denied=True))
    if not where.addresses:
        outcome = Outcome.ERROR if where.denied else Outcome.TIMEOUT
        return Tried(Answer(bare(uri), outcome, Phase.DNS, 0.0, detail=where.detail))
    address = where.addresses[0]
    tcp = host.connect(address, port_of(uri), min(CONNECT, seconds))
    if tcp.outcome is not Outcome.OK:
        answer = Answer(bare(uri), tcp.outcome, Phase.TCP, tcp.duration_s, address=address, detail=tcp.detail)
        return Tried(replace(answer, offender=tcp.offender, icmp=tcp.icmp))
    got = host.get(uri, seconds - tcp.duration_s, headers=headers, limit=limit, address=address)
    return Tried(replace(answer_of(uri, got), address=address), got.body)
