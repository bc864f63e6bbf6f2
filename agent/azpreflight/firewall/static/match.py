"""One rule of iptables against one packet, in three values: it matches, it does not, or this cannot be told from text.

Only what is common and simple is understood (`iptables(8)`, `iptables-extensions(8)`); everything else is "cannot be
told", never a guess. The kernel is the authority, see `rehearsal`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple, Optional

from azpreflight import shell
from azpreflight.foreign import whole

PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "ipv6-icmp", "0": "all", "icmpv6": "ipv6-icmp"}
FIRST_FREE_PORT, LAST_PORT = 1024, 65535
_SILENT = {"tcp", "udp", "comment", "multiport", "conntrack", "state", "owner"}
"""Modules whose options are all inspected below, so that loading them says nothing more."""
_WORD = re.compile(r"-{1,2}[a-z]")
_QUOTED = re.compile(r"[\"'\\]")
"""Without any of these a rule is its words; taking it apart as a shell does costs ten times as much."""

Truth = Optional[bool]
"""None: cannot be told."""


class Packet(NamedTuple):
    """What a rule can see of a packet, as far as it is understood here."""

    protocol: str
    source: str
    destination: str
    source_port: Optional[int]
    """None: any of the range from which the kernel takes them."""
    destination_port: Optional[int]
    """None likewise, of an answer."""
    incoming: str
    """The interface that it came in by; "" on the way out."""
    outgoing: str
    state: str
    """NEW, ESTABLISHED or UNTRACKED, as connection tracking sees it; "" before it has seen it."""
    uid: Optional[int]
    """Whose socket it is; None where that cannot be told."""


class Rule(NamedTuple):
    """A rule taken apart."""

    conditions: tuple[tuple[str, str, bool], ...]
    """Option, value, and whether it is negated."""
    target: str
    """"" for a rule that only counts."""
    goes: bool
    """`-g` instead of `-j`."""


def parse(specification: str) -> Rule:
    """Take a rule apart: "-A OUTPUT ! -d 10.0.0.0/8 -j DROP"."""
    conditions: list[tuple[str, str, bool]] = []
    target, goes = "", False
    words = shell.words(specification) if _QUOTED.search(specification) else specification.split()
    for option, value, negated in _options(words[2:]):
        if option in ("-j", "-g"):
            target, goes = value, option == "-g"
        elif not target:  # what follows are the target's own options
            conditions.append((option, value, negated))
    return Rule(tuple(conditions), target, goes)


def _options(words: list[str]) -> Iterator[tuple[str, str, bool]]:
    """Each option with its values as one text, and whether "!" stands before it."""
    at = 0
    while at < len(words):
        negated = words[at] == "!"
        at += negated
        option, values = words[at] if at < len(words) else "", []
        at += 1
        while at < len(words) and words[at] != "!" and not _WORD.match(words[at]):
            values.append(words[at])
            at += 1
        yield option, " ".join(values), negated


def matches(rule: Rule, packet: Packet) -> Truth:
    """Whether all conditions hold. One that fails decides, whatever cannot be told of the others."""
    told: Truth = True
    for option, value, negated in rule.conditions:
        truth = holds(option, value, negated, packet)
        if truth is False:
            return False
        told = truth and told
    return told


def holds(option: str, value: str, negated: bool, packet: Packet) -> Truth:
    """Whether one condition does."""
    if option == "-m":
        return True if value in _SILENT else None
    if option == "--comment":
        return True
    if option == "--reject-with":
        return True
    check = _CHECKS.get(option)
    truth = check(value, packet) if check is not None else None
    return truth if truth is None or not negated else not truth


def _protocol(value: str, packet: Packet) -> Truth:
    wanted = PROTOCOLS.get(value, value)
    return True if wanted == "all" else wanted == packet.protocol


def _inside(value: str, address: str) -> Truth:
    try:
        version, first, mask = _network(value)
        family, number = _address(address)
    except ValueError:
        return None
    return family == version and number & mask == first


@lru_cache(maxsize=20_000)
def _network(value: str) -> tuple[int, int, int]:
    """Its IP version, its first address, and its mask."""
    network = ipaddress.ip_network(value, strict=False)
    return network.version, int(network.network_address), int(network.netmask)


@lru_cache(maxsize=256)
def _address(value: str) -> tuple[int, int]:
    """Its IP version, and the address."""
    address = ipaddress.ip_address(value)
    return address.version, int(address)


def _interface(value: str, name: str) -> bool:
    return name.startswith(value[:-1]) if value.endswith("+") else name == value


def _port(value: str, port: Optional[int]) -> Truth:
    """One of ports and ranges: "53", "1000:2000", "80,443"."""
    ranges = []
    for part in value.split(","):
        low, _, high = part.partition(":")
        first, last = whole(low), whole(high or low)
        if first is None or last is None:
            return None
        ranges.append((first, last))
    if port is None:  # one that the kernel chose, among those that need no privilege
        if any(low <= FIRST_FREE_PORT and high == LAST_PORT for low, high in ranges):
            return True
        return False if all(high < FIRST_FREE_PORT for _, high in ranges) else None
    return any(low <= port <= high for low, high in ranges)


def _ports(value: str, packet: Packet) -> Truth:
    truths = (_port(value, packet.source_port), _port(value, packet.destination_port))
    return True if True in truths else None if None in truths else False


def _owner(value: str, packet: Packet) -> Truth:
    low, _, high = value.partition("-")
    if packet.uid is None:
        return None
    first, last = whole(low), whole(high or low)
    return None if first is None or last is None else first <= packet.uid <= last


def _state(value: str, packet: Packet) -> Truth:
    return packet.state in value.split(",") if packet.state else None


def _of_tcp(check: Callable[[str, Packet], Truth]) -> Callable[[str, Packet], Truth]:
    return lambda value, packet: check(value, packet) if packet.protocol in ("tcp", "udp") else False


_CHECKS: dict[str, Callable[[str, Packet], Truth]] = {
    "-p": _protocol,
    "-s": lambda value, packet: _inside(value, packet.source),
    "-d": lambda value, packet: _inside(value, packet.destination),
    "-i": lambda value, packet: _interface(value, packet.incoming),
    "-o": lambda value, packet: _interface(value, packet.outgoing),
    "--sport": _of_tcp(lambda value, packet: _port(value, packet.source_port)),
    "--dport": _of_tcp(lambda value, packet: _port(value, packet.destination_port)),
    "--sports": _of_tcp(lambda value, packet: _port(value, packet.source_port)),
    "--dports": _of_tcp(lambda value, packet: _port(value, packet.destination_port)),
    "--ports": _of_tcp(_ports),
    "--ctstate": _state,
    "--state": _state,
    "--uid-owner": _owner,
}
