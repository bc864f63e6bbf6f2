"""What agents and extensions send beside requests as root: waagent's DHCP request, services of other users."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

import pytest

from azpreflight.azure.answer import Answer
from azpreflight.firewall.facts import (
    BROADCAST,
    AgentRules,
    AgentState,
    Backend,
    Decider,
    FirewallFacts,
    Flow,
    FlowFacts,
    Part,
    Purpose,
    Rehearsal,
)
from azpreflight.firewall.facts import Outcome as Decided
from azpreflight.host import Interface, Outcome, Phase, Route
from azpreflight.model import Confidence, Finding, NotApplicable, Platform, Run, Severity, Stage
from azpreflight.probes import agents
from azpreflight.probes.agents.facts import AgentsFacts, WaagentFacts
from azpreflight.probes.egress.facts import EgressFacts, Own
from azpreflight.probes.firewall.checks import judge_dhcp
from azpreflight.probes.firewall.checks import judge_wire_server as judge_requests
from azpreflight.probes.firewall.flows import ANYWHERE, NOBODY, flows_of
from azpreflight.probes.firewall.wayout import judge_egress
from azpreflight.probes.network.dhcp import judge_wire_server
from azpreflight.probes.network.facts import NetworkFacts
from tests.support.fakes import FakeHost

ETH0 = Interface("eth0", True, "00:0d:3a:12:34:56", 1500, ("10.0.0.4/24",))
STATIC = NetworkFacts((ETH0,), (), Route(Outcome.OK), (), (), ())
ROUTED = replace(STATIC, host_route=True)
RULE = Decider(Backend.NFT, "ip", "filter", "OUTPUT", 2, "-A OUTPUT -j DROP", None, False, None, "iptables -D OUTPUT 2")
REQUEST = Flow("udp", BROADCAST, 67, Purpose.DHCP, 68)
HTTPS = Flow("tcp", ANYWHERE, 443, Purpose.PACKAGE)
MONITOR = Own("Microsoft.Azure.Monitor.AzureMonitorLinuxAgent", True)


def firewall(*flows: FlowFacts) -> FirewallFacts:
    return FirewallFacts(None, (), (), (), Rehearsal(needed=True), flows)


def run(**needed: object) -> Run:
    return Run(stage=Stage.FIRSTBOOT, platform=Platform.AZURE, needed=needed)


@pytest.mark.parametrize(("network", "address"), [(STATIC, BROADCAST), (ROUTED, "168.63.129.16")])
def test_the_agents_own_request_is_rehearsed_where_it_sends_one(network: NetworkFacts, address: str) -> None:
    flows = [flow for flow in flows_of(run(network=network)) if flow.purpose is Purpose.DHCP]
    assert [(flow.address, flow.source_port) for flow in flows] == [(address, 68)]


@pytest.mark.parametrize(
    ("outcome", "sure"), [(Decided.BLOCKED, Confidence.LIKELY), (Decided.ALLOWED, Confidence.POSSIBLE)]
)
def test_a_rule_that_takes_it_is_named(outcome: Decided, sure: Confidence) -> None:
    facts = firewall(FlowFacts(REQUEST, outcome, RULE if outcome is Decided.BLOCKED else None))
    known = agents.PROBE.gather(FakeHost(), Run())
    assert isinstance(known, AgentsFacts)
    with_agent = replace(known, waagent=replace(known.waagent or WaagentFacts(), installed=True))
    (found,) = judge_wire_server(STATIC, run(firewall=facts, agents=with_agent))
    assert isinstance(found, Finding)
    assert found.confidence is sure
    assert ("rule 2 of OUTPUT (nft filter) drops its DHCP request" in found.message) is (outcome is Decided.BLOCKED)


def test_no_renewal_is_judged_without_a_lease() -> None:
    (said,) = judge_dhcp(firewall(FlowFacts(REQUEST, Decided.BLOCKED, RULE)), run())
    assert isinstance(said, NotApplicable)


@pytest.mark.parametrize(
    ("root", "nobody", "own", "told"),
    [
        (Decided.ALLOWED, Decided.BLOCKED, (MONITOR,), True),
        (Decided.ALLOWED, Decided.BLOCKED, (replace(MONITOR, extension="Example.Hello"),), False),
        (Decided.ALLOWED, Decided.BLOCKED, (), False),
        (Decided.ALLOWED, Decided.ALLOWED, (MONITOR,), False),
        (Decided.BLOCKED, Decided.BLOCKED, (MONITOR,), False),
    ],
)
def test_users_other_than_root_matter_to_extensions_that_have_some(
    root: Decided, nobody: Decided, own: tuple[Own, ...], told: bool
) -> None:
    facts = firewall(
        FlowFacts(HTTPS, root, RULE if root is Decided.BLOCKED else None),
        FlowFacts(replace(HTTPS, uid=NOBODY), nobody, RULE if nobody is Decided.BLOCKED else None),
    )
    answer = Answer("https://management.azure.com/", Outcome.OK, Phase.HTTP, 0.1, 200, "20.60.0.20")
    found = judge_egress(facts, run(egress=EgressFacts(own=own, documented=(answer,)), firewall=facts))
    said = [one for one in found if isinstance(one, Finding) and "other users than root" in one.message]
    assert [(one.severity, one.confidence) for one in said] == [(Severity.WARNING, Confidence.POSSIBLE)] * told


PROBE = Flow("tcp", "10.0.0.4", 22, Purpose.PROBE, caller="168.63.129.16")


def test_probes_come_from_the_wire_server_to_this_machines_address() -> None:
    flows = [flow for flow in flows_of(run(network=STATIC)) if flow.purpose is Purpose.PROBE]
    assert flows[0] == PROBE
    assert {flow.address for flow in flows} == {"10.0.0.4"}


@pytest.mark.parametrize(
    ("part", "state", "told"),
    [
        (Part.REPLY, None, 1),
        (Part.REQUEST, None, 0),
        (Part.REPLY, AgentState.BLOCKS_PROBES, 0),
    ],
)
def test_answers_to_probes_must_get_out_and_probes_need_not_get_in(
    part: Part, state: Optional[AgentState], told: int
) -> None:
    """A port that is shut is the VM's own business, and what the agent's own rules do is told with them."""
    facts = firewall(FlowFacts(PROBE, Decided.BLOCKED, RULE, part=part))
    own = (AgentRules(Backend.NFT, "security", state, (), ""),) if state is not None else ()
    found = [one for one in judge_requests(replace(facts, agent_rules=own), run()) if isinstance(one, Finding)]
    assert [one.severity for one in found] == [Severity.WARNING] * told
    assert all("drops the answers to health probes" in one.message for one in found)
