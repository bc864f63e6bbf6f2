"""From a rule of the next boot to the line of the file that it comes from, and the edit that opens the way. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Optional

from azpreflight.firewall.boot.load_plan import Line
from azpreflight.firewall.boot.saved_rules import Ruleset
from azpreflight.firewall.facts import Decider, Flow, FlowFacts, Part, Purpose
from azpreflight.firewall.rule_names import Place, iptables_accept, nft_accept
from azpreflight.firewall.rules import Table
from azpreflight.shell import argument

FIREWALLD = "/etc/firewalld/policies/"
UFW = ("/etc/ufw/user", "/etc/ufw/after", "/etc/default/ufw")
"""Files of ufw that are not for the user to edit, or come too late."""
BEFORE_RULES = {
    "ip": ("/etc/ufw/before.rules", "ufw-before-output"),
    "ip6": ("/etc/ufw/before6.rules", "ufw6-before-output"),
}
"""By family: the file, and its chain for what the machine sends."""


def located(found: FlowFacts, tables: Sequence[Table], ruleset: Ruleset) -> FlowFacts:
    """The flow with its rule's file and line, and with what is to be changed there instead of in the live rules."""
    if found.decider is None:
        return found
    place = _place(found.decider, tables)
    line = ruleset.line_of(place) if place is not None else None
    command = None
    if place is not None and line is not None:
        by_firewalld = line.path.startswith(FIREWALLD)
        command = _for_firewalld(found, line) if by_firewalld else _edit(found, place, line, ruleset)
    return replace(
        found,
        decider=replace(
            found.decider,
            packets=None,  # those of the rehearsal itself
            command=command or "",
            file=line.path if line is not None else None,
            line=line.number if line is not None and line.number else None,
        ),
    )


def _place(decider: Decider, tables: Sequence[Table]) -> Optional[Place]:
    key = (decider.backend.value, decider.family, decider.table)
    table = next((table for table in tables if table.key == key), None)
    chain = table.chains.get(decider.chain) if table is not None else None
    return Place(table, chain, decider.number) if table is not None and chain is not None else None


def _edit(found: FlowFacts, place: Place, line: Line, ruleset: Ruleset) -> Optional[str]:
    """Delete a rule that speaks of this flow alone; before any other, and before a policy, put one that lets it
    through. None where that takes more than one line of one file."""
    decider = found.decider
    if decider is None or not line.number:
        return None
    if place.table.family in BEFORE_RULES and line.path.startswith(UFW):
        return _for_ufw(found, place, ruleset)
    if decider.number is not None and not decider.general and _is_alone(line, place):
        return _sed(f"{line.number}d", line.path)
    accept = _accept(place, found.flow, found.part)
    if place.table.iptables:
        before = line if decider.number is not None else ruleset.end_of(place.table, line.path)
        return _sed(f"{before.number}i {accept}", before.path) if before is not None else None
    if decider.number is None:
        return _sed(f"{line.number}a {accept}", line.path)
    return _sed(f"{line.number}i {accept}", line.path) if _is_alone(line, place) else None


def _for_ufw(found: FlowFacts, place: Place, ruleset: Ruleset) -> Optional[str]:
    """ufw writes most of its files itself; what is in before.rules stays, and has its turn before all of those."""
    path, chain = BEFORE_RULES[place.table.family]
    end = ruleset.end_of(place.table, path)
    if end is None or found.part is not Part.REQUEST:
        return None
    return _sed(f"{end.number}i -A {chain} {iptables_accept(found.flow, found.part)}", path)


def _for_firewalld(found: FlowFacts, line: Line) -> Optional[str]:
    """A rich rule of the policy, which has its turn before what the policy does to the rest."""
    flow, policy = found.flow, line.path[len(FIREWALLD) :].removesuffix(".xml")
    if found.part is not Part.REQUEST:
        return None
    family = "ipv6" if ":" in flow.address else "ipv4"
    to = "" if flow.purpose is Purpose.PACKAGE else f'destination address="{flow.address}" '
    rule = f'rule family="{family}" {to}port port="{flow.port}" protocol="{flow.protocol}" accept'
    return f"firewall-offline-cmd --policy={shlex.quote(policy)} --add-rich-rule={shlex.quote(rule)}"


def _is_alone(line: Line, place: Place) -> bool:
    """Nothing else is on its line. In nft's language a rule may go on on the next line, or share its own."""
    return place.table.iptables or not any(mark in line.text for mark in ("{", ";"))


def _accept(place: Place, flow: Flow, part: Part) -> str:
    if place.table.iptables:
        return f"-A {place.chain.name} {iptables_accept(flow, part)}"
    return nft_accept(flow, part)


def _sed(script: str, path: str) -> str:
    return f"sed -i {shlex.quote(script)} {argument(path)}"
