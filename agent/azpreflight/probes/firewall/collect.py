"""Collecting the facts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable

from azpreflight.firewall import redaction
from azpreflight.firewall.agent_rules import agent_rules
from azpreflight.firewall.facts import ChainFacts, FirewallFacts
from azpreflight.firewall.other_filters import link_filters, programs, unit_filters
from azpreflight.firewall.python_iptables import second_opinion
from azpreflight.firewall.read_rules import dump, tables_of
from azpreflight.firewall.rehearsal import rehearse
from azpreflight.firewall.rules import Table
from azpreflight.firewall.tools import backend_of, programs_of
from azpreflight.host import Host, HostError
from azpreflight.model import Run
from azpreflight.probes.firewall.flows import flows_of


def gather(host: Host, run: Run) -> FirewallFacts:
    """Dump and rehearse. HostError without root: nobody else may see the rules."""
    if run.offline:
        raise HostError("live rules need the running system, and a mounted image is inspected")
    if not host.privileged:
        raise HostError("only root may read the firewall's rules")
    dumps = dump(host)
    tables = tables_of(dumps)
    asks: tuple[Callable[[], Any], ...] = (
        lambda: rehearse(host, dumps, tables, flows_of(run)),
        lambda: second_opinion(host, tables),
    )
    (rehearsal, flows), opinion = host.together(asks)
    chains = tuple(_chain_facts(tables))
    return FirewallFacts(
        plain=backend_of(host, "iptables"),
        dumps=tuple(map(redaction.dump, dumps)),
        chains=chains,
        agent_rules=tuple(map(redaction.agent, agent_rules(tables, programs_of(host)))),
        rehearsal=redaction.rehearsal(rehearsal),
        flows=tuple(map(redaction.flow, flows)),
        second_opinion=opinion,
        unit_filters=unit_filters(host),
        link_filters=link_filters(host),
        programs=programs(host, chains),
    )


def _chain_facts(tables: tuple[Table, ...]) -> Iterator[ChainFacts]:
    for table in tables:
        for chain in table.chains.values():
            yield ChainFacts(table.backend, table.family, table.name, chain.name, chain.policy, len(chain.lines))
