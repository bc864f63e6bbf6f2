"""The agents' logs, as real machines wrote them (excerpts of recorded logs in tests/data/logs)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.azure.log_signatures import SIGNATURES, WAAGENT, Signature
from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather
from azpreflight.model import Cause, Confidence, Status
from azpreflight.probes import logs
from azpreflight.probes.logs.checks import sighting
from azpreflight.probes.logs.collect import parse
from azpreflight.probes.logs.facts import PATHS
from tests.support.fakes import Denied, FakeHost, Fifo
from tests.support.log_lines import LINES
from tests.support.machines.logs import BROKEN, HEALTHY, RUN, judged, recorded


def test_a_healthy_log_says_nothing() -> None:
    assert judged(HEALTHY[0]) == (Status.PASS, "")


def test_the_changed_identifier_is_a_likely_cause_with_its_line_as_evidence() -> None:
    host, run = BROKEN["logs-vm-identifier"]
    report = assess(gather(host, (logs.PROBE,), run), (logs.PROBE,))
    assert report.causes[0].cause is Cause.NOT_GENERALIZED
    assert report.causes[0].confidence is Confidence.LIKELY
    assert any("unique identifier has changed" in line for line in report.causes[0].evidence)


@pytest.mark.parametrize(
    ("name", "cause", "signature"),
    [
        ("dns-dead-waagent.log", Cause.DNS_UNREACHABLE, "download-name"),
        ("firewall-waagent.log", Cause.PLATFORM_UNREACHABLE, "no-protocol"),
    ],
)
def test_other_lines_are_evidence_and_no_finding(name: str, cause: Cause, signature: str) -> None:
    facts = logs.gather(recorded(name), RUN)
    assert judged(recorded(name))[0] is Status.PASS
    assert sighting(facts, signature) is not None
    assert cause in dict(logs.witness(facts))


@pytest.mark.parametrize("node", [Denied(), Fifo()])
def test_a_log_that_cannot_be_read_is_unknown(node: Denied | Fifo) -> None:
    status, reason = judged(FakeHost(files={"/var/log/waagent.log": node}))
    assert status is Status.UNKNOWN
    assert "/var/log/waagent.log" in reason


def test_no_log_at_all_is_a_pass() -> None:
    """Before the agents have run there is nothing to witness."""
    assert judged(FakeHost()) == (Status.PASS, "")


@pytest.mark.parametrize(
    "words",
    [
        "GET https://x.blob.core.windows.net/p?sv=1&sig=SECRET",
        "GET /p?sv=1&sig=SECRET",
        "Tunnel connection failed: 407 at http://user:SECRET@10.0.0.9:3128",
        "settings {'password': 'SECRET SECRET', \"protectedSettings\": \"SECRET\"} sent",
        "Password=SECRET; accountKey: SECRET",
    ],
)
def test_no_secret_of_a_line_is_kept(words: str) -> None:
    facts = logs.LogsFacts(parse(f"Fetch failed: GET https://host/ {words} -- IOError timed out", WAAGENT), (), ())
    evidence = [line for _, line in logs.witness(facts)]
    assert evidence and all("Fetch failed" in line for line in evidence)
    assert "SECRET" not in str((evidence, facts))


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda signature: signature.id)
def test_every_signature_is_recognised_in_its_log(signature: Signature) -> None:
    """And in a healthy machine's log none that stands for a cause is."""
    seen = parse(f"2026-11-22T18:17:36.658637Z INFO Daemon {LINES[signature.id]}\n", signature.log)
    assert signature.id in {sighting.id for sighting in seen}
    assert dict(logs.witness(logs.gather(HEALTHY[0], RUN))) == {}


def test_a_status_of_the_hostgaplugin_is_no_sign_of_a_closed_way_out() -> None:
    """It fetches for the VM over the host's own network."""
    line = (
        "Fetch failed: [HTTP Retry] GET http://168.63.129.16:32526/extensionArtifact -- Status Code 502 -- 6 attempts"
    )
    assert parse(line, WAAGENT) == ()


def test_signature_ids_are_unique() -> None:
    assert len({signature.id for signature in SIGNATURES}) == len(SIGNATURES)


@given(st.text())
def test_any_text_is_parsed(text: str) -> None:
    for log in PATHS:
        for seen in parse(text, log):
            assert seen.last.isascii()
            assert seen.last.isprintable()
