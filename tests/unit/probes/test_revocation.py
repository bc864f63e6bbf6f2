"""The authorities that certificates name, and whether they are reached."""

from __future__ import annotations

from dataclasses import replace

from azpreflight.model import Confidence, Platform, Report, Run, Severity, Stage, codec
from azpreflight.probes import dns, egress, network, platform, revocation
from azpreflight.probes.revocation.facts import RevocationFacts
from azpreflight.standin.extension import HELLO
from tests.support.judging import findings, judged, statuses
from tests.unit.probes.test_egress import (
    AGENT_PROXY,
    OPEN,
    OPEN_BY_PROXY,
    PROXY,
    PUBLIC,
    REFUSED,
    SILENT,
    STORES,
    World,
    behind,
    page,
    world,
)

RUN = Run(stage=Stage.FIRSTBOOT, platform=Platform.AZURE)
LIST, RESPONDER = "crl3.example.net", "ocsp.example.net"
NAMED = (f"http://{LIST}/a.crl", f"http://{RESPONDER}", f"http://{LIST}/b.crl")
PLACES = {LIST: "20.60.0.71", RESPONDER: "20.60.0.72"}


def naming(**changes: object) -> World:
    """Everything is open, and the store's certificate names two authorities."""
    store = replace(page("", 200), authorities=NAMED)
    tcp = {(address, 80): OPEN for address in PLACES.values()}
    tcp |= changes.pop("tcp", {})  # type: ignore[arg-type]  # a mapping like this one
    return world(http={HELLO.manifests[0]: store}, where={**STORES, **PUBLIC, **PLACES}, tcp=tcp, **changes)


HEALTHY = (naming(), RUN)
BROKEN = {"tls-revocation": (naming(tcp={("20.60.0.71", 80): SILENT}), RUN)}


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
