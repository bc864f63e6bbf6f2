"""The rules that the Azure guest agent installs for itself, and whether they are whole.

With OS.EnableFirewall the agent lets only root speak to the wire server: in table security, chain OUTPUT, it accepts
TCP to port 53, accepts root, and drops new connections of all others, in this order (WALinuxAgent,
azurelinuxagent/ga/firewall_manager.py). Where there is no iptables it has one rule in a table of its own. They are no
fault, and never blamed for one. But without the second rule the third drops the agent's own connections; agents like
2.7.3 look only for the third when they check, and so never repair that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Optional

from azpreflight.azure.addresses import WIRE_SERVER
from azpreflight.firewall import parse_iptables_save, parse_nft
from azpreflight.firewall.facts import AgentRules, AgentState
from azpreflight.firewall.rules import Table

NFT_TABLE = "walinuxagent"
_ACCEPT_DNS = re.compile(r"-p tcp (?:-m tcp )?--dport 53 -j ACCEPT$")
_ACCEPT_ROOT = re.compile(r"-p tcp (?:-m tcp )?-m owner --uid-owner (?:0|root) -j ACCEPT$")
_DROP = re.compile(r"-p tcp (?:-m tcp )?-m conntrack --ctstate INVALID,NEW -j DROP$")
_DROP_ALL = re.compile(r"-p tcp (?:-m tcp )?-j DROP$")
"""Of agents before 2.2.26: it drops what belongs to connections from 168.63.129.16 as well, which are the health probes
of load balancers (github.com/Azure/WALinuxAgent/issues/879)."""
DROP = f"-D OUTPUT -d {WIRE_SERVER} -p tcp -m conntrack --ctstate INVALID,NEW -j DROP"
OLD_DROP = f"-D OUTPUT -d {WIRE_SERVER} -p tcp -j DROP"
_OUTPUT = f"-A OUTPUT -d {WIRE_SERVER}/32 "


def kind(table: Table, line: str) -> Optional[str]:
    """dns, root, drop or drop all for a rule of the agent's; None for any other."""
    if table.name == NFT_TABLE and not table.iptables:
        return "drop" if WIRE_SERVER in line and "drop" in line else None
    if table.name != "security" or not table.iptables:
        return None
    rule = parse_iptables_save.specification(line)
    if not rule.startswith(_OUTPUT):
        return None
    shapes = (("dns", _ACCEPT_DNS), ("root", _ACCEPT_ROOT), ("drop", _DROP), ("drop all", _DROP_ALL))
    return next((name for name, shape in shapes if shape.search(rule)), None)


def agent_rules(tables: Sequence[Table], programs: Mapping[str, str]) -> Iterator[AgentRules]:
    """The agent's own rules, table by table; nothing where it has none. `programs` as for `naming.decider`."""
    for table in tables:
        if table.name == NFT_TABLE and not table.iptables:
            rules = tuple(parse_nft.specification(line) for chain in table.chains.values() for line in chain.lines)
            command = f"nft delete table {table.family} {table.name}"
            yield AgentRules(table.backend, table.name, _state_of_nft(rules), rules, command)
            continue
        output = table.chains.get("OUTPUT")
        lines = [(kind(table, line), line) for line in output.lines] if output is not None else []
        kinds = [name for name, _ in lines if name is not None]
        if kinds:
            rules = tuple(parse_iptables_save.specification(line) for name, line in lines if name is not None)
            program = programs.get(f"{table.backend.value} {table.family}", "iptables")
            drop = OLD_DROP if "drop all" in kinds else DROP
            yield AgentRules(table.backend, table.name, _state(kinds), rules, f"{program} -t security {drop}")


def renewed(rules: Sequence[str]) -> tuple[str, ...]:
    """What makes an old agent's rules those of a newer one."""
    dns = f"-I OUTPUT 1 -d {WIRE_SERVER} -p tcp --dport 53 -j ACCEPT"
    has_dns = any(_ACCEPT_DNS.search(rule) for rule in rules)
    return (*(() if has_dns else (dns,)), DROP.replace("-D ", "-A ", 1), OLD_DROP)


def _state(kinds: Sequence[str]) -> AgentState:
    """What comes before the first rule that drops decides."""
    dropping = [number for number, kind in enumerate(kinds) if kind.startswith("drop")]
    if not dropping:
        return AgentState.OPEN
    before = kinds[: dropping[0]]
    if "root" not in before:
        return AgentState.BLOCKS_ROOT
    if "drop all" in kinds:
        return AgentState.BLOCKS_PROBES
    return AgentState.COMPLETE if "dns" in before else AgentState.BLOCKS_DNS


def _state_of_nft(rules: Sequence[str]) -> AgentState:
    """Every rule that drops has to spare root and DNS; the agent's one rule does both."""
    dropping = [rule for rule in rules if "drop" in rule]
    if not dropping:
        return AgentState.OPEN
    if any("skuid != 0" not in rule for rule in dropping):
        return AgentState.BLOCKS_ROOT
    return AgentState.COMPLETE if all("tcp dport != 53" in rule for rule in dropping) else AgentState.BLOCKS_DNS
