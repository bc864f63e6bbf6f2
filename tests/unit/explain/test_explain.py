"""What logs without a report say: recorded ones, and those of public issues in our own words."""

from __future__ import annotations

import json
import pickle
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from azpreflight.azure.log_signatures import SIGNATURES, Signature
from azpreflight.explain import LogKind, explain, explain_bundle
from azpreflight.explain.exit_code import exit_code
from azpreflight.explain.forms import RECORD
from azpreflight.explain.index import hits, index, needles
from azpreflight.explain.meanings import DONE, MEANINGS, REMARKS
from azpreflight.explain.scan import place_of
from azpreflight.model import Cause, Confidence, Readiness, Severity
from azpreflight.render import explained as render
from tests.support.boot_logs import BOOTS, TRUTHS, content
from tests.support.log_lines import LINES
from tests.support.secrets_said import WAYS

# --- the logs -----------------------------------------------------------------------------------------------------


def test_every_log_has_a_truth() -> None:
    assert {path.name for path in BOOTS.iterdir()} == set(TRUTHS)


@pytest.mark.parametrize("name", TRUTHS)
def test_a_log_is_explained_as_it_was(name: str) -> None:
    """Its kind, who provisioned, the verdict, the one cause with its line; likely at best."""
    truth = TRUTHS[name]
    log = explain(name, (content(name),))
    assert (log.kind, log.provisioner, log.verdict) == (truth.kind, truth.provisioner, truth.verdict)
    assert [cause.cause for cause in log.causes] == ([truth.cause] if truth.cause else [])
    for cause in log.causes:
        assert (cause.severity, cause.confidence) == (truth.severity, truth.confidence)
        assert any(truth.line in line.text for line in cause.evidence), cause.evidence
    lines = content(name).decode("utf-8", "replace").split("\n")
    shown = [line for cause in log.causes for line in cause.evidence]
    assert all(re.split(r"\.\.\.", line.text)[-1].strip()[-8:] in lines[line.line - 1] for line in shown)


@pytest.mark.parametrize("name", TRUTHS)
@pytest.mark.parametrize("size", [1, 100, 4096])
def test_the_pieces_in_which_a_log_comes_change_nothing(name: str, size: int) -> None:
    whole = content(name)[: 200 * size]
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    assert explain("x", pieces) == explain("x", (whole,))


def test_a_result_goes_to_another_process_and_is_small() -> None:
    log = explain("x", (content("recorded-scen-a2-waagent.log.gz"),))
    assert pickle.loads(pickle.dumps(log)) == log  # noqa: S301 - our own
    assert len(pickle.dumps(log)) < 8192


def test_the_timeline_is_in_seconds_since_boot() -> None:
    """By the kernel's own, and for the agent's lines by the clock that the kernel set."""
    log = explain("x", (content("recorded-happy-serial.log.gz"),))
    marks = {mark.milestone: mark.at_s for mark in log.timeline}
    assert list(marks) == [
        "kernel",
        "root",
        "init",
        "login",
        "agent",
        "disc",
        "network",
        "wire-server",
        "goal-state",
        "ready",
    ]
    assert marks["kernel"] == 0.0
    assert marks["root"] == pytest.approx(4.0, abs=0.1)
    assert marks["ready"] == pytest.approx(33.6, abs=1.0)
    assert log.not_in_this_log == ("imds", "extensions")
    assert (log.agent, log.kernel) == ("2.7.3.0", "6.1.0-50-cloud-amd64")
    assert log.os is not None and log.os.startswith("Debian GNU/Linux 12")


def test_only_the_newest_boot_counts() -> None:
    """A panic of the boot before is history; where the newest shows nothing yet, the one before is told of."""
    two = content("two-boots-serial.log")
    assert (explain("x", (two,)).boots, explain("x", (two,)).causes) == (2, ())
    panic = b"\n".join(two.split(b"\n")[:3])
    log = explain("x", (panic,))
    assert [cause.cause for cause in log.causes] == [Cause.BOOT_CONFIG]
    assert "the boot before the last one" in log.causes[0].confidence_reason


def test_what_was_passing_is_no_cause() -> None:
    """A download that failed for an earlier goal state; a rule of the agent's that it restored."""
    name = "recorded-scen-a1-waagent.log.gz"
    later = (
        "2026-11-23T18:18:16.537731Z INFO ExtHandler ExtHandler ProcessExtensionsInGoalState started [Incarnation: 2]"
    )
    assert explain("x", (content(name), later.encode())).causes == ()
    rules = f"2026-11-23T18:18:16.537731Z WARNING EnvHandler ExtHandler {LINES['agent-rules-incomplete']}\n"
    log = explain("x", (content("recorded-happy-waagent.log.gz"), rules.encode()))
    assert (log.verdict, log.causes) == (Readiness.READY, ())
    assert [remark.means for remark in log.remarks] == [MEANINGS["agent-rules-incomplete"].summary]


HARMLESS = (
    "[    0.000000] audit: disabled by kernel command line",
    "[    0.512345] AppArmor: AppArmor disabled by kernel command line parameter",
    "[    0.612345] ACPI: Reserving BGRT table memory; No bootable",
    "ds-identify: policy loaded: mode=search report=false found=all maybe=none notfound=disabled",
    "[    1.212345] rtc_cmos 00:00: RTC can wake from S4",
    "[  OK  ] Reached target Emergency something else.",
    "Last login: Sun Nov 22 18:27:48 UTC 2026 on ttyS0",
    "[    3.212345] systemd[1]: systemd-firstboot.service - First Boot Wizard was skipped",
    "2026-11-22T18:17:57.683650Z ERROR Daemon Daemon Failed to mount resource disk [ResourceDiskError] unable",
    "[   12.345678] cloud-init[512]: ci-info: |   lo   | True |          127.0.0.1          |   255.0.0.0   |  host  |",
    "2026-11-22T18:17:57.683650Z INFO Daemon Daemon WireServer endpoint is not found. Rerun dhcp handler",
    "[    5.123456] I/O error, dev fd0, sector 0 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2",
)


@pytest.mark.parametrize("line", HARMLESS)
def test_harmless_lines_are_evidence_of_nothing(line: str) -> None:
    """Of every boot, and of other programs."""
    assert explain("x", (f"{line}\n".encode(),)).causes == ()


# --- forms --------------------------------------------------------------------------------------------------------


def test_what_az_prints_is_the_log() -> None:
    """A JSON string, whole or cut off."""
    plain = content("emergency-serial.log")
    quoted = json.dumps(plain.decode()).encode()
    expected = explain("x", (plain,)).causes
    assert explain("x", (quoted,)).causes == expected
    assert explain("x", (quoted[:-200],)).causes[0].cause is Cause.BOOT_CONFIG


def test_exports_of_the_journal_are_read() -> None:
    """`journalctl -o json` and `-o export`."""
    lines = content("dhcp-cloud-init.log").decode().splitlines()
    entries: list[dict[str, Any]] = [
        {"MESSAGE": line, "__REALTIME_TIMESTAMP": str(1_795_370_000_000_000 + at), "SYSLOG_IDENTIFIER": "cloud-init"}
        for at, line in enumerate(lines)
    ]
    entries[0]["MESSAGE"] = list(lines[0].encode())
    as_json = "\n".join(json.dumps({"__CURSOR": "s=1", **entry}) for entry in entries).encode()
    export = "".join(
        f"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1795370000000000\nMESSAGE={line}\n_PID=1\n\n" for line in lines
    ).encode()
    for text in (as_json, export):
        log = explain("x", (text,))
        assert log.kind is LogKind.JOURNAL
        assert [cause.cause for cause in log.causes] == [Cause.NO_NETWORK]


def test_a_pool_of_telemetry_is_read() -> None:
    """cloud-init's last word to the host: it stays there when nothing else does."""
    words = b"result=error|reason=failure to obtain DHCP lease|agent=Cloud-Init/26.2|duration=1200"
    pool = b"PROVISIONING_REPORT".ljust(512, b"\0") + words.ljust(2048, b"\0")
    assert len(pool) == RECORD
    log = explain("x", (pool * 2,))
    assert (log.kind, [cause.cause for cause in log.causes]) == (LogKind.TELEMETRY, [Cause.NO_NETWORK])


@pytest.mark.parametrize("text", [b"", b"Dear reader,\nthis is a letter.\n", b"\x00\xff\xfe" * 100])
def test_what_is_no_log_decides_nothing(text: bytes) -> None:
    log = explain("x", (text,))
    assert (log.kind, log.verdict, log.timeline, log.causes) == (LogKind.UNKNOWN, Readiness.UNDECIDED, (), ())
    assert exit_code(log, Severity.ERROR) == 3


def test_the_logs_of_a_bundle_are_one_machine() -> None:
    """That cloud-init reported Ready counts for waagent's log too, and lines name their file."""
    members = [
        ("var/log/cloud-init.log", (content("recorded-ci-cloud-init.log.gz"),)),
        ("var/log/waagent.log", (content("recorded-scen-a2-waagent.log.gz"),)),
    ]
    log = explain_bundle("x.tar.gz", members)
    assert (log.kind, log.file) == (LogKind.BUNDLE, "x.tar.gz")
    assert {line.file for cause in log.causes for line in cause.evidence} == {"var/log/waagent.log"}
    assert "ready" in {mark.milestone for mark in log.timeline}


@given(st.binary(max_size=4000))
def test_any_bytes_are_explained(data: bytes) -> None:
    log = explain("x", (data,))
    assert render.render((log,)).isascii()


@given(st.text(max_size=300), st.sampled_from(SIGNATURES))
def test_any_text_around_a_line_is_printable(text: str, signature: Signature) -> None:
    log = explain("x", (f"{text}\n{text} {LINES[signature.id]} {text}\n".encode("utf-8", "surrogateescape"),))
    assert all(line.isascii() and line.isprintable() for line in render.render((log,)).split("\n"))


# --- signatures ---------------------------------------------------------------------------------------------------

FORMS = (
    "{}",
    "[   12.345678] {}",
    "[   12.345678] cloud-init[512]: {}",
    "labvm login: {}",
    "Nov 22 18:17:36 labvm python3[323]: {}",
    "2026-11-22T18:17:36.658637+0000 labvm waagent[323]: {}",
    "2026-11-22T18:17:36.658637Z INFO Daemon Daemon {}",
    "2018/07/05 20:55:38.587424 INFO Daemon {}",
    "2026-11-22 18:27:49,933 - azure.py[WARNING]: {}",
    "[[0;32m  OK  [0m] {}\r",
)
"""In which a line reaches somebody."""


@pytest.mark.parametrize("form", FORMS)
def test_every_signature_is_found_in_every_form(form: str) -> None:
    """The index finds what the pattern alone finds."""
    for signature in SIGNATURES:
        text = form.format(LINES[signature.id]) + "\n"
        found = {hit.signature.id for hit in hits(text.encode())}
        assert signature.id in found, text
        assert found == {one.id for one in SIGNATURES if one.pattern.search(text.rstrip())}


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda signature: signature.id)
def test_every_pattern_has_needles(signature: Signature) -> None:
    """Long enough to be rare, and one of them is in its line."""
    texts = needles(signature.pattern.pattern)
    assert all(len(text) >= 4 for text in texts)
    assert any(text in LINES[signature.id] for text in texts)


def test_the_words_of_a_needle_stand_alone_in_its_line() -> None:
    """Otherwise a line would be passed over."""
    for needle in index():
        line = LINES[needle.signature.id]
        if needle.text.decode() in line:
            assert needle.words <= {word.encode() for word in re.split("[^A-Za-z0-9]+", line)}, needle.text


def test_every_signature_with_a_cause_has_a_meaning() -> None:
    """And no other; remarks are of lines without one."""
    assert set(MEANINGS) == {one.id for one in SIGNATURES if one.cause is not None}
    assert set(REMARKS) | set(DONE) <= {one.id for one in SIGNATURES if one.cause is None}


@pytest.mark.parametrize("name", MEANINGS)
def test_a_meaning_is_well_said(name: str) -> None:
    meaning = MEANINGS[name]
    assert meaning.weight in (1, 2, 3)
    assert meaning.fix[0].isupper() and meaning.fix.endswith(".")
    assert (
        meaning.summary[0].islower()
        or not meaning.summary[:2].istitle()
        or meaning.summary.startswith(("DHCP", "GRUB"))
    )
    assert not meaning.summary.endswith(".") and not meaning.alternative.endswith(".")
    assert (meaning.summary + meaning.alternative + meaning.fix).isascii()


@pytest.mark.parametrize("signature", [one for one in SIGNATURES if one.cause], ids=lambda signature: signature.id)
def test_a_line_alone_is_evidence_of_its_cause(signature: Signature) -> None:
    """Or worth saying, where it has no consequence."""
    log = explain("x", (f"{LINES[signature.id]}\n".encode(),))
    if MEANINGS[signature.id].severity is Severity.NOTE:
        assert (log.causes, [remark.means for remark in log.remarks]) == ((), [MEANINGS[signature.id].summary])
        return
    assert signature.cause in {cause.cause for cause in log.causes}
    assert {cause.confidence for cause in log.causes} <= {Confidence.LIKELY, Confidence.POSSIBLE}


@pytest.mark.parametrize("way", WAYS)
def test_no_secret_of_a_line_is_shown(way: str) -> None:
    """Before, behind and within what a signature looks for."""
    words = way.format(s="Q9xzk7Wmvt").replace("\n", " ")
    lines = LINES.values()
    forms = [f"{line} {words}\n{words} {line}\n{line.replace(' ', f' {words} ', 1)}\n" for line in lines]
    found = hits("".join(forms).encode())
    assert {hit.signature.id for hit in found} == set(LINES)
    assert [text for hit in found if "Q9xzk7Wmvt" in (text := place_of(hit, 1).text)] == []


# --- rendered -----------------------------------------------------------------------------------------------------


def test_the_json_fits_its_schema_and_the_contract() -> None:
    logs = tuple(explain(name, (content(name),)) for name in TRUTHS)
    document = json.loads(render.render_json(logs))
    schema = render.log_schema()
    Draft202012Validator.check_schema(schema)
    assert [error.message for error in Draft202012Validator(schema).iter_errors(document)] == []
    assert document["schema"] == "azpreflight.log/1"
    for log in document["logs"]:
        assert {"file", "kind", "provisioner", "timeline", "causes", "not_in_this_log"} <= set(log)
        assert all({"at_s", "milestone", "line"} <= set(mark) for mark in log["timeline"])
        for cause in log["causes"]:
            assert {"cause", "severity", "confidence", "summary", "fix", "commands", "evidence"} <= set(cause)
            assert all({"line", "text"} <= set(line) for line in cause["evidence"])


def test_the_text_says_what_cannot_be_seen() -> None:
    said = render.render((explain("boot.log", (content("recorded-scen-c-serial.log.gz"),)),))
    assert "not in this log, which does not mean that it did not happen: agent," in said
    assert "undecided" in said
    assert all(len(line) <= 100 for line in said.splitlines())
