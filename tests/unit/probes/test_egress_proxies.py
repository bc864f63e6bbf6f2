"""Proxies and replaced certificates between the agent and the stores."""

from __future__ import annotations

from dataclasses import replace

import pytest

from azpreflight.host import HttpAnswer, Outcome, Phase
from azpreflight.model import Cause, Confidence, Run, Severity
from azpreflight.standin.extension import HELLO, STORE_HOSTS, manifest
from tests.support.judging import by_check, findings, statuses
from tests.support.machines.egress import (
    AGENT_PROXY,
    MONITOR,
    OPEN_BY_PROXY,
    PROXY_URL,
    PUBLIC,
    RUN,
    SILENT,
    TRUSTED,
    World,
    behind,
    extension,
    inspected,
    no_relay,
    page,
    report,
    shut,
    untrusted,
    world,
)

APT_PROXY = {"/etc/apt/apt.conf.d/95proxy": f'Acquire::http::Proxy "{PROXY_URL}/";\n'}


def refused(status: int) -> HttpAnswer:
    """A proxy that does not open a tunnel."""
    detail = f"Tunnel connection failed: {status} No"
    return HttpAnswer(Outcome.ERROR, Phase.PROXY, 0.01, status=status, detail=detail)


def test_replaced_certificates_are_named_and_are_no_lack_of_egress() -> None:
    result = report(inspected())
    assert [cause.cause for cause in result.causes] == [Cause.TLS_INTERCEPTION]
    assert result.causes[0].severity is Severity.WARNING
    assert (
        "issued by O=Example Inspection: certificate not trusted: self-signed certificate" in result.causes[0].summary
    )
    assert statuses(result)["egress-packages"] == "notapplicable"


def test_replaced_certificates_are_an_error_where_the_plugin_does_not_deliver() -> None:
    host = replace(inspected(), relay=no_relay(HELLO))
    assert {finding.severity for finding in findings(report(host), "egress-tls")} == {Severity.ERROR}


@pytest.mark.parametrize(
    ("issuer", "detail", "words"),
    [
        ("O=Whoever", "certificate has expired", "the clock or the certificate is wrong"),
        (TRUSTED, "unable to get local issuer certificate", "this machine's CA store does not know"),
    ],
)
def test_a_wrong_clock_or_a_poor_store_is_no_interception(issuer: str, detail: str, words: str) -> None:
    result = by_check(report(inspected(issuer, detail)))["egress-tls"]
    assert result.status.value == "unknown"
    assert words in (result.reason or "")


def test_a_certificate_for_another_name_is_possibly_a_wrong_server() -> None:
    """Its issuer is trusted, so that no appliance made it."""
    (found, *_) = findings(report(inspected(TRUSTED, "Hostname mismatch, certificate is not valid")), "egress-tls")
    assert found.confidence is Confidence.POSSIBLE
    assert "which server answers there" in found.fix


@pytest.mark.parametrize("phase", [Phase.TLS, Phase.HTTP])
def test_a_connection_that_stalls_has_more_than_one_reason(phase: Phase) -> None:
    stalled = {uri: HttpAnswer(Outcome.TIMEOUT, phase, 2.0) for uri in HELLO.manifests}
    for finding in findings(report(world(http=stalled)), "egress-packages"):
        assert finding.confidence is Confidence.POSSIBLE
        assert "large packets" in finding.confidence_reason


def causes(host: World, run: Run = RUN) -> list[Cause]:
    return [cause.cause for cause in report(host, run).causes]


def test_what_the_agent_fetches_by_its_proxy_is_fetched_by_it() -> None:
    """The straight way may be shut, and nobody needs to know the servers' names."""
    host = behind(OPEN_BY_PROXY, files=AGENT_PROXY, tcp=shut(SILENT))
    assert causes(host) == []
    assert statuses(report(host))["proxy-agent"] == "pass"
    assert {answer.proxy for answer in report(host).facts["egress"].every} == {"10.0.0.6:3128"}
    assert extension(host).package == "direct"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (407, "Tunnel connection failed: 407 No, and waagent sends no password"),
        (403, "Tunnel connection failed: 403 No"),
    ],
)
def test_a_proxy_that_refuses_is_the_cause_and_not_the_lack_of_egress(status: int, words: str) -> None:
    answers = dict.fromkeys(OPEN_BY_PROXY, refused(status))
    host = behind(answers, files=AGENT_PROXY, tcp=shut(SILENT))
    assert causes(host) == [Cause.PROXY]
    (found,) = findings(report(host), "proxy-agent")
    assert (found.severity, found.flow) == (Severity.WARNING, "tcp 10.0.0.6:3128")
    assert words in found.message
    assert "the HostGAPlugin delivers instead" in found.message
    assert statuses(report(host))["egress-packages"] == "notapplicable"


def test_a_proxy_that_refuses_is_an_error_where_the_plugin_does_not_deliver() -> None:
    host = behind(dict.fromkeys(OPEN_BY_PROXY, refused(403)), files=AGENT_PROXY, relay=no_relay(HELLO))
    assert report(host).causes[0].severity is Severity.ERROR
    assert "the straight way works" in report(host).causes[0].fix


def test_a_dead_proxy_is_the_cause() -> None:
    host = behind({}, files=AGENT_PROXY, tcp={("10.0.0.6", 3128): SILENT})
    (found,) = findings(report(host), "proxy-agent")
    assert found.confidence is Confidence.LIKELY
    assert "no answer within 1.2 s at the proxy" in found.message


def test_a_proxy_whose_name_nobody_knows_speaks_of_the_name() -> None:
    files = {path: text.replace("10.0.0.6", "proxy.example.net") for path, text in AGENT_PROXY.items()}
    (found,) = findings(report(behind({}, files=files)), "proxy-agent")
    assert found.flow == "name proxy.example.net"
    assert "no server that answers knows an address for it" in found.message


def test_a_proxy_that_replaces_certificates_is_interception() -> None:
    answers = dict.fromkeys(OPEN_BY_PROXY, untrusted("O=Example Inspection"))
    host = behind(answers, files=AGENT_PROXY)
    assert causes(host) == [Cause.TLS_INTERCEPTION]
    assert "by the proxy 10.0.0.6:3128" in report(host).causes[0].summary


def test_where_only_another_programs_proxy_leads_out_the_agent_lacks_it() -> None:
    """One cause, and the lack of egress is its symptom."""
    result = report(behind(OPEN_BY_PROXY, tcp=shut(SILENT), files=APT_PROXY))
    (cause,) = result.causes
    assert (cause.cause, cause.check, cause.symptoms) == (Cause.PROXY, "proxy-required", ("egress-packages",))
    assert "by the proxy 10.0.0.6:3128 of /etc/apt/apt.conf.d/95proxy" in cause.summary
    assert any("HttpProxy.Host=10.0.0.6" in command for command in cause.commands)


def test_where_the_straight_way_works_another_programs_proxy_is_not_required() -> None:
    assert statuses(report(behind(OPEN_BY_PROXY, files=APT_PROXY)))["proxy-required"] == "pass"


def test_where_no_way_leads_out_a_dead_proxy_is_not_required() -> None:
    host = behind({}, tcp=shut(SILENT), files=APT_PROXY)
    assert causes(host) == [Cause.NO_EGRESS]


@pytest.mark.parametrize("status", [403, 407])
def test_a_proxy_on_the_way_that_nobody_asked_for_is_named(status: int) -> None:
    said = replace(page("", status), headers={"via": "1.1 squid.example.net"})
    host = world(http=dict.fromkeys(HELLO.manifests, said))
    (found, *_) = findings(report(host), "proxy-required")
    assert causes(host) == [Cause.PROXY]
    assert f"(1.1 squid.example.net) answers in the place of {STORE_HOSTS[0]}" in found.message


def test_an_answer_of_azure_that_was_passed_on_is_azures() -> None:
    said = replace(page("", 403), headers={"via": "1.1 squid.example.net", "x-ms-request-id": "7"})
    assert causes(world(http=dict.fromkeys((*HELLO.manifests, *HELLO.packages), said))) == []


def test_an_extension_behind_a_proxy_must_be_told_of_it() -> None:
    """Its endpoints answer by the agent's proxy; whether the extension knows the proxy is not known."""
    answers = {
        **{uri: page(manifest(MONITOR)) for uri in MONITOR.manifests},
        **{uri: page("PK", 206) for uri in MONITOR.packages},
        **{f"https://{name}/": page() for name in PUBLIC},
    }
    host = behind(answers, extension=MONITOR, files=AGENT_PROXY, tcp=shut(SILENT))
    verdict = extension(host)
    assert (verdict.package, verdict.will_work) == ("direct", "unknown")
    assert "its own settings must name the proxy 10.0.0.6:3128" in verdict.why
