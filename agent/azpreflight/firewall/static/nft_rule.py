"""Rules in nft's own language that a flow may meet, and that may do otherwise the next time. Pure.

The kernel tells of rules that a packet matched. One that asks for a rate or for a program's control group may not match
the rehearsal's packet and match an agent's, so the text is searched for those too. Only the plainest conditions are
understood; a rule is passed over only where one of them says that it is about other packets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from azpreflight.firewall import parse_nft
from azpreflight.firewall.facts import Flow
from azpreflight.firewall.rule_names import Place
from azpreflight.firewall.rules import Chain, Table
from azpreflight.firewall.static.evaluate import DEPTH, OUT, Surroundings, packets
from azpreflight.firewall.static.match import Packet, Truth, holds

LEAVING, ARRIVING = ("output", "postrouting", "egress"), ("ingress", "prerouting", "input")
FAMILIES = {"ip": (4,), "ip6": (6,), "inet": (4, 6), "netdev": (4, 6)}
ENDING = ("accept", "drop", "reject", "return", "queue")
GOING = ("jump", "goto")
STATES = {1: "INVALID", 2: "ESTABLISHED", 4: "RELATED", 8: "NEW", 64: "UNTRACKED"}
"""As `nft -n` prints them (enum ip_conntrack_status of <linux/netfilter/nf_conntrack_common.h>)."""
_SELECTORS = {
    "ip saddr": "-s",
    "ip daddr": "-d",
    "ip6 saddr": "-s",
    "ip6 daddr": "-d",
    "ip protocol": "-p",
    "meta l4proto": "-p",
    "meta skuid": "--uid-owner",
    "ct state": "--ctstate",
    **{f"{protocol} {port}": f"--{port}" for protocol in ("tcp", "udp", "th") for port in ("sport", "dport")},
}
SAYING_NOTHING = ("counter", "comment")
MORE_THAN_A_VALUE = ("map", "vmap", "set", ".", "and", "&", "!", "<", ">", "<=", ">=")
_HEXADECIMAL = re.compile("0x[0-9a-fA-F]{1,8}")
_WORD = re.compile(r'"[^"]*"|[^\s"]+')
_INTERFACES = {"oif": "-o", "oifname": "-o", "iif": "-i", "iifname": "-i"}


class Condition(NamedTuple):
    """One thing that a rule asks for, under the name that iptables has for it: one of these values, or none of them."""

    option: str
    values: tuple[str, ...]
    negated: bool = False


class Rule(NamedTuple):
    """As far as a rule is understood."""

    conditions: tuple[Condition, ...]
    ending: bool
    """Nothing else is in it than these conditions, and a packet that meets them goes no further in this chain."""
    decides: bool
    """It has a verdict: a rule without one only looks."""
    chains: tuple[str, ...]
    """Where it sends packets."""


def doubtful(flow: Flow, tables: Sequence[Table], at: Surroundings) -> Iterator[Place]:
    """Rules that decide, and that may match packets of this flow or its answer."""
    version = 6 if ":" in flow.address else 4
    native = [table for table in tables if not table.iptables and version in FAMILIES.get(table.family, ())]
    for packet, way, _ in packets(flow, at, flow.uid):
        hooks = LEAVING if way is OUT else ARRIVING
        bases = [(table, chain) for table in native for chain in table.chains.values() if chain.hook in hooks]
        for table, chain in bases:
            yield from _walk(table, chain, packet, 0)


def _walk(table: Table, chain: Chain, packet: Packet, depth: int) -> Iterator[Place]:
    for number, line in enumerate(chain.lines, 1):
        rule = parse(line)
        truth = matches(rule, packet)
        if truth is False:
            continue
        if rule.decides:
            yield Place(table, chain, number)
        for name in rule.chains if depth < DEPTH else ():
            if name in table.chains:
                yield from _walk(table, table.chains[name], packet, depth + 1)
        if truth and rule.ending:
            return


def matches(rule: Rule, packet: Packet) -> Truth:
    """Whether all conditions that are understood hold."""
    truth: Truth = True
    for condition in rule.conditions:
        told = _condition(condition, packet)
        if told is False:
            return False
        truth = truth if told else None
    return truth


def _condition(condition: Condition, packet: Packet) -> Truth:
    if condition.option in ("-s", "-d") and all(_of_other_family(value, packet) for value in condition.values):
        return False  # also where it is negated
    told = [holds(condition.option, value, False, packet) for value in condition.values]
    truth = True if True in told else None if None in told else False
    return truth if truth is None or not condition.negated else not truth


def _of_other_family(value: str, packet: Packet) -> bool:
    return value[0] != "@" and (":" in value) != (":" in packet.destination)


@lru_cache(maxsize=20_000)
def parse(line: str) -> Rule:
    """Take a rule apart, as `nft -n -a` prints it."""
    conditions: list[Condition] = []
    rest: list[str] = []
    words, at = _WORD.findall(parse_nft.uncounted(line)), 0
    while at < len(words):
        found, after = _condition_at(words, at)
        conditions += found
        rest += words[at:after] if not found else ()
        at = after
    rest = [word for word in rest if word[0] != '"' and word not in SAYING_NOTHING]
    chains = tuple(name.strip(",") for before, name in zip(rest, rest[1:]) if before in GOING)
    ending = bool(rest) and rest[0] in ENDING and (len(rest) == 1 or rest[0] == "reject")
    decides = bool(chains) or any(word.strip(",") in ENDING for word in rest) or "to" in rest
    return Rule(tuple(conditions), ending, decides, chains)


def _condition_at(words: list[str], at: int) -> tuple[list[Condition], int]:
    """The condition that begins there, if one that is understood does, and where the next word is."""
    option = _SELECTORS.get(" ".join(words[at : at + 2]))
    option, start = (option, at + 2) if option else (_INTERFACES.get(words[at]), at + 1)
    following = words[start] if start < len(words) else ""
    if option is None or following in MORE_THAN_A_VALUE:
        return [], at + 1
    negated = following == "!="
    values, after = _values(words, start + negated)
    found = [Condition(option, tuple(_value(option, value) for value in values), negated)]
    if words[at] in ("tcp", "udp"):
        found.append(Condition("-p", (words[at],)))
    return found, after


def _values(words: list[str], at: int) -> tuple[list[str], int]:
    """One value, or those of a set in braces, and where the next word is."""
    if words[at : at + 1] != ["{"]:
        return words[at : at + 1], at + 1
    end = words.index("}", at) if "}" in words[at:] else len(words)
    return [word.strip(",") for word in words[at + 1 : end]], end + 1


def _value(option: str, value: str) -> str:
    """As iptables would say it."""
    if option in ("--sport", "--dport"):
        return value.replace("-", ":")
    if option in ("-i", "-o"):
        value = value.strip('"')
        return f"{value[:-1]}+" if value.endswith("*") else value
    if option == "--ctstate":
        return ",".join(_states(value))
    return value


def _states(value: str) -> Iterator[str]:
    for word in value.split(","):
        yield STATES.get(int(word, 16), word) if _HEXADECIMAL.fullmatch(word) else word.upper()
