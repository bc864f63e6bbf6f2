"""Whether the agent's own rules are complete, or absent. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.azure.addresses import HOST_PLUGIN_PORT, WIRE_SERVER
from azpreflight.firewall.agent_rules import OLD_DROP, renewed
from azpreflight.firewall.facts import AgentRules, AgentState, FirewallFacts, FlowFacts, Outcome
from azpreflight.model import Finding, Run, Severity, Verdict
from azpreflight.probes.firewall.check import AT_BOOT, check
from azpreflight.probes.firewall.checks import at_stage, of_root
from azpreflight.probes.firewall.flow_words import RULE_LIMIT
from azpreflight.text import plain


def judge_agent_rules(facts: FirewallFacts, run: Run) -> Iterator[Verdict]:
    """The agent's own rules are a trap for itself where one that drops is there without those that belong before it."""
    for rules in facts.agent_rules:
        if rules.state is not AgentState.COMPLETE:
            yield at_stage(_of_agent(rules, facts), run)


def _of_agent(rules: AgentRules, facts: FirewallFacts) -> Finding:
    where = f"the guest agent's own rules in table {rules.table} ({rules.backend.value})"
    evidence = {f"rule {number}": plain(rule, RULE_LIMIT) for number, rule in enumerate(rules.rules, 1)}
    if rules.state is AgentState.OPEN:
        return Finding(
            Severity.NOTE,
            f"{where} let everybody speak to the wire server: the rule that drops is missing",
            "Restart the guest agent, which completes its rules.",
            evidence=evidence,
        )
    if rules.state is AgentState.BLOCKS_PROBES:
        return Finding(
            Severity.WARNING,
            f"{where} drop the answers to health probes of load balancers, which come from {WIRE_SERVER}: the rule that"
            " drops asks for no connection state, as those of old agents",
            "Let that rule drop new connections alone, as a newer guest agent does.",
            commands=tuple(rules.command.replace(OLD_DROP, new) for new in renewed(rules.rules)),
            evidence=evidence,
        )
    ports = (80, HOST_PLUGIN_PORT) if rules.state is AgentState.BLOCKS_ROOT else (53,)
    outcomes = {found.outcome for found in of_root(facts) if _is_agents(found, ports)}
    passing = outcomes == {Outcome.ALLOWED}
    whom = "root's own connections" if rules.state is AgentState.BLOCKS_ROOT else "DNS over TCP"
    severity = Severity.ERROR if rules.state is AgentState.BLOCKS_ROOT else Severity.WARNING
    return Finding(
        Severity.NOTE if passing else severity,
        f"{where} drop {whom} to {WIRE_SERVER}: the rule that lets them through is not before the one that drops",
        "Restart the guest agent, which completes its rules, or delete the rule that drops.",
        commands=(rules.command,),
        evidence=evidence,
        flow=None if passing else f"tcp {WIRE_SERVER}:{ports[0]}",
        breaks=() if passing else tuple(f"tcp {WIRE_SERVER}:{port}" for port in (*ports, 53)),
    )


def _is_agents(found: FlowFacts, ports: tuple[int, ...]) -> bool:
    flow = found.flow
    return flow.protocol == "tcp" and flow.address == WIRE_SERVER and flow.port in ports


CHECKS = (
    check(
        "firewall-agent-rules",
        "the guest agent's own rules are complete, or absent",
        judge_agent_rules,
        Severity.ERROR,
        depends_on=AT_BOOT,
        reads=("firewall_boot",),
    ),
)
