"""`azpreflight decode`: files in, reports out."""

from __future__ import annotations

import gzip
import json
import os
import pty
import random
import re
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from azpreflight.cli.log_files import LOG_MOST
from azpreflight.cli.main import main
from azpreflight.console import frame
from azpreflight.console.decode import decode
from azpreflight.model import Config, Report, Snapshot
from azpreflight.render import json as render_json
from azpreflight.render import serial, text
from azpreflight.render.decoded import as_said
from tests.fuzz import damage
from tests.support.reports import BROKEN, READY, RUN, UNDECIDED

NEWER = replace(READY, run=replace(RUN, boot_id="2"))


def written(*reports: Report) -> bytes:
    """A console log with these reports, each after what a boot writes."""
    boot = damage.recorded("boot-cloud-init")
    return b"".join(boot + serial.render(report).encode("ascii") for report in reports)


def framed(document: Any) -> bytes:
    """A log with one frame around any document."""
    lines = frame.encode(json.dumps({"omitted": [], "report": document}).encode("ascii"))
    return "\n".join(lines or ()).encode("ascii")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of two boots, the newer of which went well."""
    path = tmp_path / "boot.log"
    path.write_bytes(written(BROKEN, NEWER))
    return path


def test_the_newest_report_comes_first_and_its_verdict_is_the_exit_code(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["decode", str(log)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{log}: 2 reports, newest first\n")
    newer, broken = (text.render(as_said(report, str(log))) for report in (NEWER, BROKEN))
    assert 0 < said.index(newer) < said.index("of 1 boot before") < said.index(broken)


def test_newest_prints_that_alone(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", "--newest", "--format", "json", str(log)]) == 0
    reports = json.loads(capsys.readouterr().out)["logs"][0]["reports"]
    assert [found["document"] for found in reports] == [render_json.document(NEWER)]


def test_what_goes_to_a_console_decodes_to_the_very_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way: judge a snapshot, write to a terminal device, decode what came out at its far end."""
    monkeypatch.chdir(tmp_path)
    snapshot = Snapshot(BROKEN.tool, RUN, Config(), (), {})
    Path("vm.json").write_text(render_json.render_snapshot(snapshot))
    far, near = pty.openpty()
    got = bytearray()

    def read() -> None:
        with suppress(OSError):
            while chunk := os.read(far, 4096):
                got.extend(chunk)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    main(["assess", "vm.json", "--serial", os.ttyname(near), "--report", "report.json", "-o", "report.txt"])
    os.close(near)
    reader.join(10)
    os.close(far)
    decoded = decode(bytes(got))
    assert [found.document for found in decoded.reports] == [json.loads(Path("report.json").read_text())]
    assert got.startswith(b"\r\r\nazpreflight: ")
    assert b"azpreflight: report: report.json or azpreflight decode of the next " in got


@pytest.mark.parametrize(("report", "code"), [(BROKEN, 1), (READY, 0), (UNDECIDED, 3)])
def test_exit_codes_are_those_of_check(report: Report, code: int, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(written(report))
    assert main(["decode", str(tmp_path / "log"), "-o", str(tmp_path / "out")]) == code


def test_a_log_without_a_report_is_undecided(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_bytes(damage.recorded("boot-trixie"))
    assert main(["decode", str(tmp_path / "log")]) == 3
    assert capsys.readouterr().out == f"{tmp_path / 'log'}: 0 reports\n"


def test_a_lost_report_is_said_with_where_to_look(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_bytes(b"\n".join(framed({"n": random.Random(1).randbytes(3000).hex()}).splitlines()[:5]))
    assert main(["decode", str(tmp_path / "log")]) == 3
    said = capsys.readouterr().out
    assert re.search(r": 5 of \d+ lines found; \d+ more", said)
    assert "more of its lines are needed to bring it back" in said
    assert 'the lines that begin with "azpreflight:"' in said


def test_what_was_repaired_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = serial.render(READY).encode().splitlines(keepends=True)
    (tmp_path / "log").write_bytes(b"".join(lines[:5] + lines[7:]))
    assert main(["decode", str(tmp_path / "log")]) == 0
    wanted = r"of the newest boot, repaired: of \d+ lines 2 were lost and 0 had other text in their middle"
    assert re.search(wanted, capsys.readouterr().out)


def test_many_files_gz_patterns_and_standard_input(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(written(BROKEN))
    (tmp_path / "b.log").write_bytes(gzip.compress(written(READY)))
    command = [sys.executable, "-m", "azpreflight", "decode", "--format", "jsonl", str(tmp_path / "*.log"), "-"]
    done = subprocess.run(command, input=written(NEWER), capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["log"] for row in rows] == [str(tmp_path / "a.log"), str(tmp_path / "b.log"), "standard input"]
    assert [row["document"]["verdict"] for row in rows] == ["not-ready", "ready", "ready"]


def test_a_file_that_cannot_be_read_does_not_keep_the_others_back(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["decode", str(tmp_path / "none"), str(tmp_path), str(log)]) == 2
    captured = capsys.readouterr()
    assert f"cannot read {tmp_path / 'none'}: No such file or directory" in captured.err
    assert f"cannot read {tmp_path}: Is a directory" in captured.err
    assert "2 reports" in captured.out


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, serial.render(READY).encode("ascii"))
    os.close(writer)
    try:
        assert main(["decode", f"/dev/fd/{reader}", "-o", str(tmp_path / "out")]) == 0
    finally:
        os.close(reader)


@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_a_gzip_file_that_is_cut_off_is_read_up_to_there(
    keep: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = gzip.compress(written(READY) + damage.recorded("boot-trixie") * 4)
    (tmp_path / "log.gz").write_bytes(packed[: int(len(packed) * keep)])
    assert main(["decode", str(tmp_path / "log.gz")]) == 0
    assert "not inspected: the end of the gzip file, which is broken" in capsys.readouterr().out


def test_only_the_end_of_a_very_large_file_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (tmp_path / "log").open("wb") as log:
        log.write(written(BROKEN))
        log.truncate(log.tell() + LOG_MOST)
        log.seek(0, os.SEEK_END)
        log.write(serial.render(READY).encode("ascii"))
    assert main(["decode", str(tmp_path / "log")]) == 0
    assert "1 report\n  not inspected: all but the last" in capsys.readouterr().out


def test_a_gzip_bomb_is_not_inflated_beyond_the_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.gz").write_bytes(gzip.compress(bytes(1 << 20), 1) * (1 + (LOG_MOST >> 20)))
    assert main(["decode", str(tmp_path / "log.gz")]) == 3
    assert "not inspected: what follows the first" in capsys.readouterr().out


def test_junit_has_a_suite_for_the_logs_and_one_for_each_report_that_counts(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").write_bytes(b"")
    main(["decode", "--format", "junit", str(log), str(tmp_path / "empty")])
    suites = ElementTree.fromstring(capsys.readouterr().out)
    machine = f"azpreflight {log} firstboot {BROKEN.run.vm_id}"
    assert [suite.get("name") for suite in suites] == ["azpreflight.decode", machine]
    assert suites[0].get("errors") == "1"
    assert suites[0][1][0].get("message") == "no report in this log"


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "junit", "html"])
def test_no_escape_sequence_of_the_log_reaches_the_terminal(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nasty = "\x1b]0;owned\x07\x9b31m\u202e\ud800\r\0"
    document = json.loads(json.dumps(render_json.document(BROKEN)).replace("gen-odd", "NASTY"))
    text_of = json.dumps(document).replace("NASTY", json.dumps(nasty)[1:-1])
    (tmp_path / "log").write_bytes(framed(json.loads(text_of)))
    main(["decode", "--format", form, str(tmp_path / "log")])
    said = capsys.readouterr().out
    assert all(line.isascii() and line.isprintable() for line in said.split("\n"))


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "junit", "html"])
def test_a_report_of_another_version_is_printed_as_json_only(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log").write_bytes(framed({"schema": "azpreflight.report/2", "verdict": "splendid"}))
    assert main(["decode", "--format", form, str(tmp_path / "log")]) == 3
    said = capsys.readouterr().out
    assert ("splendid" in said) == form.startswith("json")
    assert ("this version cannot read" in said) == (form == "text")


@pytest.mark.parametrize(("command", "form"), [("decode", "html"), ("decode", "json"), ("fleet", "html")])
def test_the_umask_decides_who_may_read_what_others_fetch(command: str, form: str, log: Path, tmp_path: Path) -> None:
    """A page and a test report; the JSON, with all that was collected, is for few."""
    out, before = tmp_path / "out", os.umask(0o022)
    try:
        main([command, "--format", form, "-o", str(out), str(log)])
    finally:
        os.umask(before)
    assert out.stat().st_mode & 0o777 == (0o644 if form == "html" else 0o640)
    assert out.read_text().startswith("<!DOCTYPE html>" if form == "html" else "{")
