"""What passed when the image was sealed and fails on a VM of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from azpreflight.cli.main import main
from azpreflight.engine import baseline
from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather
from azpreflight.engine.timeline import timeline
from azpreflight.model import Cause, Check, Finding, Platform, Probe, Run, Severity, SinceCapture, Stage
from azpreflight.paths import STAMP, STAMP_LIMIT
from azpreflight.render import json as render_json
from azpreflight.render import serial, text
from azpreflight.seal import stamp as memory
from tests.support.fakes import FakeHost
from tests.support.reports import BROKEN, READY

WRONG = Finding(Severity.ERROR, "it is wrong", "Repair it.")
BAKED = replace(WRONG, in_image=True)
CHECKS = {
    "dns-servers": Check("dns-servers", "t", lambda facts, run: iter([WRONG]), Severity.ERROR, environment=True),
    "dns-static": Check("dns-static", "t", lambda facts, run: iter([BAKED]), Severity.ERROR, environment=True),
    "wireserver-http": Check("wireserver-http", "t", lambda facts, run: iter([WRONG]), Severity.ERROR, azure_only=True),
    "firewall-dns": Check(
        "firewall-dns",
        "t",
        lambda facts, run: iter([WRONG]),
        Severity.ERROR,
        cause=Cause.GUEST_FIREWALL,
        azure_only=True,
    ),
    "gen-users": Check("gen-users", "t", lambda facts, run: iter([WRONG]), Severity.ERROR),
    "well": Check("well", "t", lambda facts, run: iter([]), Severity.ERROR),
}
PROBES = (Probe("probe", type(None), lambda host, run: "facts", tuple(CHECKS.values())),)
FIRST_BOOT = Run(stage=Stage.FIRSTBOOT, platform=Platform.AZURE)


def stamp(**statuses: str) -> str:
    return baseline.render(
        baseline.Stamp("1.0", "generalized", {name.replace("_", "-"): s for name, s in statuses.items()})
    )


def since(content: str | None, run: Run = FIRST_BOOT) -> SinceCapture | None:
    files = {} if content is None else {STAMP: content}
    return assess(gather(FakeHost(files=files), PROBES, run), PROBES).since_capture


def test_what_is_around_the_machine_is_told_from_the_machine() -> None:
    """A rule of the guest and a server that is written into the image are no matter of the network."""
    passed = {name.replace("-", "_"): "pass" for name in CHECKS}
    assert since(stamp(**passed)) == SinceCapture(
        "1.0", ("dns-servers", "wireserver-http"), ("dns-static", "firewall-dns", "gen-users")
    )


@pytest.mark.parametrize("status", ["fail", "unknown", "notapplicable"])
def test_what_did_not_pass_at_capture_is_not_compared(status: str) -> None:
    assert since(stamp(dns_servers=status)) == SinceCapture("1.0", (), ())


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "null",
        "[]",
        "{",
        '{"schema": "azpreflight.seal/1"}',
        '{"schema": "other", "checks": {}}',
        "[" * 100000,
    ],
)
def test_without_a_stamp_nothing_is_compared(content: str | None) -> None:
    assert since(content) is None


def test_a_huge_stamp_is_none() -> None:
    assert since(stamp(dns_servers="pass") + " " * STAMP_LIMIT) is None


def test_before_first_boot_nothing_is_compared() -> None:
    """The stamp of an image is no news for the next seal."""
    assert since(stamp(dns_servers="pass"), Run(stage=Stage.CAPTURE)) is None


@pytest.mark.parametrize(("content", "told"), [("", True), ("{", True), ("[" * 9000, True), (None, False)])
def test_a_damaged_stamp_is_told(
    content: str | None, told: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is compared, and whoever reads the journal knows why."""
    snapshot = gather(FakeHost(files={} if content is None else {STAMP: content}), PROBES, FIRST_BOOT)
    (tmp_path / "vm.json").write_text(render_json.render_snapshot(snapshot))
    assert main(["assess", str(tmp_path / "vm.json"), "-q"]) in (0, 1, 3)
    assert (f"{STAMP} is damaged" in capsys.readouterr().err) is told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, False),
        ('{"user": "azureuser"}', False),
        ('{"user": null}', False),
        ("", True),
        ('{"user": "azu', True),
        ("[]", True),
        ("[" * 4000, True),
        (" " * 5000, True),
    ],
)
def test_a_damaged_memory_of_seal_is_told(content: str | None, told: bool) -> None:
    """Else the user who was to be deleted would be kept without a word."""
    damage = memory.damage(FakeHost(files={} if content is None else {memory.UNFINISHED: content}))
    assert (damage is not None) is told


def test_the_stamp_that_seal_writes_is_read() -> None:
    """And it has nothing of the machine in it."""
    written = baseline.render(memory.stamp(BROKEN))
    read = baseline.parse(written)
    assert read is not None and read.checks["network-address"] == "pass"
    assert set(json.loads(written)) == {"schema", "version", "profile", "checks"}
    assert str(BROKEN.run.vm_id) not in written


DIFFERENT = replace(
    BROKEN, since_capture=SinceCapture("1.0", ("dns-servers", "dns-tcp", "egress-packages"), ("firewall-wireserver",))
)
NETWORK = "passed at capture, fails here: dns-servers, dns-tcp, egress-packages: it is the virtual network"


def test_it_is_said_in_every_form() -> None:
    assert NETWORK in " ".join(text.render(DIFFERENT).split())
    summary = " ".join(line.partition(": ")[2].strip() for line in serial.summary(DIFFERENT, None))
    assert NETWORK in summary
    assert "fails here: firewall-wireserver: it has changed since it was sealed" in summary
    assert json.loads(render_json.render(DIFFERENT))["since_capture"]["network"][0] == "dns-servers"
    assert "passed at capture" not in text.render(BROKEN) + text.render(READY)


def test_the_summary_stays_within_its_lines() -> None:
    line = timeline({"address": 4.0}, 20.0)
    worst = replace(
        DIFFERENT, timeline=line, causes=tuple(replace(entry, summary="word " * 60) for entry in DIFFERENT.causes[:1])
    )
    lines = serial.summary(worst, "/var/lib/azpreflight/report.json", ("frame",), ("facts.firewall.dumps",))
    assert len(lines) <= 12 and max(map(len, lines)) <= 100
    assert sum("passed at capture" in line for line in lines) == 2
