"""From what the kernel said about a packet to the rule that a user knows: its text, its counter, how to take it out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Optional

from azpreflight.firewall import agent_rules, generated_rules, parse_iptables_save, parse_nft, redaction
from azpreflight.firewall.facts import Backend, Decider, Flow, Part, Purpose
from azpreflight.firewall.rules import Chain, Table
from azpreflight.firewall.tools import PREFIX

_ENDS = re.compile(r" -[ds] |ports? |[ds]addr |[ds]port ")
_MANY = re.compile(r"--match-set |@|vmap")


class Place(NamedTuple):
    """A rule, or a chain's policy, in the copied tables."""

    table: Table
    chain: Chain
    number: Optional[int]
    """1 first; None for the policy."""

    @property
    def line(self) -> str:
        """The rule as its tool printed it; "" for a policy."""
        return "" if self.number is None else self.chain.lines[self.number - 1]

    @property
    def target(self) -> str:
        """DROP, ACCEPT, REJECT, a chain's name; of a rule in nft's own language its text."""
        if self.number is None:
            return self.chain.policy or ""
        return parse_iptables_save.target(self.line) if self.table.iptables else parse_nft.specification(self.line)


class Index:
    """The tables by the names under which the kernel speaks of them."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self._tables = {table.key: table for table in tables}

    def place(self, event: Mapping[str, Any]) -> Optional[Place]:
        """Where an event happened; None for a place that the tables do not have (a user chain's end among them).

        The kernel calls an unconditional rule of a legacy table "policy" or "return". If the number is that of a rule,
        it is this rule; only one past the last is the policy.
        """
        table = self._tables.get((event["backend"], event["family"], event["table"]))
        chain = table.chains.get(event["chain"]) if table is not None else None
        if table is None or chain is None:
            return None
        number = event["rule"]
        if 1 <= number <= len(chain.lines):
            return Place(table, chain, number)
        return Place(table, chain, None) if event["kind"] == "policy" and chain.policy is not None else None


def decider(place: Place, flow: Flow, programs: Mapping[str, str], part: Part = Part.REQUEST) -> Decider:
    """All that a user needs to know of a rule that decided a flow.

    `programs` are the names of iptables' programs by backend and family, such as "legacy ip".
    """
    table, line = place.table, place.line
    if place.number is None:
        text, packets = f"policy {place.chain.policy}", None
    elif table.iptables:
        text, packets = parse_iptables_save.specification(line), parse_iptables_save.packets(line)
    else:
        text, packets = parse_nft.specification(line), parse_nft.packets(line)
    return Decider(
        backend=table.backend,
        family=table.family,
        table=table.name,
        chain=place.chain.name,
        number=place.number,
        text=text,
        packets=packets,
        general=_is_general(place),
        owner="waagent" if place.number is not None and agent_rules.kind(table, line) else None,
        maker=generated_rules.maker(table.name, place.chain.name),
        command=_command(place, flow, programs, part),
    )


def _command(place: Place, flow: Flow, programs: Mapping[str, str], part: Part) -> str:
    """Takes a rule out that speaks of the flow alone; before any other, and before a policy, one is put that lets the
    flow through."""
    table, chain = place.table, shlex.quote(place.chain.name)
    if not table.iptables:
        where = f"{table.family} {shlex.quote(table.name)} {chain}"
        if place.number is None or _is_general(place):
            return f"nft insert rule {where} {nft_accept(flow, part)}"
        return f"nft delete rule {where} handle {parse_nft.handle(place.line)}"
    program = programs.get(f"{table.backend.value} {table.family}", PREFIX[table.family])
    words = program if table.name == "filter" else f"{program} -t {table.name}"
    if place.number is None or _is_general(place):
        return f"{words} -I {chain} {iptables_accept(flow, part)}"
    specification = parse_iptables_save.words(parse_iptables_save.specification(place.line))
    return " ".join([words, "-D", *map(shlex.quote, specification[1:])])


def _is_general(place: Place) -> bool:
    """A rule without an address or a port, or with many of them in a set or a map.

    So is one of iptables' with a comment: to delete it takes its comment, which is not told, or its number, which is
    another one once a rule before it is gone.
    """
    if place.number is None or not _ENDS.search(place.line) or _MANY.search(place.line):
        return True
    return place.table.iptables and redaction.without_words(place.line) != place.line


def iptables_accept(flow: Flow, part: Part) -> str:
    """The part of a rule of iptables' that lets this part of a flow through."""
    if part is Part.NEIGHBOURS:
        return "-p ipv6-icmp -j ACCEPT"
    if part is Part.REPLY:
        return "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
    to = "" if flow.purpose is Purpose.PACKAGE else f"-d {flow.address} "  # the stores' addresses change
    return f"{to}-p {flow.protocol} --dport {flow.port} -j ACCEPT"


def nft_accept(flow: Flow, part: Part) -> str:
    """The same in nft's own language."""
    if part is Part.NEIGHBOURS:
        return "meta l4proto ipv6-icmp accept"
    if part is Part.REPLY:
        return "ct state established,related accept"
    family = "ip6" if ":" in flow.address else "ip"
    to = "" if flow.purpose is Purpose.PACKAGE else f"{family} daddr {flow.address} "
    return f"{to}{flow.protocol} dport {flow.port} accept"


def title(found: Decider) -> str:
    """The rule in a message: "rule 3 of OUTPUT (legacy filter)", "the policy of output (nft inet guard)"."""
    what = "the policy" if found.number is None else f"rule {found.number}"
    family = (
        "" if found.family == "ip" and found.table in ("filter", "nat", "mangle", "raw", "security") else found.family
    )
    where = " ".join(word for word in (Backend(found.backend).value, family, found.table) if word)
    where += f", of {found.maker}" if found.maker is not None else ""
    return f"{what} of {found.chain} ({where})"
