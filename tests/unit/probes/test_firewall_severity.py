"""How bad it is that a rule blocks a flow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from azpreflight.azure.wire_server import GOAL_STATE_URL, VERSIONS_URL
from azpreflight.firewall.facts import Outcome as Decided
from azpreflight.host import MAIN, DnsAnswer, HttpAnswer, Outcome, Phase, Routing, RoutingRule, TableRoute
from azpreflight.model import Confidence, Severity
from tests.support.machines.firewall import (
    ANSWERED,
    BY_FIRST,
    DROP,
    DROP_ALL,
    FLOWS,
    SERVER,
    WIRE,
    WORKER,
    answer,
    event,
    facts_of,
    findings,
    lost,
    machine,
    report,
    statuses,
)


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
