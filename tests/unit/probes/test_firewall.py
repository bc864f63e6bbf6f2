"""The guest's firewall, judged on what tools and a rehearsal said; the rehearsal itself is tried in tests/netns."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Optional

import pytest

from azpreflight.azure.wire_server import GOAL_STATE_URL, VERSIONS_URL
from azpreflight.firewall import parse_iptables_save, rehearsal
from azpreflight.firewall.facts import AgentState, Backend, FirewallFacts
from azpreflight.firewall.facts import Outcome as Decided
from azpreflight.host import (
    MAIN,
    Completed,
    DnsAnswer,
    HttpAnswer,
    Interface,
    LinkFilter,
    Outcome,
    Phase,
    Route,
    Routing,
    RoutingRule,
    TableRoute,
)
from azpreflight.model import Confidence, Finding, Platform, Report, Run, Severity, Stage, codec
from azpreflight.probes import agents, dns, firewall, network, platform, proxy
from azpreflight.probes.firewall.flows import ANYWHERE, flows_of
from azpreflight.probes.network.facts import SOMEWHERE
from tests.support.fakes import Denied, FakeHost, Link, Node
from tests.support.judging import judged

WIRE, IMDS, SERVER = "168.63.129.16", "169.254.169.254", "10.0.0.9"
PROXY = replace(proxy.PROBE, needs=())
RUN = Run(stage=Stage.FIRSTBOOT, platform=Platform.AZURE)
FLOWS = (
    f"tcp {WIRE}:80",
    f"tcp {WIRE}:32526",
    f"tcp {IMDS}:80",
    f"udp {SERVER}:53",
    f"tcp {SERVER}:53",
    f"udp {WIRE}:53",
    f"tcp {WIRE}:53",
    f"tcp {ANYWHERE}:443",
    f"tcp {ANYWHERE}:80",
    f"udp {WIRE}:67",
)
"""What is tried on the machine below, in order."""
OF_NOBODY = (f"tcp {WIRE}:80 of nobody", f"tcp {IMDS}:80 of nobody", f"tcp {ANYWHERE}:443 of nobody")
"""And this, for information."""
OF_PROBES = tuple(f"tcp 10.0.0.4:{port}" for port in (22, 80, 443))
"""And these come from the wire server, where the address of this machine is known."""
AGENT = (
    f"-A OUTPUT -d {WIRE}/32 -p tcp -m tcp --dport 53 -j ACCEPT",
    f"-A OUTPUT -d {WIRE}/32 -p tcp -m owner --uid-owner 0 -j ACCEPT",
    f"-A OUTPUT -d {WIRE}/32 -p tcp -m conntrack --ctstate INVALID,NEW -j DROP",
)
OLD_DROP_ALL = f"-A OUTPUT -d {WIRE}/32 -p tcp -j DROP"
"""Of agents that knew no connection states."""
LEGACY_SAVE, NFT_LIST = ("iptables-legacy-save", "-c"), ("nft", "-n", "list", "chains")
WORKER = (sys.executable, *rehearsal.PYTHON)
ETH0 = Interface("eth0", True, "00:0d:3a:12:34:56", 1500, ("10.0.0.4/24",))
SILENCE: dict[str, Any] = {"taken": None, "events": []}
ANSWERED: dict[str, Any] = {
    "canary": None,
    "error": None,
    "lost": None,
    "neighbours": False,
    "destination": None,
    "request": SILENCE,
    "reply": SILENCE,
}


def event(table: str, chain: str, rule: int, backend: str = "legacy", **more: Any) -> dict[str, Any]:
    kind = "rule" if rule else "policy"
    said = {"backend": backend, "family": "ip", "table": table, "chain": chain, "kind": kind, "rule": rule}
    return {**said, "verdict": "", **more}


def lost(at: Mapping[str, Any], direction: str = "request") -> dict[str, Any]:
    """A flow of which a packet vanished at this rule."""
    return {**ANSWERED, "error": "silent", "lost": direction, direction: {"taken": None, "events": [at]}}


def answer(flows: Mapping[str, Mapping[str, Any]], **more: Any) -> Completed:
    """What the worker says: these flows met something, all others were answered."""
    seen = [flows.get(flow, ANSWERED) for flow in (*FLOWS, *OF_NOBODY, *OF_PROBES)]
    said = {"loads": [], "trace_error": None, "trace_lost": False, "modules": [], "flows": seen, **more}
    return Completed(0, json.dumps(said), "")


def save(*tables: tuple[str, tuple[str, ...]]) -> str:
    """What iptables-save prints of these tables and rules."""
    blocks = [f"*{name}\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n" + "".join(f"[7:420] {rule}\n" for rule in rules)
              for name, rules in tables]  # fmt: skip
    return "".join(f"{block}COMMIT\n" for block in blocks)


def machine(
    *rules: str,
    flows: Mapping[str, Mapping[str, Any]] = {},
    security: tuple[str, ...] = AGENT,
    worker: Optional[Completed] = None,
    files: Mapping[str, Node] = {},
    **more: Any,
) -> FakeHost:
    """A machine with these legacy rules in the filter table, and the agent's own."""
    text = save(("security", security), ("filter", rules))
    return FakeHost(
        files={
            "/etc/resolv.conf": f"nameserver {SERVER}\n",
            "/proc/net/ip_tables_names": "security\nfilter\n",
            "/proc/net/ip6_tables_names": "",
            "/proc/modules": "ip_tables 1 0 - Live 0x0\n",
            "/proc/sys/kernel/osrelease": "6.1.0\n",
            "/lib/modules/6.1.0/modules.builtin": "kernel/net/ipv4/tcp.ko\n",
            "/usr/sbin/iptables": Link("/etc/alternatives/iptables"),
            "/etc/alternatives/iptables": Link("/usr/sbin/iptables-legacy"),
            "/usr/sbin/iptables-legacy": Link("xtables-legacy-multi"),
            **files,
        },
        programs={
            LEGACY_SAVE: Completed(0, text, ""),
            ("iptables",): Completed(0, "", ""),
            ("iptables-legacy",): Completed(0, "", ""),
            ("iptables-legacy-restore",): Completed(0, "", ""),
            WORKER: worker or answer(flows),
        },
        interface_list=(ETH0,),
        routes={
            address: Route(Outcome.OK, "eth0", "10.0.0.1", "10.0.0.4")
            for address in (WIRE, IMDS, SERVER, ANYWHERE, SOMEWHERE)
        },
        **more,
    )


DROP = f"-A OUTPUT -d {WIRE}/32 -p tcp -m tcp --dport 80 -j DROP"
DROP_ALL = "-A OUTPUT -j DROP"
BY_FIRST = lost(event("filter", "OUTPUT", 1))
HEALTHY = machine()
HIDDEN = machine(DROP_ALL, files={"/usr/sbin/iptables": Link("xtables-nft-multi")})
BROKEN = {
    "firewall-dump": HIDDEN,
    "firewall-agent-rules": machine(security=AGENT[2:], flows={FLOWS[0]: lost(event("security", "OUTPUT", 1))}),
    "firewall-wireserver": machine(DROP, flows={FLOWS[0]: BY_FIRST}),
    "firewall-imds": machine(DROP_ALL, flows={FLOWS[2]: BY_FIRST}),
    "firewall-dns": machine(DROP_ALL, flows={FLOWS[3]: BY_FIRST}),
    "firewall-egress": machine(DROP_ALL, flows={FLOWS[7]: BY_FIRST}),
    "firewall-dhcp": machine(DROP_ALL, flows={FLOWS[9]: BY_FIRST}),
    "firewall-limits": machine(
        files={
            "/lib/systemd/system/walinuxagent.service": "[Service]\nExecStart=/usr/sbin/waagent -daemon\n",
            "/etc/systemd/system/walinuxagent.service.d/hardening.conf": "[Service]\nIPAddressDeny=any\n",
        }
    ),
}


def report(host: FakeHost, run: Run = RUN) -> Report:
    return judged(host, run, network.PROBE, platform.PROBE, dns.PROBE, PROXY, firewall.PROBE)


def statuses(host: FakeHost, run: Run = RUN) -> dict[str, str]:
    return {result.check: result.status.value for result in report(host, run).results if result.probe == "firewall"}


def findings(host: FakeHost, run: Run = RUN) -> dict[str, tuple[Finding, ...]]:
    results = report(host, run).results
    return {result.check: result.findings for result in results if result.probe == "firewall" and result.findings}


def facts_of(host: FakeHost, run: Run = RUN) -> FirewallFacts:
    facts = report(host, run).facts["firewall"]
    assert isinstance(facts, FirewallFacts)
    return facts


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


# --- messages -----------------------------------------------------------------------------------------------------


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


# --- severity -----------------------------------------------------------------------------------------------------


def test_one_dns_server_of_two_is_a_warning() -> None:
    host = machine(DROP_ALL, files={"/etc/resolv.conf": f"nameserver {SERVER}\nnameserver {WIRE}\n"})
    blocked = replace(host, programs={**host.programs, WORKER: answer({FLOWS[3]: BY_FIRST, FLOWS[4]: BY_FIRST})})
    assert [found.severity for found in findings(blocked)["firewall-dns"]] == [Severity.WARNING, Severity.WARNING]
    every = dict.fromkeys(FLOWS[3:7], BY_FIRST)
    blocked = replace(host, programs={**host.programs, WORKER: answer(every)})
    severities = {found.flow: found.severity for found in findings(blocked)["firewall-dns"]}
    assert severities == {flow: Severity.ERROR if flow.startswith("udp") else Severity.WARNING for flow in every}


def test_the_platforms_own_dns_server_does_not_matter_where_nobody_asks_it() -> None:
    assert statuses(machine(DROP_ALL, flows={FLOWS[5]: BY_FIRST, FLOWS[6]: BY_FIRST}))["firewall-dns"] == "pass"


def test_packages_are_an_error_only_where_the_other_way_is_closed_too() -> None:
    (alone,) = findings(machine(DROP_ALL, flows={FLOWS[7]: BY_FIRST}))["firewall-egress"]
    (both,) = findings(machine(DROP_ALL, flows={FLOWS[7]: BY_FIRST, FLOWS[1]: BY_FIRST}))["firewall-egress"]
    assert (alone.severity, both.severity) == (Severity.WARNING, Severity.ERROR)


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        ({**ANSWERED, "request": {"taken": None, "events": [event("filter", "OUTPUT", 1)]}}, Decided.PROBABILISTIC),
        (lost(event("filter", "OUTPUT", 2)), Decided.QUEUED),
    ],
)
def test_what_no_rehearsal_can_decide_is_likely_where_the_real_connection_failed(
    seen: dict[str, Any], outcome: Decided
) -> None:
    """Where none was made, as to a store that nobody knows an address of, it is no more than a possibility."""
    wire = f"-A OUTPUT -d {WIRE}/32 -p tcp -m tcp --dport 80"
    rules = (f"{wire} -m limit --limit 1/sec -j ACCEPT", f"{wire} -j NFQUEUE --queue-num 0")
    host = machine(*rules, flows={FLOWS[0]: seen, FLOWS[1]: BY_FIRST, FLOWS[7]: seen})
    assert facts_of(host).flows[0].outcome is outcome
    (finding, _) = findings(host)["firewall-wireserver"]
    assert (finding.severity, finding.confidence) == (Severity.ERROR, Confidence.LIKELY)
    (finding,) = findings(host)["firewall-egress"]
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.POSSIBLE)


ALLOWED_FOR_NOW = "-A OUTPUT -p tcp -m hashlimit --hashlimit-upto 5/min --hashlimit-name few -j ACCEPT"


@pytest.mark.parametrize(
    ("rules", "taker", "number", "outcome"),
    [
        ((ALLOWED_FOR_NOW, DROP_ALL), 2, 1, Decided.PROBABILISTIC),
        ((DROP_ALL, ALLOWED_FOR_NOW), 1, 1, Decided.BLOCKED),
        ((ALLOWED_FOR_NOW.replace("-p tcp", "-p udp"), DROP_ALL), 2, 2, Decided.BLOCKED),
    ],
)
def test_a_rate_that_was_used_up_is_the_rule_that_decides(
    rules: tuple[str, ...], taker: int, number: int, outcome: Decided
) -> None:
    """The rehearsal's own flows use it up; another time the packet would not have come to the rule that took it."""
    host = machine(*rules, flows={FLOWS[1]: lost(event("filter", "OUTPUT", taker))})
    found = facts_of(host).flows[1]
    assert (found.outcome, found.decider and found.decider.number) == (outcome, number)


def test_a_wire_server_that_answered_once_and_then_no_more_does_not_clear_a_rule_of_chance() -> None:
    body = b"<Versions><Supported><Version>2012-11-30</Version></Supported></Versions>"
    good = HttpAnswer(Outcome.OK, Phase.HTTP, 0.01, 200, body=body)
    seen = {**ANSWERED, "request": {"taken": None, "events": [event("filter", "OUTPUT", 1)]}}
    once = machine(ALLOWED_FOR_NOW, DROP_ALL, flows={FLOWS[0]: seen}, http={VERSIONS_URL: good})
    assert [found.severity for found in findings(once)["firewall-wireserver"]] == [Severity.ERROR]
    always = replace(once, http={VERSIONS_URL: good, GOAL_STATE_URL: good})
    assert statuses(always)["firewall-wireserver"] == "pass"


def test_a_real_connection_outweighs_a_rehearsal() -> None:
    """If it is answered, the rehearsal got it wrong; then nothing is claimed."""
    body = b"<Versions><Supported><Version>2012-11-30</Version></Supported></Versions>"
    http = dict.fromkeys((VERSIONS_URL, GOAL_STATE_URL), HttpAnswer(Outcome.OK, Phase.HTTP, 0.01, 200, body=body))
    results = {result.check: result for result in report(machine(DROP, flows={FLOWS[0]: BY_FIRST}, http=http)).results}
    assert results["firewall-wireserver"].status.value == "unknown"
    assert results["firewall-wireserver"].reason == (
        f"the rehearsal says that {FLOWS[0]} is blocked, and the real connection was answered"
    )


def test_a_name_server_that_answers_through_a_translation_is_well() -> None:
    dns_answers = {
        (SERVER, dns_name, "A", tcp): DnsAnswer(Outcome.OK, 0.01, "NXDOMAIN")
        for dns_name in ("azpreflight-no-such-name.invalid",)
        for tcp in (False, True)
    }
    sent_on = {**ANSWERED, "destination": ["10.0.0.53", 53]}
    host = machine(DROP_ALL, flows={FLOWS[3]: sent_on}, dns=dns_answers)
    assert statuses(host)["firewall-dns"] == "pass"
    (finding,) = findings(replace(host, dns={}))["firewall-dns"]
    assert (finding.severity, finding.message[-24:]) == (Severity.ERROR, f"{FLOWS[3]} to 10.0.0.53:53"[-24:])


ANSWERS_NAMES = {
    (SERVER, "azpreflight-no-such-name.invalid", "A", tcp): DnsAnswer(Outcome.OK, 0.01, "NXDOMAIN")
    for tcp in (False, True)
}


def test_a_source_that_a_rule_gives_is_named_where_nobody_answers() -> None:
    """Another address of the NIC may be answered as well as the first."""
    from_elsewhere = {**ANSWERED, "error": "silent", "source": "192.0.2.99"}
    host = machine(DROP_ALL, flows={FLOWS[3]: from_elsewhere}, dns=ANSWERS_NAMES)
    assert statuses(host)["firewall-dns"] == "pass"
    (finding,) = findings(replace(host, dns={}))["firewall-dns"]
    assert finding.message.endswith(f"gives {FLOWS[3]} the source 192.0.2.99, and no answer comes back")
    assert (finding.severity, finding.confidence) == (Severity.ERROR, Confidence.LIKELY)


def test_a_mark_is_followed_through_the_routing_rules() -> None:
    """Only where nobody answered, and only if the marked packet goes another way."""
    marked = {**ANSWERED, "mark": 7}
    marked_rule, main_rule = RoutingRule(100, "lookup", 77, mark=7, mask=255), RoutingRule(32766, "lookup", MAIN)
    usual = TableRoute(MAIN, "0.0.0.0/0", "unicast", "eth0", "10.0.0.1")
    away = Routing((marked_rule, main_rule), (TableRoute(77, "0.0.0.0/0", "blackhole"), usual))
    host = machine(DROP_ALL, flows={FLOWS[3]: marked}, tables=away, files={"/proc/net/route": "Iface\n"})
    (finding,) = findings(host)["firewall-dns"]
    assert (
        f"marks {FLOWS[3]} with 0x7, and rule 100 leads what has that mark to blackhole by table 77" in finding.message
    )
    assert "firewall-dns" not in findings(replace(host, dns=ANSWERS_NAMES))
    assert "firewall-dns" not in findings(replace(host, tables=Routing((main_rule,), (usual,))))


# --- could not look -----------------------------------------------------------------------------------------------


def test_without_root_nothing_is_known() -> None:
    assert set(statuses(machine(privileged=False)).values()) == {"unknown"}


def legacy(completed: Completed) -> FakeHost:
    return replace(HEALTHY, programs={**HEALTHY.programs, LEGACY_SAVE: completed})


FAILED_DUMPS = {
    "rc": (legacy(Completed(1, "*filter\n", "Couldn't load match `geoip'\n")), "ended with 1: Couldn't load match"),
    "cut in a table": (legacy(Completed(0, "*filter\n:OUTPUT DROP [0:0]\n", "")), "or ends in the middle"),
    "cut in a rule": (legacy(Completed(0, "*filter\n:OUTPUT DROP [0:0]\n-A", "")), "or ends in the middle"),
    "nothing": (legacy(Completed(0, "", "")), "is no list of rules"),
    "rubbish": (legacy(Completed(0, "\x00\ufffd\n", "")), "is no list of rules"),
    "rubbish in a table": (legacy(Completed(0, "*filter\n:OUTPUT\nCOMMIT\n", "")), "is no list of rules"),
    "rubbish for chains": (
        replace(
            machine(files={"/proc/modules": "nf_tables 1 0 - Live 0x0\n"}),
            programs={**HEALTHY.programs, NFT_LIST: Completed(0, "rubbish\n", "")},
        ),
        "nft -n list chains: its output is no list of rules",
    ),
    "nft prints nothing": (
        replace(
            machine(files={"/proc/modules": "nf_tables 1 0 - Live 0x0\n"}),
            programs={**HEALTHY.programs, NFT_LIST: Completed(0, "", "")},
            nft_table_count=2,
        ),
        "nft -n list chains: it lists 0 tables, and the kernel has 2",
    ),
    "too long": (legacy(Completed(0, save(("filter", ())), "", truncated=True)), "printed more than is read"),
    "no tool": (
        replace(HEALTHY, programs={WORKER: answer({})}),
        "there are tables, but no program iptables-legacy-save to read them",
    ),
    "list": (machine(files={"/proc/net/ip_tables_names": Denied()}), "Permission denied"),
}


@pytest.mark.parametrize("case", FAILED_DUMPS)
def test_a_dump_that_failed_is_no_all_clear(case: str) -> None:
    host, reason = FAILED_DUMPS[case]
    results = {result.check: result for result in report(host).results if result.probe == "firewall"}
    assert results["firewall-dump"].status.value == "unknown"
    assert reason in (results["firewall-dump"].reason or "")
    assert reason in (results["firewall-wireserver"].reason or "")


def test_what_blocks_in_the_part_that_could_be_read_still_blocks() -> None:
    files: Mapping[str, Node] = {"/proc/modules": "nf_tables 1 0 - Live 0x0\n"}
    host = replace(machine(DROP, flows={FLOWS[0]: BY_FIRST}, files=files), nft_table_count=1)
    assert statuses(host)["firewall-dump"] == "unknown"
    assert statuses(host)["firewall-wireserver"] == "fail"
    assert statuses(host)["firewall-imds"] == "unknown"


NO_REHEARSAL = {
    "invalid": (answer({}, invalid="PermissionError: Operation not permitted"), "Operation not permitted"),
    "late": (Completed(-14, "", ""), "did not end within 5.0 s"),
    "crash": (Completed(1, "", "Traceback ...\nMemoryError\n"), "MemoryError"),
    "garbage": (Completed(0, "}", ""), "cannot be read"),
}


@pytest.mark.parametrize("case", NO_REHEARSAL)
def test_without_a_rehearsal_the_text_of_the_rules_is_asked(case: str) -> None:
    """It claims what it understands, and says that the kernel did not."""
    worker, reason = NO_REHEARSAL[case]
    (finding,) = findings(machine(DROP, worker=worker))["firewall-wireserver"]
    assert finding.message == f"rule 1 of OUTPUT (legacy filter) drops tcp {WIRE}:80"
    assert finding.confidence is Confidence.LIKELY
    assert set(statuses(machine(worker=worker)).values()) == {"pass"}
    unclear = report(machine("-A OUTPUT -m geoip --destination-country US -j DROP", worker=worker))
    result = next(result for result in unclear.results if result.check == "firewall-wireserver")
    assert result.status.value == "unknown"
    assert reason in (result.reason or "")


UNPROVEN = {
    "canary": (answer({FLOWS[0]: {**ANSWERED, "canary": "silent", "error": "silent"}}), "the rehearsal is invalid"),
    "half a copy": (
        answer({}, loads=[{"name": "nft", "status": 1, "output": "Error: no such interface"}]),
        "some rules could not be copied: nft ended with 1: Error: no such interface",
    ),
    "lost": (answer({FLOWS[0]: {**ANSWERED, "error": "silent"}}), "no answer came back, and no rule took a packet"),
}


@pytest.mark.parametrize("case", UNPROVEN)
def test_a_rehearsal_that_proves_nothing_is_unknown(case: str) -> None:
    worker, reason = UNPROVEN[case]
    results = {result.check: result for result in report(machine(DROP_ALL, worker=worker)).results}
    assert results["firewall-wireserver"].status.value == "unknown"
    assert reason in (results["firewall-wireserver"].reason or "")


def test_a_rule_that_may_do_otherwise_the_next_time_is_told_also_if_it_did_not_match() -> None:
    rules = ("-A OUTPUT -p udp -m limit --limit 1/s -j DROP", "-A OUTPUT -p tcp -m statistic --probability 0.1 -j DROP")
    outcomes = {found.flow.text: found for found in facts_of(machine(*rules)).flows if found.flow.uid == 0}
    assert outcomes[FLOWS[0]].outcome is Decided.PROBABILISTIC
    assert [found.decider and found.decider.number for found in (outcomes[FLOWS[0]], outcomes[FLOWS[3]])] == [2, 1]


def test_a_rule_for_programs_of_one_control_group_says_nothing_of_the_agent() -> None:
    host = machine("-A OUTPUT -m cgroup --path user.slice -j DROP")
    results = {result.check: result for result in report(host).results}
    assert results["firewall-wireserver"].status.value == "unknown"
    assert "rule 1 of OUTPUT (legacy filter) asks for the control group" in (
        results["firewall-wireserver"].reason or ""
    )
    assert facts_of(host).rehearsal.limits == ("rules ask for a control group, and programs differ in theirs",)


def test_a_server_that_this_machine_has_no_address_for_is_unknown_and_the_rest_is_not() -> None:
    host = machine(DROP, flows={FLOWS[0]: BY_FIRST}, files={"/etc/resolv.conf": "nameserver 2001:db8::53\n"})
    seen = [BY_FIRST, *[ANSWERED] * 10]
    said = {"loads": [], "trace_error": None, "trace_lost": False, "modules": [], "flows": seen}
    host = replace(host, programs={**host.programs, WORKER: Completed(0, json.dumps(said), "")})
    found = {one.flow.text: one.outcome for one in facts_of(host).flows}
    assert found["udp 2001:db8::53:53"] is Decided.UNKNOWN
    assert findings(host)["firewall-wireserver"][0].flow == FLOWS[0]


@pytest.mark.parametrize(("rules", "seconds"), [(0, 5.0), (10_000, 5.0), (10_001, 10.0)])
def test_a_rehearsal_of_very_many_rules_has_more_time(rules: int, seconds: float) -> None:
    text = save(("filter", tuple(f"-A OUTPUT -d 10.0.0.{number % 250} -j DROP" for number in range(rules))))
    assert rehearsal.time_limit(parse_iptables_save.parse(text, Backend.LEGACY, "ip")) == seconds


def test_log_rules_that_would_reach_the_console_are_not_rehearsed() -> None:
    files: Mapping[str, Node] = {"/proc/sys/net/netfilter/nf_log_all_netns": "1\n"}
    logging = facts_of(machine("-A OUTPUT -j LOG", files=files))
    assert "nf_log_all_netns is 1" in (logging.rehearsal.error or "")
    assert {found.rehearsed for found in logging.flows} == {False}
    assert facts_of(machine(DROP_ALL, files=files)).rehearsal.error is None


def test_a_guest_without_an_address_cannot_be_rehearsed() -> None:
    host = replace(machine(DROP), interface_list=(), routes={})
    assert {found.outcome for found in facts_of(host).flows} == {Decided.UNKNOWN}


# --- looking changes nothing --------------------------------------------------------------------------------------


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


# --- what the rehearsal cannot see --------------------------------------------------------------------------------

UNIT = "/lib/systemd/system/walinuxagent.service"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({UNIT: "[Service]\nIPAddressDeny=any\n"}, "keeps it from 168.63.129.16 and 169.254.169.254"),
        ({UNIT: "[Service]\nIPAddressDeny=168.63.129.0/24\n"}, "keeps it from 168.63.129.16, whatever"),
        ({UNIT: "[Service]\nIPAddressDeny=link-local\n"}, "keeps it from 169.254.169.254, whatever"),
        ({UNIT: "[Service]\nPrivateNetwork=yes\n"}, "has PrivateNetwork=yes: systemd keeps it from 168.63.129.16"),
        (
            {UNIT: "", "/etc/systemd/system/azure.slice": "[Slice]\nIPAddressDeny=any\n"},
            "walinuxagent.service has IPAddressDeny=any: systemd keeps it",
        ),
        (
            {UNIT: "", "/etc/systemd/system/service.d/all.conf": "[Service]\nIPAddressDeny=any\n"},
            "walinuxagent.service has IPAddressDeny=any: systemd keeps it",
        ),
        (
            {UNIT: "[Service]\nIPAddressDeny=any\nIPAddressAllow=168.63.129.16 169.254.0.0/16\n"},
            "systemd filters its packets too",
        ),
        (
            {UNIT: "[Service]\nIPEgressFilterPath=/sys/fs/bpf/x\n"},
            "has IPEgressFilterPath=/sys/fs/bpf/x: systemd filters",
        ),
        ({UNIT: "[Service]\nIPAddressDeny=rubbish any\nIPAddressDeny=\n"}, None),
        ({UNIT: "[Service]\n#IPAddressDeny=any\n"}, None),
        ({"/lib/systemd/system/other.service": "[Service]\nIPAddressDeny=any\n"}, None),
    ],
)
def test_what_systemd_filters_of_an_agents_packets(files: dict[str, Node], message: Optional[str]) -> None:
    """An address on both lists is allowed; slices count for what is in them; an empty value clears a list."""
    said = [found.message for found in findings(machine(files=files)).get("firewall-limits", ())]
    assert [message] * bool(message) == [message for one in said if message and message in one]
    assert bool(said) is bool(message)


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ("-A OUTPUT -m cgroup --path system.slice/x.service -j DROP", "control group"),
        ("-A OUTPUT -p tcp -j NFQUEUE --queue-num 3", "reads a queue"),
        ('-A OUTPUT -m bpf --bytecode "1,6 0 0 1" -j DROP', "packets carry"),
        ("-A OUTPUT -p tcp -m string --algo bm --string goalstate -j DROP", "packets carry"),
        ("-A INPUT -p tcp -m ttl --ttl-lt 60 -j DROP", "how far they came"),
    ],
)
def test_rules_that_no_rehearsal_copies_are_told(rule: str, word: str) -> None:
    (found,) = findings(machine(rule))["firewall-limits"]
    assert word in found.message
    assert found.severity is Severity.NOTE


def test_what_is_attached_to_interfaces_is_told() -> None:
    links = (LinkFilter("eth0", "ingress", "XDP"), LinkFilter("eth0", "egress", "tc bpf"))
    (found,) = findings(replace(machine(), links=links))["firewall-limits"]
    assert "eth0 (XDP, ingress) and eth0 (tc bpf, egress)" in found.message
    assert found.severity is Severity.NOTE
    assert found.commands == ("ip -d link show dev eth0", "tc filter show dev eth0 egress")
    assert "firewall-limits" not in findings(machine())


def test_an_interface_may_have_a_name_that_a_shell_would_run() -> None:
    """The kernel forbids little more than slashes and spaces in it."""
    links = (LinkFilter("a;reboot", "ingress", "XDP"), LinkFilter("$(reboot)", "ingress", "tc bpf"))
    (found,) = findings(replace(machine(), links=links))["firewall-limits"]
    assert found.commands == ("ip -d link show dev 'a;reboot'", "tc filter show dev '$(reboot)' ingress")


def test_interfaces_that_the_kernel_does_not_tell_of_are_unknown() -> None:
    host = replace(machine(), links=Denied("Operation not permitted"))
    assert statuses(host)["firewall-limits"] == "unknown"


def test_programs_that_change_rules_are_told_by_their_chains_and_services() -> None:
    wants = "/etc/systemd/system/multi-user.target.wants/fail2ban.service"
    files: Mapping[str, Node] = {
        "/lib/systemd/system/fail2ban.service": "[Service]\n",
        wants: Link("/lib/systemd/system/fail2ban.service"),
        "/lib/systemd/system/docker.service": "[Service]\n",
    }
    (found,) = findings(machine("-A KUBE-SERVICES -j RETURN", files=files))["firewall-limits"]
    assert found.evidence == {"programs": "fail2ban, kube-proxy"}


AZURE_INIT_UNIT = "/lib/systemd/system/azure-init.service"
AZURE_INIT: dict[str, Node] = {
    "/lib/systemd/systemd": "",
    AZURE_INIT_UNIT: "[Unit]\n",
    "/etc/systemd/system/multi-user.target.wants/azure-init.service": Link(AZURE_INIT_UNIT),
}


@pytest.mark.parametrize(("files", "severity"), [(AZURE_INIT, Severity.ERROR), ({}, Severity.WARNING)])
def test_a_rule_before_the_metadata_is_an_error_where_azure_init_provisions(
    files: Mapping[str, Node], severity: Severity
) -> None:
    """It cannot do without; who provisions is what decides."""
    host = machine(DROP_ALL, flows={FLOWS[2]: BY_FIRST}, files=files)
    alone = replace(agents.PROBE, checks=())
    result = judged(host, RUN, alone, network.PROBE, platform.PROBE, dns.PROBE, PROXY, firewall.PROBE)
    (found,) = next(one for one in result.results if one.check == "firewall-imds").findings
    assert found.severity is severity
