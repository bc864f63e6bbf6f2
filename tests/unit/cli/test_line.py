"""From a machine to a report: record, assess, check, and which checks."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from azpreflight.cli.main import main
from azpreflight.engine.assess import assess, only
from azpreflight.engine.gather import gather
from azpreflight.model import Cause, Readiness, Run, Stage
from azpreflight.render.json import SNAPSHOT_SCHEMA
from tests.support.fakes import FakeHost
from tests.support.probes import check, finding, probe
from tests.support.program import OFFLINE, Captured, run


def test_a_recorded_image_is_judged_as_it_was(root: str, tmp_path: Path, capsys: Captured) -> None:
    """record and assess together say what check says; what was asked travels in the snapshot."""
    saved = str(tmp_path / "vm.json")
    assert main(["record", "--root", root, "--stage", "build", "-o", saved]) == 0
    assert capsys.readouterr().out == ""
    assert json.loads(Path(saved).read_text())["schema"] == SNAPSHOT_SCHEMA
    codes, reports = set(), []
    for arguments in (["assess", saved], ["check", "--root", root, "--stage", "build"]):
        codes.add(main([*arguments, "--format", "json"]))
        report = json.loads(capsys.readouterr().out)
        assert report["run"]["stage"] == "build"
        reports.append([(row["check"], row["status"], row["findings"]) for row in report["results"]])
    assert len(codes) == 1 and reports[0] == reports[1]


def test_the_first_look_keeps_what_the_image_was_like(root: str, tmp_path: Path, capsys: Captured) -> None:
    """What comes to be afterwards is of this machine, and no word about the image; the file is not written again."""
    saved = tmp_path / "as-captured.json"
    command = ["check", "--root", root, "--only", "gen-shell-history", "--as-captured", str(saved), "--format", "json"]
    assert main(command) == 0
    kept = saved.read_bytes()
    (Path(root) / "root").mkdir()
    (Path(root) / "root" / ".bash_history").write_text("make all\n")
    assert main(command) == 0
    assert saved.read_bytes() == kept
    saved.unlink()
    main(command)
    assert re.findall(r'"status": "(\w+)"', capsys.readouterr().out) == ["pass", "pass", "fail"]


def test_where_the_first_look_cannot_be_kept_the_report_comes_all_the_same(
    root: str, tmp_path: Path, capsys: Captured
) -> None:
    """That is told; what is no file is not taken for one."""
    missing = str(tmp_path / "missing" / "as-captured.json")
    assert main(["check", "--root", root, "--only", OFFLINE, "--as-captured", missing, "--format", "json"]) in (0, 1, 3)
    said = capsys.readouterr()
    assert json.loads(said.out)["schema"] == "azpreflight.report/1"
    assert "the next look will not know what this image was like" in said.err
    os.mkfifo(tmp_path / "fifo")
    for nothing in (os.devnull, str(tmp_path), str(tmp_path / "fifo"), "-"):
        assert main(["check", "--root", root, "--as-captured", nothing]) == 2


def test_a_check_that_does_not_apply_is_undecided_and_exit_3(capsys: pytest.CaptureFixture[str], root: str) -> None:
    """Asked for by name, it must not look like a pass."""
    assert main(["check", "--root", root, "--stage", "capture", "--only", "dns-servers"]) == 3
    printed = capsys.readouterr().out
    assert printed.startswith("UNDECIDED: none of these checks applies here, so nothing is known\n")
    assert "0 checks passed, 1 not applicable (" in printed


@pytest.mark.parametrize("content", ["", "{", '{"schema": "azpreflight.snapshot/999"}', "\0\0"])
def test_a_damaged_first_look_costs_no_report(root: str, tmp_path: Path, capsys: Captured, content: str) -> None:
    """The image is judged as it is now, which is said; the file is left for whoever wants to know what damaged it."""
    saved = tmp_path / "as-captured.json"
    saved.write_text(content)
    command = ["check", "--root", root, "--only", "gen-shell-history", "--as-captured", str(saved), "--format", "json"]
    assert main(command) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["results"][0]["status"] == "pass"
    assert said.err.startswith("azpreflight: the image is judged as it is now: ")
    assert saved.read_text() == content


def test_a_snapshot_comes_through_a_pipe(root: str) -> None:
    """`ssh vm azpreflight record | azpreflight assess -` works."""
    recorded = run("record", "--root", root)
    assessed = run("assess", "-", "-q", input=recorded.stdout)
    assert assessed.returncode in (0, 1, 3)
    assert re.match(r"(READY|NOT READY|UNDECIDED): ", assessed.stdout)


@pytest.mark.parametrize(
    "text", ["{}", "[]", "not json", '{"schema": "azpreflight.snapshot/1"}', "\x00\xff", "", "[" * 200_000, "9" * 5000]
)
def test_what_is_no_snapshot_is_exit_2(text: str, tmp_path: Path, capsys: Captured) -> None:
    """One line that says what is missing; no traceback."""
    path = tmp_path / "snapshot"
    path.write_text(text)
    assert main(["assess", str(path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_only_prints_one_check(root: str, capsys: Captured) -> None:
    """One result, and a verdict made of it."""
    main(["check", "--root", root, "--only", OFFLINE, "--format", "json"])
    assert [row["check"] for row in json.loads(capsys.readouterr().out)["results"]] == [OFFLINE]


def test_an_ignored_check_is_not_judged_and_is_named(root: str, capsys: Captured) -> None:
    """It is missing from the results, and the report says so."""
    main(["check", "--root", root, "--ignore", OFFLINE, "--format", "json"])
    report = json.loads(capsys.readouterr().out)
    assert OFFLINE not in [row["check"] for row in report["results"]]
    assert report["ignored"] == [OFFLINE]


def test_configuration_ignores_but_only_asks(root: str, tmp_path: Path, capsys: Captured) -> None:
    """A check that is named on the command line is judged although the file ignores it."""
    config = tmp_path / "c.yaml"
    config.write_text(f"ignore: [{OFFLINE}]\n")
    main(["check", "--root", root, "--config", str(config), "--format", "json"])
    assert json.loads(capsys.readouterr().out)["ignored"] == [OFFLINE]
    main(["check", "--root", root, "--config", str(config), "--only", OFFLINE, "--format", "json"])
    assert [row["check"] for row in json.loads(capsys.readouterr().out)["results"]] == [OFFLINE]


def test_only_keeps_the_cause_of_a_symptom() -> None:
    """A check that fails because of another one is not ready, and says why."""
    probes = (
        probe("fw", check("fw", finding("any"), cause=Cause.GUEST_FIREWALL)),
        probe("net", check("egress", finding("any"), cause=Cause.NO_EGRESS, depends_on=("fw",)), check("other")),
    )
    report = assess(gather(FakeHost(), probes, Run(stage=Stage.FIRSTBOOT)), probes)
    cut = only(report, ["egress"])
    assert [entry.cause for entry in cut.causes] == [Cause.GUEST_FIREWALL]
    assert cut.verdict is Readiness.NOT_READY
    assert only(report, ["other"]).verdict is Readiness.READY and only(report, ["other"]).causes == ()
