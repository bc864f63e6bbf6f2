"""Rules that could not be read or rehearsed are no all-clear."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from azpreflight.firewall import parse_iptables_save, rehearsal
from azpreflight.firewall.facts import Backend
from azpreflight.firewall.facts import Outcome as Decided
from azpreflight.host import Completed
from azpreflight.model import Confidence
from tests.support.fakes import Denied, FakeHost, Node
from tests.support.machines.firewall import (
    ANSWERED,
    BY_FIRST,
    DROP,
    DROP_ALL,
    FLOWS,
    HEALTHY,
    LEGACY_SAVE,
    NFT_LIST,
    WIRE,
    WORKER,
    answer,
    facts_of,
    findings,
    machine,
    report,
    save,
    statuses,
)


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
