"""The guest's own firewall.

A hardened image brings rules along that were written for another network: OUTPUT drops what is not listed, and nobody
listed 168.63.129.16. The VM boots, its agent cannot report, and after twenty minutes the deployment fails with
OSProvisioningTimedOut; network security groups show nothing, because the packet never leaves the guest. So the live
rules are dumped, and rehearsed (see `azpreflight.firewall`): the kernel itself decides every flow that provisioning
needs, and names the rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable, Optional

from azpreflight.firewall import redaction
from azpreflight.firewall.agent_rules import agent_rules
from azpreflight.firewall.facts import Backend, ChainFacts, FirewallFacts, SecondOpinion
from azpreflight.firewall.other_filters import link_filters, programs, unit_filters
from azpreflight.firewall.python_iptables import second_opinion
from azpreflight.firewall.read_rules import dump, tables_of
from azpreflight.firewall.rehearsal import rehearse
from azpreflight.firewall.rules import Table
from azpreflight.firewall.tools import backend_of, programs_of
from azpreflight.host import Host, HostError
from azpreflight.model import Cause, Check, Finding, Judge, Probe, Run, Severity, Unknown, Verdict
from azpreflight.probes.firewall import checks
from azpreflight.probes.firewall.flows import flows_of
from azpreflight.probes.firewall.limits import judge_limits
from azpreflight.probes.firewall.wayout import judge_egress
from azpreflight.text import count

__all__ = ["PROBE", "FirewallFacts", "gather"]


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


# --- judging the dump -------------------------------------------------------------------


def judge_dump(facts: FirewallFacts, run: Run) -> Iterator[Verdict]:
    """Unreadable rules are unknown rules. Rules that `iptables` does not show mislead whoever looks for them."""
    for failed in facts.unread:
        yield Unknown(failed.error or "")
    yield from _of_second_opinion(facts.second_opinion)
    other = Backend.LEGACY if facts.plain is Backend.NFT else Backend.NFT
    hidden = [chain for chain in facts.chains if chain.backend is other and _of_iptables(facts, chain)]
    rules = sum(chain.rules for chain in hidden)
    if facts.plain is not None and rules:
        tool = f"iptables-{other.value}-save"
        yield Finding(
            Severity.NOTE,
            f"the command iptables shows the {facts.plain.value} tables alone, and {count(rules, 'more rule')} of the"
            f" {other.value} tables {'is' if rules == 1 else 'are'} in force",
            "Look at the output of both iptables-legacy-save and iptables-nft-save when searching for a rule.",
            commands=(tool,),
            evidence={
                "plain": facts.plain.value,
                "hidden": ", ".join(f"{c.table} {c.chain}" for c in hidden if c.rules),
            },
        )


def _of_second_opinion(opinion: Optional[SecondOpinion]) -> Iterator[Verdict]:
    """A disagreement is worth a look and decides nothing."""
    if opinion is not None and opinion.differences:
        yield Finding(
            Severity.NOTE,
            f"python-iptables reads the legacy tables otherwise: {opinion.differences[0]}",
            "Compare the output of iptables-legacy-save with the facts of this report; the system's own tool is right.",
            commands=("iptables-legacy-save",),
            evidence={"differences": "; ".join(opinion.differences)},
        )


def _of_iptables(facts: FirewallFacts, chain: ChainFacts) -> bool:
    """Tables in nft's own language are nobody's to expect from iptables."""
    named = chain.table in ("filter", "nat", "mangle", "raw", "security") and chain.family in ("ip", "ip6")
    return chain.backend is Backend.LEGACY or (
        named and any(found.name == f"nft {chain.family}" for found in facts.dumps)
    )


def _check(id: str, title: str, judge: Judge, severity: Severity, **more: Any) -> Check:
    return Check(id, title, judge, severity=severity, cause=Cause.GUEST_FIREWALL, **more)


AT_BOOT = ("firewall-boot-flows",)
"""Before first boot a live rule matters only if the next boot has it too."""
AFTER_AGENT = ("firewall-agent-rules", *AT_BOOT)
WORST_CASE_S = 5.5
"""Seconds: 2.3 to dump 50,000 rules, 1.5 until a flow counts as lost, and the rest to build, load and tear down."""

PROBE = Probe(
    name="firewall",
    facts=FirewallFacts,
    gather=gather,
    needs=("dns", "platform", "network", "proxy"),
    checks=(
        Check("firewall-dump", "all active firewall rules can be read", judge_dump, Severity.WARNING),
        _check(
            "firewall-agent-rules",
            "the guest agent's own rules are complete, or absent",
            checks.judge_agent_rules,
            Severity.ERROR,
            depends_on=AT_BOOT,
            reads=("firewall_boot",),
        ),
        _check(
            "firewall-wireserver",
            "the guest's rules let root reach the wire server",
            checks.judge_wire_server,
            Severity.ERROR,
            depends_on=AFTER_AGENT,
            reads=("firewall_boot",),
        ),
        _check(
            "firewall-imds",
            "the guest's rules let root reach the instance metadata",
            checks.judge_imds,
            Severity.ERROR,
            depends_on=AT_BOOT,
            reads=("agents", "firewall_boot"),
        ),
        _check(
            "firewall-dns",
            "the guest firewall lets DNS queries and replies pass",
            checks.judge_dns,
            Severity.ERROR,
            depends_on=AFTER_AGENT,
            reads=("firewall_boot",),
        ),
        _check(
            "firewall-egress",
            "the guest firewall lets connections to package storage pass",
            judge_egress,
            Severity.ERROR,
            depends_on=AT_BOOT,
            reads=("egress", "firewall_boot"),
        ),
        _check(
            "firewall-dhcp",
            "the guest firewall lets DHCP renewal pass",
            checks.judge_dhcp,
            Severity.WARNING,
            depends_on=AT_BOOT,
            reads=("firewall_boot",),
        ),
        _check(
            "firewall-limits",
            "no filter other than netfilter affects the agents",
            judge_limits,
            Severity.ERROR,
        ),
    ),
)
