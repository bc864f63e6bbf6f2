"""`azpreflight show`: a saved report, in every format that check has."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from azpreflight.cli.main import main
from azpreflight.cli.options import FORMATS
from azpreflight.cli.output import rendered
from azpreflight.cli.parser import parse
from azpreflight.model import Report, Severity
from azpreflight.render import json as render_json
from tests.support.reports import BROKEN, READY, UNDECIDED


@pytest.mark.parametrize("form", FORMATS)
def test_a_report_is_shown_as_check_printed_it(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.json").write_text(render_json.render(BROKEN))
    arguments = ["show", "--format", form, str(tmp_path / "r.json")]
    assert main(arguments) == (2 if form == "nagios" else 1)
    output = parse(arguments)[1].output
    assert capsys.readouterr().out == rendered(output, output.places[0], BROKEN, Severity.ERROR)


@pytest.mark.parametrize(("report", "code"), [(BROKEN, 1), (READY, 0), (UNDECIDED, 3)])
def test_the_exit_code_is_that_of_the_report(report: Report, code: int, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(render_json.render(report))
    assert main(["show", "-o", str(tmp_path / "out"), str(tmp_path / "r.json")]) == code


def test_json_comes_out_as_it_went_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.json").write_text(render_json.render(BROKEN))
    main(["show", "--format", "json", str(tmp_path / "r.json")])
    assert capsys.readouterr().out == render_json.render(BROKEN)


def test_of_a_history_the_last_report_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "report.jsonl").write_text(render_json.render_line(READY) + render_json.render_line(BROKEN))
    assert main(["show", "--format", "json", str(tmp_path / "report.jsonl")]) == 1
    assert json.loads(capsys.readouterr().out)["verdict"] == "not-ready"


def test_json_lines_are_put_together_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = render_json.render_lines(BROKEN)
    (tmp_path / "r.jsonl").write_text(render_json.render_lines(READY) + lines)
    assert main(["show", "--format", "jsonl", str(tmp_path / "r.jsonl")]) == 1
    assert capsys.readouterr().out == lines


def test_standard_input_is_read() -> None:
    command = [sys.executable, "-m", "azpreflight", "show", "-q", "-"]
    text = render_json.render(READY).encode()
    done = subprocess.run(command, input=text, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"schema": "azpreflight.report/2"}', "not a report: schema is not azpreflight.report/1"),
        ('{"schema": "azpreflight.report/1"}', "$: tool is missing"),
        ('{"schema": "azpreflight.report/1", "run": ', "not JSON"),
    ],
)
def test_what_is_no_report_is_said(content: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.json").write_text(content)
    assert main(["show", str(tmp_path / "r.json")]) == 2
    assert said in capsys.readouterr().err


def test_a_file_that_is_not_there_is_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(tmp_path / "none")]) == 2
    assert "No such file or directory" in capsys.readouterr().err
    assert parse(["show"])[1].path == "/var/lib/azpreflight/report.json"
