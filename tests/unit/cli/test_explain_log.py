"""`azpreflight explain-log`: logs in whatever they come, and what is none."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from azpreflight.cli import log_bundle
from azpreflight.cli.main import main
from azpreflight.cli.recognise import Given, instead, recognise
from azpreflight.console.packed import unpacked
from azpreflight.model import Config, Snapshot
from azpreflight.render import json as render_json
from azpreflight.render import serial
from tests.support.boot_logs import content
from tests.support.reports import BROKEN, READY, RUN

HEALTHY = content("recorded-happy-waagent.log.gz")
FAILED = content("recorded-scen-c-waagent.log.gz")
UNDECIDED = content("recorded-scen-c-serial.log.gz")
Captured = pytest.CaptureFixture[str]


def causes(path: Path, capsys: Captured) -> list[str]:
    """What is said of one file, as JSON."""
    main(["explain-log", "--format", "json", str(path)])
    document = json.loads(capsys.readouterr().out)
    return [cause["cause"] for log in document["logs"] for cause in log["causes"]]


# --- exit codes and formats ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("log", "code"), [(HEALTHY, 0), (FAILED, 1), (UNDECIDED, 3)])
@pytest.mark.parametrize("form", ["text", "json", "jsonl", "junit", "html"])
def test_exit_codes_are_those_of_check(log: bytes, code: int, form: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(log)
    assert main(["explain-log", "--format", form, "-o", str(tmp_path / "out"), str(tmp_path / "log")]) == code
    assert (tmp_path / "out").read_text().isascii()


def test_a_warning_counts_if_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(content("egress-closed-waagent.log"))
    asked = ["explain-log", "-o", str(tmp_path / "out"), str(tmp_path / "log")]
    assert (main(asked), main([*asked, "--fail-on", "warning"])) == (0, 1)


def test_a_directory_is_every_log_in_it(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "a.log").write_bytes(HEALTHY)
    (tmp_path / "below" / "b.log").write_bytes(FAILED)
    (tmp_path / "screen.bmp").write_bytes(b"BM")
    (tmp_path / "letter.txt").write_bytes(b"Dear reader\n")
    assert main(["explain-log", "--format", "jsonl", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert "1 file left out" in captured.err
    rows = [json.loads(line) for line in captured.out.splitlines()]
    assert [(Path(row["file"]).name, row["verdict"]) for row in rows] == [("a.log", "ready"), ("b.log", "not-ready")]


def test_standard_input_is_read(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "azpreflight", "explain-log", "-q", "-"]
    done = subprocess.run(command, input=gzip.compress(FAILED), capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith(b"standard input: log of waagent\n")


def test_junit_has_a_case_for_each_log(tmp_path: Path, capsys: Captured) -> None:
    for name, log in (("a", HEALTHY), ("b", FAILED), ("c", UNDECIDED)):
        (tmp_path / name).write_bytes(log)
    main(["explain-log", "--format", "junit", str(tmp_path)])
    suite = ElementTree.fromstring(capsys.readouterr().out)[0]
    assert [[child.tag for child in case] for case in suite] == [[], ["failure"], ["error"]]
    assert suite[1][0].get("type") == "not-generalized"


def test_a_cause_below_fail_on_is_a_passed_test_with_its_text(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "log").write_bytes(content("egress-closed-waagent.log"))
    assert main(["explain-log", "--format", "junit", str(tmp_path / "log")]) == 0
    case = ElementTree.fromstring(capsys.readouterr().out)[0][0]
    assert [child.tag for child in case] == ["system-out"]
    assert main(["explain-log", "--format", "junit", "--fail-on", "warning", str(tmp_path / "log")]) == 1
    assert ElementTree.fromstring(capsys.readouterr().out)[0][0][0].tag == "failure"


def test_an_empty_directory_is_a_mistake(tmp_path: Path, capsys: Captured) -> None:
    assert main(["explain-log", str(tmp_path)]) == 2
    assert "there is no log in" in capsys.readouterr().err


# --- containers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_logs_are_read(pack: object, tmp_path: Path, capsys: Captured) -> None:
    assert callable(pack)
    (tmp_path / "log").write_bytes(pack(FAILED))
    assert causes(tmp_path / "log", capsys) == ["not-generalized"]


@pytest.mark.parametrize("layers", [2, 3])
def test_a_log_that_was_compressed_more_than_once_is_read(layers: int, tmp_path: Path, capsys: Captured) -> None:
    """By explain-log, and by fleet; a fourth time is nobody's mistake any more."""
    packed = FAILED
    for _ in range(layers):
        packed = gzip.compress(packed)
    (tmp_path / "log").write_bytes(packed)
    assert causes(tmp_path / "log", capsys) == ["not-generalized"]
    assert unpacked(packed, 1 << 20) == (FAILED, None)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_what_stands_before_the_damage_counts(pack: object, tmp_path: Path, capsys: Captured) -> None:
    """A file that is cut off, and one with something else behind it."""
    assert callable(pack)
    whole = pack(FAILED + os.urandom(1 << 21).hex().encode())
    (tmp_path / "log").write_bytes(whole[:-1000])
    assert causes(tmp_path / "log", capsys) == ["not-generalized"]
    (tmp_path / "log").write_bytes(gzip.compress(FAILED) + b"garbage")
    assert causes(tmp_path / "log", capsys) == ["not-generalized"]


def bundle(mode: str, names: dict[str, bytes]) -> bytes:
    """A tar with these files."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in names.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return whole.getvalue()


FILES = {
    "sosreport-vm/etc/passwd": b"root:x:0:0::/root:/bin/sh\n",
    "sosreport-vm/var/log/waagent.log": FAILED,
    "sosreport-vm/var/log/cloud-init.log": b"",
}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_support_bundle_is_read_without_unpacking_it(mode: str, tmp_path: Path, capsys: Captured) -> None:
    """`cloud-init collect-logs` and sos: only logs that are known by name, and their lines say where they stand."""
    (tmp_path / "bundle").write_bytes(bundle(mode, FILES))
    main(["explain-log", "--format", "json", str(tmp_path / "bundle")])
    log = json.loads(capsys.readouterr().out)["logs"][0]
    assert log["kind"] == "bundle"
    assert [cause["cause"] for cause in log["causes"]] == ["not-generalized"]
    assert log["causes"][0]["evidence"][0]["file"] == "sosreport-vm/var/log/waagent.log"
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_zip_of_waagent_is_read_also_from_a_pipe(tmp_path: Path, capsys: Captured) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("var/log/waagent.log", FAILED)
        archive.writestr("results.txt", b"x")
    (tmp_path / "logs.zip").write_bytes(whole.getvalue())
    assert causes(tmp_path / "logs.zip", capsys) == ["not-generalized"]
    command = [sys.executable, "-m", "azpreflight", "explain-log", "-q", "-"]
    done = subprocess.run(command, input=whole.getvalue(), capture_output=True, timeout=60, check=False)
    assert done.returncode == 1


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_damaged_bundle_is_read_up_to_there_or_refused(mode: str, keep: float, tmp_path: Path) -> None:
    whole = bundle(mode, {"waagent.log": FAILED * 3, "z": bytes(100)})
    (tmp_path / "bundle").write_bytes(whole[: int(len(whole) * keep)])
    assert main(["explain-log", "-o", str(tmp_path / "out"), str(tmp_path / "bundle")]) in (1, 2, 3)


def test_a_bundle_without_a_log_is_a_mistake(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "x.tar").write_bytes(bundle("w", {"etc/passwd": b"root\n"}))
    assert main(["explain-log", str(tmp_path / "x.tar")]) == 2
    assert "an archive without a log" in capsys.readouterr().err


def test_a_bomb_is_not_inflated_beyond_the_limit() -> None:
    """Of one member, and of a log: what is left out is told."""
    pieces = log_bundle.Pieces(io.BytesIO(bytes(3 << 20)), limit=1 << 20)
    assert sum(map(len, pieces)) == 1 << 20
    assert pieces.unread == "what follows the first 1 MiB"


# --- what it is given ---------------------------------------------------------------------------------------------

SNAPSHOT = render_json.render_snapshot(Snapshot(BROKEN.tool, RUN, Config(), (), {})).encode()
REPORT = render_json.render(BROKEN).encode()
LINES = render_json.render_lines(BROKEN).encode()
FRAMED = UNDECIDED + serial.render(READY).encode()


@pytest.mark.parametrize(
    ("data", "given"),
    [
        (REPORT, Given.REPORT),
        (json.dumps(json.loads(REPORT)).encode(), Given.REPORT),
        (json.dumps(dict(reversed(json.loads(REPORT).items()))).encode(), Given.REPORT),
        (LINES, Given.REPORT_LINES),
        (render_json.render_line(BROKEN).encode() * 2, Given.REPORT_LINES),
        (SNAPSHOT, Given.SNAPSHOT),
        (FRAMED, Given.FRAMED),
        (UNDECIDED, Given.LOG),
        (b"{}", Given.LOG),
        (b" \n\0", Given.EMPTY),
    ],
)
def test_what_is_given_is_recognised_by_its_content(data: bytes, given: Given) -> None:
    assert recognise(data[:65536], data[-65536:]) is given


@pytest.mark.parametrize(
    ("command", "data", "said"),
    [
        ("explain-log", REPORT, "is a report; read it with azpreflight show"),
        ("explain-log", SNAPSHOT, "is a snapshot; read it with azpreflight assess"),
        ("decode", REPORT, "is a report; read it with azpreflight show"),
        ("decode", SNAPSHOT, "is a snapshot; read it with azpreflight assess"),
        ("assess", REPORT, "is a report; read it with azpreflight show"),
        ("assess", UNDECIDED, "is a log; read it with azpreflight explain-log"),
        ("assess", FRAMED, "is a log with a report in it; read it with azpreflight decode"),
        ("show", SNAPSHOT, "is a snapshot; read it with azpreflight assess"),
        ("show", UNDECIDED, "is a log; read it with azpreflight explain-log"),
        ("show", b"", "is empty"),
    ],
)
def test_the_wrong_command_names_the_right_one(
    command: str, data: bytes, said: str, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "file").write_bytes(data)
    assert main([command, str(tmp_path / "file")]) == 2
    assert f"{tmp_path / 'file'} {said}" in capsys.readouterr().err


def test_the_right_command_is_not_corrected() -> None:
    for given, command in ((Given.REPORT, "show"), (Given.LOG, "explain-log"), (Given.FRAMED, "decode")):
        assert instead("x", given, command) is None


def test_decode_points_to_explain_log(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "boot.log").write_bytes(UNDECIDED)
    assert main(["decode", str(tmp_path / "boot.log")]) == 3
    assert "azpreflight explain-log reports what its lines show" in capsys.readouterr().err


def test_a_log_with_a_report_is_explained_and_the_report_is_named(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "boot.log").write_bytes(FRAMED)
    assert main(["explain-log", str(tmp_path / "boot.log")]) == 3
    assert "azpreflight decode" in capsys.readouterr().err
