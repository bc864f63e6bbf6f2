"""The guest's firewall, judged on what tools and a rehearsal said; the rehearsal itself is tried in tests/netns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from azpreflight.firewall.facts import AgentState, Backend, FirewallFacts
from azpreflight.firewall.facts import Outcome as Decided
from azpreflight.model import codec
from azpreflight.probes.firewall.flows import flows_of
from tests.support.fakes import Denied, FakeHost, Node
from tests.support.machines.firewall import (
    BROKEN,
    FLOWS,
    HEALTHY,
    HIDDEN,
    NFT_LIST,
    OF_NOBODY,
    PROXY,
    RUN,
    SERVER,
    WORKER,
    event,
    facts_of,
    lost,
    machine,
    statuses,
)


def test_the_agents_own_rules_are_no_fault() -> None:
    assert set(statuses(HEALTHY).values()) == {"pass"}
    facts = facts_of(HEALTHY)
    assert [(rules.table, rules.state) for rules in facts.agent_rules] == [("security", AgentState.COMPLETE)]
    assert [(chain.table, chain.chain, chain.policy, chain.rules) for chain in facts.chains] == [
        ("security", "INPUT", "ACCEPT", 0),
        ("security", "OUTPUT", "ACCEPT", 3),
        ("filter", "INPUT", "ACCEPT", 0),
        ("filter", "OUTPUT", "ACCEPT", 0),
    ]


@pytest.mark.parametrize("check", BROKEN)
def test_every_check_speaks_on_its_own_broken_machine(check: str) -> None:
    assert statuses(BROKEN[check])[check] == "fail"


def test_facts_survive_json() -> None:
    facts = facts_of(BROKEN["firewall-wireserver"])
    assert codec.decode(FirewallFacts, codec.encode(facts)) == facts


def test_what_is_tried_follows_from_the_other_probes() -> None:
    flows = [found.flow for found in facts_of(HEALTHY).flows]
    assert tuple(flow.text for flow in flows if flow.uid == 0) == FLOWS
    assert [f"{flow.text} of nobody" for flow in flows if flow.uid] == list(OF_NOBODY)
    assert [flow.text for flow in flows_of(RUN) if flow.uid == 0] == [flow for flow in FLOWS if SERVER not in flow]


def test_what_others_than_root_may_is_no_fault() -> None:
    host = machine(flows=dict.fromkeys(OF_NOBODY, lost(event("security", "OUTPUT", 3))))
    assert [found.flow.uid for found in facts_of(host).flows if found.outcome is Decided.BLOCKED] == [65534] * 3
    assert set(statuses(host).values()) == {"pass"}


def test_no_tool_is_run_that_would_create_what_it_looks_for() -> None:
    """No legacy tables: no iptables-legacy-save. nf_tables neither loaded nor built in: no nft."""
    host = machine(files={"/proc/net/ip_tables_names": ""})
    assert facts_of(host).dumps == ()
    assert not [command for command in host.asked if command[0] not in ("http",) and "save" in command[0]]
    assert NFT_LIST not in host.asked


@pytest.mark.parametrize(
    "files",
    [
        {"/proc/modules": "nf_tables 1 0 - Live 0x0\n"},
        {"/proc/modules": None},
        {"/lib/modules/6.1.0/modules.builtin": "kernel/net/netfilter/nf_tables.ko\n"},
    ],
    ids=["loaded", "no modules at all", "built in"],
)
def test_nft_is_asked_where_nf_tables_is_there(files: dict[str, Node]) -> None:
    host = replace(machine(files={**files, "/proc/net/ip_tables_names": ""}), nft_table_count=1)
    if files.get("/proc/modules", "") is None:
        host = replace(host, files={path: node for path, node in host.files.items() if path != "/proc/modules"})
    facts_of(host)
    assert NFT_LIST in host.asked


def test_without_nft_the_kernel_says_whether_there_is_anything_to_list() -> None:
    """A minimal image has no nft; it matters only if there are tables that nft would have to show."""
    host = machine(files={"/proc/modules": "nf_tables 1 0 - Live 0x0\n", "/proc/net/ip_tables_names": ""})
    assert statuses(host)["firewall-dump"] == "pass"
    assert statuses(replace(host, nft_table_count=1))["firewall-dump"] == "unknown"
    assert statuses(replace(host, nft_table_count=Denied("Operation not permitted")))["firewall-dump"] == "unknown"


def test_nothing_is_rehearsed_where_there_are_no_rules() -> None:
    host = machine(security=())
    facts = facts_of(host)
    assert WORKER not in host.asked
    assert (facts.rehearsal.needed, {found.outcome for found in facts.flows}) == (False, {Decided.ALLOWED})


def test_which_tables_iptables_means_here() -> None:
    assert (facts_of(HEALTHY).plain, facts_of(HIDDEN).plain) == (Backend.LEGACY, Backend.NFT)
    assert facts_of(FakeHost()).plain is None


def test_the_agents_proxy_is_one_of_the_flows() -> None:
    """If it is known by its address: packages come by it."""
    unit = "/etc/systemd/system/walinuxagent.service.d/proxy.conf"
    host = FakeHost(files={unit: "[Service]\nEnvironment=https_proxy=http://10.0.0.8:3128\n"})
    named = FakeHost(files={unit: "[Service]\nEnvironment=https_proxy=http://proxy:3128\n"})
    found = [PROXY.gather(machine, RUN) for machine in (host, named)]
    flows = [{flow.text for flow in flows_of(replace(RUN, needed={"proxy": facts}))} for facts in found]
    assert flows[0] - flows[1] == {"tcp 10.0.0.8:3128"}
