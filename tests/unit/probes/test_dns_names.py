"""Answers of DNS servers: right, wrong, made up, and what is taken for an address."""

from __future__ import annotations

from dataclasses import replace

import pytest

from azpreflight.model import Confidence, Config, Severity
from azpreflight.probes import dns
from azpreflight.probes.dns.checks_answers import judge_answers
from azpreflight.probes.dns.facts import CONTROL
from azpreflight.probes.dns.names import IMPOSSIBLE
from tests.support.judging import findings
from tests.support.machines.dns import (
    ADDRESSES,
    BEHIND,
    BROKEN,
    ELSEWHERE,
    HEALTHY,
    NAMES,
    RUN,
    SIBLING,
    STORE,
    TOOLS,
    answer,
    knows,
    machine,
    report_on,
    says,
    statuses,
)

# --- are they right -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rcode", ["REFUSED", "SERVFAIL", "NXDOMAIN"])
def test_all_wrong_is_an_error_that_takes_every_name_down(rcode: str) -> None:
    host = machine("10.0.0.9", answers={**knows(CONTROL), **says("10.0.0.9", answer(rcode=rcode))})
    found = findings(report_on(host, RUN), "dns-answers")
    assert [finding.message for finding in found] == [
        f"DNS server 10.0.0.9 answers {rcode} for {STORE} and 1 more: 168.63.129.16 knows it"
    ]
    assert (found[0].severity, found[0].confidence) == (Severity.ERROR, Confidence.CERTAIN)
    assert found[0].breaks == ("name *",)


def test_one_name_that_is_missing_takes_that_name_down() -> None:
    host = machine("10.0.0.9", answers={**knows(CONTROL), **knows("10.0.0.9", {TOOLS: "20.60.0.20"})})
    found = findings(report_on(host, RUN), "dns-answers")
    assert (found[0].severity, found[0].breaks) == (Severity.ERROR, (f"name {STORE}",))


@pytest.mark.parametrize(("rcode", "severity"), [("SERVFAIL", Severity.WARNING), ("NXDOMAIN", Severity.ERROR)])
def test_the_c_library_goes_on_after_a_failure_and_stops_after_a_denial(rcode: str, severity: Severity) -> None:
    host = machine("10.0.0.9", CONTROL, answers={**knows(CONTROL), **says("10.0.0.9", answer(rcode=rcode))})
    found = findings(report_on(host, RUN), "dns-answers")
    assert [finding.severity for finding in found] == [severity]
    assert bool(found[0].breaks) is (severity is Severity.ERROR)


def test_a_denial_after_a_right_answer_is_a_warning() -> None:
    host = machine(CONTROL, "10.0.0.9", answers={**knows(CONTROL), **says("10.0.0.9", answer(rcode="NXDOMAIN"))})
    found = findings(report_on(host, RUN), "dns-answers")
    assert [(finding.severity, finding.breaks) for finding in found] == [(Severity.WARNING, ())]


def test_one_answer_for_everything() -> None:
    host = machine("10.0.0.9", answers={**knows(CONTROL), **says("10.0.0.9", answer("198.51.100.9"))})
    found = findings(report_on(host, RUN), "dns-answers")
    assert [finding.message for finding in found] == [
        f"DNS server 10.0.0.9 answers 198.51.100.9 for {STORE} and 1 more: it has that answer for names that do not "
        "exist as well, such as azpreflight-no-such-name.invalid"
    ]
    assert found[0].breaks == ("name *", "tcp 198.51.100.9:80", "tcp 198.51.100.9:443")


def test_a_wildcard_over_a_public_zone_is_seen_by_comparing() -> None:
    private = {**ADDRESSES, STORE: "10.9.9.9", SIBLING: "10.9.9.9"}
    host = machine("10.0.0.9", answers={**knows(CONTROL), **knows("10.0.0.9", private)})
    found = findings(report_on(host, RUN), "dns-answers")
    assert found[0].breaks == (f"name {STORE}", "tcp 10.9.9.9:80", "tcp 10.9.9.9:443")


def test_a_wildcard_that_the_control_has_too_is_nobodys_fault() -> None:
    wild = {**ADDRESSES, SIBLING: "20.60.0.10"}
    host = machine("10.0.0.9", answers={**knows(CONTROL, wild), **knows("10.0.0.9", wild)})
    assert statuses(report_on(host, RUN))["dns-answers"] == "pass"


def test_a_server_that_makes_up_only_what_does_not_exist_is_right_about_the_rest() -> None:
    host = machine("10.0.0.9", answers=knows("10.0.0.9", {**ADDRESSES, IMPOSSIBLE: "198.51.100.9"}))
    assert statuses(report_on(host, ELSEWHERE))["dns-answers"] == "pass"


def test_a_private_endpoint_is_another_address_and_no_fault() -> None:
    host = machine("10.0.0.9", answers={**knows(CONTROL), **knows("10.0.0.9", {**ADDRESSES, STORE: "10.0.5.5"})})
    assert statuses(report_on(host, RUN))["dns-answers"] == "pass"


def test_a_blocking_resolver_points_back_to_this_machine() -> None:
    host = machine("10.0.0.9", answers=knows("10.0.0.9", {**ADDRESSES, STORE: "0.0.0.0"}))
    found = findings(report_on(host, ELSEWHERE), "dns-answers")
    assert "answers 0.0.0.0 for" in found[0].message


def test_a_denial_that_nothing_contradicts_is_unknown() -> None:
    report = report_on(machine(CONTROL, answers=knows(CONTROL, {})), RUN)
    assert statuses(report)["dns-answers"] == "unknown"


def test_a_denial_of_what_the_goal_state_names_is_wrong() -> None:
    facts = replace(dns.gather(machine(CONTROL, answers=knows(CONTROL, {})), RUN), proven=NAMES)
    verdicts = list(judge_answers(facts, RUN))
    assert ["goal state names it" in str(getattr(verdict, "message", "")) for verdict in verdicts] == [True]


def test_a_failure_without_anything_to_compare_is_likely() -> None:
    host = machine("10.0.0.9", answers=says("10.0.0.9", answer(rcode="SERVFAIL")))
    found = findings(report_on(host, ELSEWHERE), "dns-answers")
    assert [(finding.severity, finding.confidence) for finding in found] == [(Severity.ERROR, Confidence.LIKELY)]


def test_no_answer_at_all_and_no_name_at_all_are_unknown() -> None:
    assert statuses(report_on(machine("10.0.0.9", answers={}), RUN))["dns-answers"] == "unknown"
    nameless = replace(RUN, config=Config(cloud="mars"))
    assert statuses(report_on(HEALTHY, nameless))["dns-answers"] == "unknown"


def test_a_wrong_server_behind_the_stub_is_named_and_the_stub_is_not() -> None:
    refuses = answer(rcode="REFUSED")
    host = machine(
        "127.0.0.53",
        answers={**knows(CONTROL), **says("127.0.0.53", refuses), **says("10.0.0.9", refuses)},
        files={BEHIND: "nameserver 10.0.0.9\n"},
    )
    found = findings(report_on(host, RUN), "dns-answers")
    assert [finding.evidence["server"] for finding in found] == ["10.0.0.9"]


def test_a_truncated_answer_is_no_wrong_answer() -> None:
    answers = {**knows(CONTROL), **says(CONTROL, answer(truncated=True), tcp=False)}
    assert statuses(report_on(machine(CONTROL, answers=answers), RUN))["dns-answers"] == "pass"


# --- addresses ----------------------------------------------------------------------------------------------------


def test_addresses_come_from_configured_servers_first_and_ipv4_first() -> None:
    answers = {
        **knows(CONTROL),
        ("10.0.0.9", STORE, "A", False): answer("10.0.5.5"),
        ("10.0.0.9", STORE, "AAAA", True): answer("fd00::5"),
        ("10.0.0.9", IMPOSSIBLE, "A", False): answer(rcode="NXDOMAIN"),
    }
    facts = dns.gather(machine("10.0.0.9", answers=answers), RUN)
    assert dns.addresses_of(facts, STORE) == ("10.0.5.5", "20.60.0.10", "fd00::5")


@pytest.mark.parametrize("check", ["dns-servers", "dns-answers", "dns-resolv-conf"])
def test_addresses_are_known_while_the_configured_server_is_dead_or_wrong(check: str) -> None:
    host = replace(BROKEN[check], dns={**BROKEN[check].dns, **knows(CONTROL)})
    assert dns.addresses_of(dns.gather(host, RUN), STORE) == ("20.60.0.10",)


def test_a_made_up_address_is_no_address() -> None:
    host = machine("10.0.0.9", answers={**knows(CONTROL), **says("10.0.0.9", answer("198.51.100.9"))})
    facts = dns.gather(host, RUN)
    assert dns.addresses_of(facts, STORE) == ("20.60.0.10",)
    assert dns.addresses_of(facts, "unasked.example.net") == ()
