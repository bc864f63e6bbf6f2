"""The rules of the next boot, judged on what files and a rehearsal said; they are really loaded in tests/netns."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Optional

import pytest

from azpreflight.firewall import rehearsal as live_rehearsal
from azpreflight.firewall.boot.facts import SavedRulesFacts
from azpreflight.firewall.facts import Outcome as Decided
from azpreflight.host import Completed
from azpreflight.model import Confidence, Finding, Severity, Stage, codec
from azpreflight.probes import firewall_boot
from tests.support.fakes import FakeHost, Link
from tests.support.machines.firewall_boot import (
    BLOCKED,
    BOTH,
    DROP,
    FLOWS,
    HEALTHY,
    PERSISTENT,
    RULES,
    RUN,
    UNITS,
    WIRE,
    answer,
    at,
    facts_of,
    findings,
    machine,
    report,
    saved,
    statuses,
    wanted,
)


def test_healthy_rules_are_no_fault() -> None:
    assert set(statuses(HEALTHY).values()) == {"pass"}


def test_a_machine_that_saves_nothing_is_well() -> None:
    assert set(statuses(FakeHost(interface_list=HEALTHY.interface_list, routes=HEALTHY.routes)).values()) == {"pass"}


def test_facts_survive_json() -> None:
    facts = facts_of(BLOCKED)
    assert codec.decode(SavedRulesFacts, codec.encode(facts)) == facts


def test_a_finding_names_the_file_and_the_line() -> None:
    (finding,) = findings(BLOCKED)["firewall-boot-flows"]
    assert finding.message == (
        f"rule 1 of OUTPUT (nft filter) in {RULES} line 4 will drop tcp {WIRE}:80 from the next boot on"
    )
    assert finding.commands == (f"sed -i 4d {RULES}",)
    assert (finding.severity, finding.confidence, finding.flow) == (Severity.ERROR, Confidence.CERTAIN, FLOWS[0])
    assert (finding.evidence["file"], finding.evidence["order"]) == (f"{RULES}:4", "netfilter-persistent")


def test_at_first_boot_it_is_for_information() -> None:
    """The live rules decide then, and no failure is explained by saved ones."""
    (finding,) = findings(BLOCKED, replace(RUN, stage=Stage.FIRSTBOOT))["firewall-boot-flows"]
    assert (finding.severity, finding.flow) == (Severity.NOTE, None)


def test_what_stands_before_a_policy_is_put_into_the_file() -> None:
    (finding,) = findings(machine(policy="DROP", flows={FLOWS[0]: at(0)}))["firewall-boot-flows"]
    assert finding.message.startswith(f"the policy of OUTPUT (nft filter) in {RULES} line 3 will drop")
    assert finding.commands == (f"sed -i '4i -A OUTPUT -d {WIRE} -p tcp --dport 80 -j ACCEPT' {RULES}",)


def test_a_live_rule_that_is_saved_too_is_a_symptom_and_one_that_is_not_a_note() -> None:
    live = at(1)
    for host, status in ((BLOCKED, ("firewall-boot-flows",)), (machine(live=(DROP,)), ())):
        worker = (sys.executable, *live_rehearsal.PYTHON)
        seen = json.dumps({**json.loads(answer({FLOWS[0]: live}, "", {}).stdout)})
        both = replace(host, programs={**host.programs, worker: Completed(0, seen, "")})
        result = next(one for one in report(both).results if one.check == "firewall-wireserver")
        assert result.because_of == status
        if not status:
            assert [finding.severity for finding in result.findings] == [Severity.NOTE]
            assert result.findings[0].confidence_reason.startswith("these rules are live now, and the next boot")


# --- what is started, and when ------------------------------------------------------------------------------------

NOT_STARTED: Mapping[str, FakeHost] = {
    "disabled": replace(BLOCKED, files={**UNITS, RULES: saved(DROP)}),
    "masked": replace(
        BLOCKED, files={**BLOCKED.files, "/etc/systemd/system/netfilter-persistent.service": Link("/dev/null")}
    ),
    "condition": replace(BLOCKED, files={**BLOCKED.files, PERSISTENT: "[Unit]\nConditionPathExists=/nowhere\n"}),
    "no file": replace(BLOCKED, files={**UNITS, **wanted(PERSISTENT)}),
    "no plugin": replace(BLOCKED, files={path: node for path, node in BLOCKED.files.items() if "plugins" not in path}),
}


@pytest.mark.parametrize("case", NOT_STARTED)
def test_a_service_that_does_not_start_loads_nothing(case: str) -> None:
    facts = facts_of(NOT_STARTED[case])
    assert facts.boots == ()
    assert [service.runs for service in facts.services if service.name == "netfilter-persistent"] == [False]


def test_where_nothing_says_which_comes_first_both_orders_are_rehearsed() -> None:
    host = machine(DROP, flows={FLOWS[0]: at(1)}, files=BOTH)
    orders = [boot.order for boot in facts_of(host).boots]
    assert orders == [("netfilter-persistent", "nftables"), ("nftables", "netfilter-persistent")]


@pytest.mark.parametrize(
    ("setting", "orders"),
    [
        ("Before=nftables.service", [("netfilter-persistent", "nftables")]),
        ("After=nftables.service", [("nftables", "netfilter-persistent")]),
        ("After=network-pre.target", [("nftables", "netfilter-persistent")]),
        ("Conflicts=nftables.service", [("nftables",), ("netfilter-persistent",)]),
        ("DefaultDependencies=yes\n", None),
    ],
)
def test_the_order_of_units_is_that_of_their_files(setting: str, orders: Optional[list[tuple[str, ...]]]) -> None:
    unit = f"[Unit]\nDefaultDependencies=no\n{setting}\n[Service]\nExecStart=/usr/sbin/netfilter-persistent start\n"
    found = facts_of(machine(DROP, files={**BOTH, PERSISTENT: unit}))
    if orders is None:
        assert len(found.boots) == 2
    else:
        assert [boot.order for boot in found.boots] == orders


def test_a_block_in_one_order_alone_is_a_possibility() -> None:
    both = facts_of(machine(DROP, flows={FLOWS[0]: at(1)}, files=BOTH))
    allowed = tuple(replace(one, outcome=Decided.ALLOWED, decider=None) for one in both.boots[1].flows)
    facts = replace(both, boots=(both.boots[0], replace(both.boots[1], flows=allowed)))
    (finding,) = firewall_boot.checks.judge_flows(facts, RUN)
    assert isinstance(finding, Finding)
    assert finding.confidence is Confidence.POSSIBLE
    assert "which of netfilter-persistent and nftables the boot starts first" in finding.confidence_reason


# --- severity -----------------------------------------------------------------------------------------------------

SEVERITIES = {
    (0,): [Severity.ERROR],
    (2,): [Severity.WARNING],
    (3,): [Severity.ERROR],
    (4,): [Severity.WARNING],
    (5,): [Severity.WARNING],
    (6,): [Severity.NOTE],
    (7,): [Severity.WARNING],
    (1, 5): [Severity.ERROR, Severity.ERROR],
}


@pytest.mark.parametrize("numbers", SEVERITIES)
def test_severity_is_by_consequence(numbers: tuple[int, ...]) -> None:
    host = machine("-A OUTPUT -j DROP", flows={FLOWS[number]: at(1) for number in numbers})
    assert [finding.severity for finding in findings(host)["firewall-boot-flows"]] == SEVERITIES[numbers]
