"""What is said of a rule: which one, what takes it out, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Optional

import pytest

from azpreflight.firewall.facts import AgentState
from azpreflight.host import Completed
from azpreflight.model import Confidence, Platform, Severity, Stage
from tests.support.fakes import FakeHost, Node
from tests.support.machines.firewall import (
    AGENT,
    ANSWERED,
    BROKEN,
    DROP,
    FLOWS,
    LEGACY_SAVE,
    NFT_LIST,
    RUN,
    WIRE,
    event,
    facts_of,
    findings,
    lost,
    machine,
    report,
    save,
    statuses,
)

OLD_DROP_ALL = f"-A OUTPUT -d {WIRE}/32 -p tcp -j DROP"
"""Of agents that knew no connection states."""


def test_a_finding_names_the_rule_its_counter_and_what_takes_it_out() -> None:
    (finding,) = findings(BROKEN["firewall-wireserver"])["firewall-wireserver"]
    assert finding.message == f"rule 1 of OUTPUT (legacy filter) drops tcp {WIRE}:80"
    assert finding.commands == (f"iptables-legacy -D OUTPUT -d {WIRE}/32 -p tcp -m tcp --dport 80 -j DROP",)
    assert (finding.flow, finding.severity, finding.confidence) == (FLOWS[0], Severity.ERROR, Confidence.CERTAIN)
    assert (finding.evidence["rule"], finding.evidence["counter"]) == (DROP, "7 packets")


MESSAGES = {
    "the policy": (lost(event("filter", "OUTPUT", 0)), "the policy of OUTPUT (legacy filter) drops tcp {}:80"),
    "an unconditional rule": (
        lost(event("filter", "OUTPUT", 1, kind="policy")),
        "rule 1 of OUTPUT (legacy filter) rejects tcp {}:80",
    ),
    "a lost answer": (
        lost(event("filter", "OUTPUT", 1), "reply"),
        "rule 1 of OUTPUT (legacy filter) rejects the answers to tcp {}:80",
    ),
    "no name": ({**ANSWERED, "error": "EPERM"}, "a rule that could not be named drops tcp {}:80"),
    "another destination": (
        {**ANSWERED, "destination": ["127.0.0.1", 3128]},
        "a rule that could not be named sends tcp {}:80 to 127.0.0.1:3128",
    ),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_messages(case: str) -> None:
    seen, message = MESSAGES[case]
    reject = "-A OUTPUT -j REJECT --reject-with icmp-port-unreachable"
    text = save(("filter", (reject,))).replace(":OUTPUT ACCEPT", ":OUTPUT DROP")
    host = machine(flows={FLOWS[0]: seen})
    host = replace(host, programs={**host.programs, LEGACY_SAVE: Completed(0, text, "")})
    (finding,) = findings(host)["firewall-wireserver"]
    assert finding.message == message.format(WIRE)


@pytest.mark.parametrize("stage", [Stage.BUILD, Stage.CAPTURE])
def test_before_first_boot_live_rules_are_warnings(stage: Stage) -> None:
    (finding,) = findings(BROKEN["firewall-wireserver"], replace(RUN, stage=stage))["firewall-wireserver"]
    assert finding.severity is Severity.WARNING
    assert finding.fix.startswith("If these rules are saved for the next boot: delete the rule")


def test_elsewhere_a_running_machine_needs_no_platform() -> None:
    assert statuses(BROKEN["firewall-wireserver"], replace(RUN, platform=Platform.NONE))["firewall-wireserver"] == (
        "notapplicable"
    )


def test_the_agents_own_rule_explains_what_it_blocks() -> None:
    """The finding about the flow is a symptom of the incomplete rules, so the cause is named once."""
    found = report(BROKEN["firewall-agent-rules"])
    (cause,) = [cause for cause in found.causes if cause.cause.value == "guest-firewall"]
    assert (cause.check, cause.severity) == ("firewall-agent-rules", Severity.ERROR)
    assert "firewall-wireserver" in cause.symptoms


@pytest.mark.parametrize(
    ("own", "state", "severity"),
    [
        (AGENT, AgentState.COMPLETE, None),
        ((AGENT[1], AGENT[0], AGENT[2]), AgentState.COMPLETE, None),
        ((*AGENT, *AGENT), AgentState.COMPLETE, None),
        ((AGENT[0], AGENT[2]), AgentState.BLOCKS_ROOT, Severity.ERROR),
        ((AGENT[0], AGENT[2], AGENT[1]), AgentState.BLOCKS_ROOT, Severity.ERROR),
        (AGENT[1:], AgentState.BLOCKS_DNS, Severity.WARNING),
        ((AGENT[1], OLD_DROP_ALL), AgentState.BLOCKS_PROBES, Severity.WARNING),
        ((*AGENT[:2], OLD_DROP_ALL), AgentState.BLOCKS_PROBES, Severity.WARNING),
        ((OLD_DROP_ALL,), AgentState.BLOCKS_ROOT, Severity.ERROR),
        (AGENT[:2], AgentState.OPEN, Severity.NOTE),
    ],
)
def test_how_complete_the_agents_rules_are(
    own: tuple[str, ...], state: AgentState, severity: Optional[Severity]
) -> None:
    blocked = {flow: lost(event("security", "OUTPUT", 2)) for flow in (FLOWS[0], FLOWS[1], FLOWS[6])}
    host = machine(security=own, flows=blocked)
    assert [rules.state for rules in facts_of(host).agent_rules] == [state]
    found = findings(host).get("firewall-agent-rules", ())
    assert [finding.severity for finding in found] == ([] if severity is None else [severity])


def test_incomplete_rules_that_stop_nothing_are_a_note() -> None:
    """Another rule before them lets root through, as the kernel says."""
    (finding,) = findings(machine(security=AGENT[2:]))["firewall-agent-rules"]
    assert (finding.severity, finding.flow) == (Severity.NOTE, None)


def nft_agent(rule: str) -> FakeHost:
    text = f"""table ip walinuxagent {{ # handle 3
	chain output {{ # handle 1
		type filter hook output priority 0; policy accept;
		{rule} # handle 2
	}}
}}
"""
    files: Mapping[str, Node] = {"/proc/net/ip_tables_names": "", "/proc/modules": "nf_tables 1 0 - Live 0x0\n"}
    host = machine(files=files, flows={FLOWS[0]: lost(event("walinuxagent", "output", 1, "nft"))})
    listed = Completed(0, text, "")
    table = ("nft", "-n", "-a", "list", "table", "ip", "walinuxagent")
    programs = {NFT_LIST: listed, table: listed, ("nft",): Completed(0, "", "")}
    return replace(host, programs={**host.programs, **programs})


@pytest.mark.parametrize(
    ("rule", "state"),
    [
        (f"ip daddr {WIRE} tcp dport != 53 skuid != 0 ct state 0x1,0x8 counter packets 7 bytes 420 drop", "complete"),
        (f"ip daddr {WIRE} tcp dport != 53 ct state 0x1,0x8 counter packets 0 bytes 0 drop", "blocks-root"),
        (f"ip daddr {WIRE} tcp dport 80 meta skuid != 0 drop", "blocks-dns"),
        (f"ip daddr {WIRE} tcp dport 53 accept", "open"),
    ],
)
def test_the_agents_own_table_in_nf_tables(rule: str, state: str) -> None:
    assert [rules.state.value for rules in facts_of(nft_agent(rule)).agent_rules] == [state]
