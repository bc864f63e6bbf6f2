"""Clocks of servers beside this machine's, in the network of the egress probe's tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from azpreflight.model import Cause, Confidence, Platform, Report, Run, Severity, Stage, codec
from azpreflight.probes import clock, dns, egress, network, platform, tls
from azpreflight.probes.clock.facts import ClockFacts, span
from tests.support.fakes import Link
from tests.support.judging import by_check, findings, judged, statuses
from tests.support.machines import egress as test_probe_egress
from tests.support.machines.clock import CHRONY, DAY, EXPIRED, HEALTHY, dated, expired
from tests.support.machines.egress import PROXY, RUN, World, inspected, page

PROBES = (tls.PROBE, clock.PROBE, network.PROBE, platform.PROBE, dns.PROBE, PROXY, egress.PROBE)


def report(host: World, run: Run = RUN) -> Report:
    return judged(host, run, *PROBES)


def test_a_right_clock_is_told_by_all_servers() -> None:
    facts = report(*HEALTHY).facts["clock"]
    assert statuses(report(*HEALTHY))["clock-skew"] == "pass"
    assert codec.decode(ClockFacts, codec.encode(facts)) == facts
    assert (facts.services, facts.host_clock) == (("chrony.service",), True)


def test_a_clock_that_breaks_tls_is_the_one_cause_and_the_certificates_its_symptom() -> None:
    result = report(expired(-400 * DAY, **CHRONY))
    (cause,) = result.causes
    assert (cause.cause, cause.severity, cause.confidence) == (Cause.CLOCK, Severity.ERROR, Confidence.CERTAIN)
    assert cause.symptoms == ("egress-tls",)
    assert cause.summary == (
        "this machine's clock is 400 days ahead by 168.63.129.16 and 169.254.169.254;"
        " certificates of public servers are out of date by it"
    )
    assert cause.commands == ("chronyc makestep", "chronyc tracking")
    assert statuses(result)["egress-packages"] == "notapplicable"


def test_a_wrong_clock_does_not_hide_an_inspecting_appliance() -> None:
    """A chain that nobody knows is told before its dates."""
    result = report(dated(400 * DAY, inspected()))
    assert {cause.cause for cause in result.causes} == {Cause.TLS_INTERCEPTION, Cause.CLOCK}


@pytest.mark.parametrize(
    ("ahead", "status", "words"),
    [
        (59.0, "pass", ""),
        (-61.0, "fail", "61 s ahead"),
        (400.0, "fail", "7 min behind"),
        (7200.0, "fail", "2 h behind"),
    ],
)
def test_a_clock_that_is_off_without_breaking_tls_is_a_warning(ahead: float, status: str, words: str) -> None:
    result = by_check(report(dated(ahead)))["clock-skew"]
    assert result.status.value == status
    assert all(words in found.message and found.severity is Severity.WARNING for found in result.findings)


def test_an_expired_certificate_beside_a_right_clock_is_no_matter_of_the_clock() -> None:
    result = report(expired(2.0))
    assert statuses(result)["clock-skew"] == "pass"
    assert [cause.cause for cause in result.causes] == [Cause.TLS_INTERCEPTION]
    assert findings(result, "egress-tls")[0].confidence_reason == "by a clock that is off by 2 s"


def test_where_no_answer_has_a_date_nothing_is_decided() -> None:
    result = report(inspected("CN=X", EXPIRED))
    assert statuses(result)["clock-skew"] == "unknown"
    assert "the clock or the certificate is wrong" in (by_check(result)["egress-tls"].reason or "")


def test_public_servers_tell_the_time_where_there_is_no_host() -> None:
    """Outside Azure, with less confidence."""
    run = replace(test_probe_egress.CONFIGURED, platform=Platform.NONE)
    (found,) = findings(report(dated(7200.0), run), "clock-skew")
    assert (found.confidence, "mirror.example.net" in found.message) == (Confidence.LIKELY, True)


def test_the_host_is_believed_before_others() -> None:
    host = dated(900.0)
    http = {url: replace(answer, ahead_s=1.0) if "168.63" in url else answer for url, answer in host.http.items()}
    one_says = {url: replace(answer, ahead_s=None) if "169.254" in url else answer for url, answer in http.items()}
    assert statuses(report(replace(host, http=one_says)))["clock-skew"] == "pass"


def test_before_first_boot_it_is_a_note() -> None:
    result = by_check(report(dated(7200.0), replace(RUN, stage=Stage.CAPTURE)))["clock-skew"]
    assert result.severity is Severity.NOTE


def test_where_nobody_was_asked_it_does_not_apply() -> None:
    silent = World()
    assert statuses(report(silent, Run(platform=Platform.NONE)))["clock-skew"] == "notapplicable"


@pytest.mark.parametrize(
    ("service", "words"),
    [("systemd-timesyncd.service", "systemctl restart systemd-timesyncd.service"), (None, "date -u")],
)
def test_the_fix_goes_by_the_time_service_that_is_there(service: str | None, words: str) -> None:
    files: dict[str, Any] = {}
    if service is not None:
        files = {f"/lib/systemd/system/{service}": "[Unit]\n", f"/etc/systemd/system/x.target.wants/{service}": ""}
    (found,) = findings(report(dated(7200.0, **files)), "clock-skew")
    assert words in found.commands


@pytest.mark.parametrize(
    ("seconds", "words"), [(-34560000, "400 days"), (7200, "2 h"), (400, "7 min"), (90.4, "90 s"), (0, "0 s")]
)
def test_a_span_is_told_in_its_largest_unit(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_pages_without_a_date_are_no_reading() -> None:
    assert page().ahead_s is None


def test_a_time_service_of_the_image() -> None:
    """Enabled; one that is masked does not start."""
    capture = replace(RUN, stage=Stage.CAPTURE)
    masked = {**CHRONY, "/etc/systemd/system/chrony.service": Link("/dev/null")}
    for files, status in ((CHRONY, "pass"), (masked, "fail"), ({}, "fail")):
        assert statuses(report(dated(1.4, **files), capture))["clock-service"] == status
