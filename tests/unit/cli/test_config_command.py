"""`azpreflight config`, and a site's own checks through the whole program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from azpreflight.cli.main import main
from azpreflight.probes import PROBES

Captured = pytest.CaptureFixture[str]
TEXT = """\
fail_on: warning
checks:
  - {id: agent, file: /etc/corp/agent.conf, contains: ["endpoint="], mode: 0640}
  - {id: release, file: /etc/os-release, contains: [debian], severity: note}
  - {id: port, tcp: "10.0.0.4:22"}
waive:
  - {check: site-agent, match: mode, reason: ticket 4711, until: 2099-12-31}
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    (tmp_path / "c.yaml").write_text(TEXT)
    return str(tmp_path / "c.yaml")


@pytest.fixture
def root(tmp_path: Path) -> str:
    """A scratch tree with a file that is nearly what the site requires."""
    (tmp_path / "image" / "etc" / "corp").mkdir(parents=True)
    (tmp_path / "image" / "etc" / "os-release").write_text("ID=debian\nVERSION_ID=12\n")
    (tmp_path / "image" / "etc" / "corp" / "agent.conf").write_text("endpoint=https://corp.example\n")
    (tmp_path / "image" / "etc" / "corp" / "agent.conf").chmod(0o644)
    return str(tmp_path / "image")


def test_every_value_is_printed_with_its_line(path: str, capsys: Captured) -> None:
    assert main(["config", "--config", path]) == 0
    lines = [line.split(None, 1) for line in capsys.readouterr().out.splitlines()]
    assert ["files:", path] in lines
    assert [f"{path}:1", "fail_on: warning"] in lines
    assert ["default", "timeout: -"] in lines
    assert any(place == f"{path}:7" and said.startswith("waive: check site-agent") for place, said in lines)


def test_programs_get_the_same_as_json(path: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZPREFLIGHT_STAGE", "build")
    assert main(["config", "--config", path, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "azpreflight.config/1"
    assert {"key": "fail_on", "value": "warning", "from": f"{path}:1"} in document["values"]
    assert {"key": "AZPREFLIGHT_STAGE", "value": "build", "from": "environment"} in document["values"]


def test_a_mistake_is_exit_2_with_the_line(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "c.yaml").write_text("\nchecks: [{id: x, unit: a}]\n")
    assert main(["config", "--config", str(tmp_path / "c.yaml")]) == 2
    assert capsys.readouterr().err == f"azpreflight: {tmp_path}/c.yaml:2: checks: state is missing\n"


def test_the_schema_is_printed(capsys: Captured) -> None:
    assert main(["config", "--schema"]) == 0
    ids = json.loads(capsys.readouterr().out)["properties"]["ignore"]["items"]["anyOf"][0]["enum"]
    assert ids == [check.id for probe in PROBES for check in probe.checks]


def test_a_goss_file_is_taken_over(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "goss.yaml").write_text("file: {/etc/passwd: {exists: true}}\n")
    assert main(["config", "--from-goss", str(tmp_path / "goss.yaml")]) == 0
    assert capsys.readouterr().out == (
        'checks:\n  - id: "file-etc-passwd"\n    file: "/etc/passwd"\n    present: true\n'
    )
    (tmp_path / "goss.yaml").write_text("command: {id: {exit-status: 0}}\n")
    assert main(["config", "--from-goss", str(tmp_path / "goss.yaml")]) == 1
    said = capsys.readouterr()
    assert said.out == "checks: []\n"
    assert said.err == "azpreflight: left out: command id: nothing here inspects that\n"
    assert main(["config", "--from-goss", str(tmp_path / "none.yaml")]) == 2


def test_a_mounted_tree_is_judged_by_the_sites_own_checks(root: str, path: str, capsys: Captured) -> None:
    """A real run: one is waived, one passes, one needs the network and does not apply."""
    command = ["check", "--root", root, "--config", path, "--only", "site-*", "--format", "json"]
    assert main(command) == 0
    report = json.loads(capsys.readouterr().out)
    statuses = {result["check"]: result["status"] for result in report["results"]}
    assert statuses == {"site-agent": "fail", "site-release": "pass", "site-port": "notapplicable"}
    (found,) = report["results"][0]["findings"]
    assert found["message"] == "file /etc/corp/agent.conf has mode 644, expected 640"
    assert (found["severity"], found["waived"]["severity_before"]) == ("note", "error")


def test_a_check_of_the_sites_is_found_by_every_command(root: str, path: str, capsys: Captured) -> None:
    """list, explain, --only, --ignore; and a word that is none is an error with a suggestion."""
    assert main(["list", "--config", path]) == 0
    assert "site-agent " in capsys.readouterr().out
    assert main(["explain", "site-agent", "--config", path]) == 0
    assert f"defined at {path}:3" in " ".join(capsys.readouterr().out.split())
    assert main(["explain", "site-agnet", "--config", path]) == 2
    assert "did you mean site-agent?" in capsys.readouterr().err
    ignoring = ["check", "--root", root, "--config", path, "--only", "site-*", "--ignore", "site-agent"]
    assert main([*ignoring, "--format", "json"]) == 0
    assert [one["check"] for one in json.loads(capsys.readouterr().out)["results"]] == ["site-release", "site-port"]
    assert main(["check", "--root", root, "--config", path, "--only", "site-agnet"]) == 2
    assert "no check site-agnet (did you mean site-agent?)" in capsys.readouterr().err


def test_what_was_recorded_is_judged_elsewhere(root: str, path: str, tmp_path: Path, capsys: Captured) -> None:
    """The snapshot has the definitions and the waivers with it."""
    snapshot = str(tmp_path / "vm.json")
    assert main(["record", "--root", root, "--config", path, "-o", snapshot]) == 0
    assert main(["assess", snapshot, "--only", "site-agent", "--only", "configuration-*"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "waived until 2099-12-31: ticket 4711 (error without the waiver)" in said
