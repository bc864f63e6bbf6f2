"""The authorities that certificates name, and whether they are reached."""

from __future__ import annotations

from azpreflight.model import Confidence, Report, Run, Severity, codec
from azpreflight.probes import dns, egress, network, platform, revocation
from azpreflight.probes.revocation.facts import RevocationFacts
from tests.support.judging import findings, judged, statuses
from tests.support.machines.egress import AGENT_PROXY, OPEN_BY_PROXY, PROXY, REFUSED, World, behind, world
from tests.support.machines.revocation import BROKEN, HEALTHY, LIST, NAMED, RUN, naming


def report(host: World, run: Run = RUN) -> Report:
    return judged(host, run, network.PROBE, platform.PROBE, dns.PROBE, PROXY, egress.PROBE, revocation.PROBE)


def test_every_authority_is_reached_once() -> None:
    told = report(*HEALTHY)
    facts = told.facts["revocation"]
    assert [answer.url for answer in facts.answers] == list(NAMED[:2])
    assert statuses(told)["tls-revocation"] == "pass"
    assert codec.decode(RevocationFacts, codec.encode(facts)) == facts


def test_a_shut_one_is_a_note_and_no_cause() -> None:
    """The agents ask nobody before they trust a certificate."""
    told = report(*BROKEN["tls-revocation"])
    (found,) = findings(told, "tls-revocation")
    assert found.message.startswith(f"no way to {LIST} (20.60.0.71:80): no answer within 1.2 s; certificates of")
    assert (found.severity, found.confidence) == (Severity.NOTE, Confidence.LIKELY)
    assert told.causes == ()


def test_a_refusal_is_certain() -> None:
    (found,) = findings(report(naming(tcp={("20.60.0.72", 80): REFUSED})), "tls-revocation")
    assert (found.flow, found.confidence) == ("tcp 20.60.0.72:80", Confidence.CERTAIN)


def test_where_no_certificate_names_any_or_a_proxy_brought_it_nobody_is_asked() -> None:
    for host in (world(), behind(OPEN_BY_PROXY, files=AGENT_PROXY)):
        assert statuses(report(host))["tls-revocation"] == "notapplicable"
