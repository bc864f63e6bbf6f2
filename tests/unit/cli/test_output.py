"""Where a report goes, and in what form."""

from __future__ import annotations

import json
import os
import pty
import re
import stat
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from azpreflight.cli.main import main
from azpreflight.cli.options import FORMATS
from tests.support.program import OFFLINE, Captured, run


def test_a_file_instead_of_standard_output_and_a_report_beside_it(root: str, tmp_path: Path, capsys: Captured) -> None:
    """-o takes the output in its format, --report is always JSON."""
    out, report = tmp_path / "out.xml", tmp_path / "report.json"
    main(["check", "--root", root, "--format", "junit", "-o", str(out), "--report", str(report)])
    assert capsys.readouterr().out == ""
    assert out.read_text().startswith("<?xml")
    assert json.loads(report.read_text())["schema"] == "azpreflight.report/1"


BEGINNINGS = {
    "text": r"(READY|NOT READY|UNDECIDED): ",
    "json": r"\{",
    "jsonl": r"\{",
    "junit": r"<\?xml",
    "prometheus": r"# HELP azpreflight_info",
    "markdown": r"## (READY|NOT READY|UNDECIDED): ",
    "html": r"<!DOCTYPE html>",
    "github": r"::(error|warning|notice) title=",
    "azure-pipelines": r"##vso\[task\.",
    "nagios": r"AZPREFLIGHT [A-Z]+ - ",
}


def test_every_format_is_made(root: str, capsys: Captured) -> None:
    """With the exit code of the verdict, but for monitoring, which has its own."""
    expected = main(["check", "--root", root, "-q", "--only", OFFLINE])
    capsys.readouterr()
    assert tuple(BEGINNINGS) == FORMATS
    for form, beginning in BEGINNINGS.items():
        code = main(["check", "--root", root, "--only", OFFLINE, "--format", form])
        said = capsys.readouterr().out
        assert re.match(beginning, said) and said.isascii(), (form, said[:200])
        assert code == (expected if form != "nagios" else {0: 0, 1: 2, 3: 3}[expected])


def test_monitoring_has_exit_codes_of_its_own(root: str, tmp_path: Path, capsys: Captured) -> None:
    """CRITICAL, OK, and UNKNOWN where the output could not be written."""
    asked = ["check", "--root", root, "--format", "nagios"]
    assert main([*asked, "--only", OFFLINE, "-o", str(tmp_path / "no" / "file")]) == 3
    for check_id, fail_on in ((OFFLINE, "note"), (OFFLINE, "error")):
        code = main([*asked, "--only", check_id, "--fail-on", fail_on])
        assert capsys.readouterr().out.startswith(f"AZPREFLIGHT {('OK', 'WARNING', 'CRITICAL', 'UNKNOWN')[code]} - ")


@pytest.mark.parametrize(("severity", "code"), [("note", 0), ("warning", 9), ("error", 1)])
def test_warnings_may_have_an_exit_code_of_their_own(severity: str, code: int, root: str, tmp_path: Path) -> None:
    """Of a site's own check that fails; without the option it is 0, and errors keep theirs."""
    config = tmp_path / "config.yaml"
    config.write_text(f"checks:\n  - {{id: agent, file: /no/such/file, severity: {severity}}}\n")
    asked = ["check", "--root", root, "--config", str(config), "--only", "site-agent"]
    assert (main([*asked, "--exit-warning", "9"]), main(asked)) == (code, code if code == 1 else 0)


@pytest.mark.parametrize("word", ["0", "6", "70", "126", "x", "9.5"])
def test_an_exit_code_that_means_something_else_is_refused(word: str) -> None:
    with pytest.raises(SystemExit):
        main(["check", "--exit-warning", word])


def test_a_dash_is_standard_output(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """As it is standard input for assess and decode; no file of that name is made."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for command in (["check", "--root", root, "--only", OFFLINE], ["record", "--root", root], ["decode", os.devnull]):
        main([*command, "-o", "-"])
        assert capsys.readouterr().out.strip()
    assert os.listdir() == []


def test_one_place_that_fails_leaves_the_others(root: str, tmp_path: Path, capsys: Captured) -> None:
    """The report still comes out on standard output, and the exit code says that not all was written."""
    assert main(["check", "--root", root, "--report", str(tmp_path / "no" / "report.json")]) == 2
    captured = capsys.readouterr()
    assert re.match(r"(READY|NOT READY|UNDECIDED): ", captured.out)
    assert "azpreflight: cannot write " in captured.err


def test_a_serial_device_gets_the_text(root: str, capsys: Captured) -> None:
    """The text on the port, the wanted format on standard output, and the exit code of the verdict."""
    far, near = pty.openpty()
    said: list[bytes] = []
    reader = threading.Thread(target=lambda: said.extend(iter(partial(_read, far), b"")))
    reader.start()
    try:
        code = main(["check", "--root", root, "--format", "json", "--serial", os.ttyname(near)])
    finally:
        os.close(near)
        reader.join(10)
        os.close(far)
    assert code in (0, 1, 3)
    assert re.match(rb"\r+\nazpreflight: (READY|NOT READY|UNDECIDED)", b"".join(said))
    assert json.loads(capsys.readouterr().out)["schema"]


def _read(terminal: int) -> bytes:
    """What has come; nothing once the other end is closed."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def test_a_serial_device_that_is_named_and_fails_has_an_exit_code(root: str, capsys: Captured) -> None:
    """What auto finds may be dead, and what is named was meant."""
    assert main(["check", "--root", root, "--serial", "/dev/null"]) == 6
    assert "cannot write to /dev/null: not a terminal device" in capsys.readouterr().err


def test_several_forms_in_one_run(root: str, tmp_path: Path, capsys: Captured) -> None:
    """With a form besides standard output, without one instead of it."""
    junit, page, plain = tmp_path / "r.xml", tmp_path / "r.html", tmp_path / "r.json"
    code = main(["check", "--root", root, "-o", f"junit:{junit}", "-o", f"html:{page}"])
    assert re.search(r"READY|UNDECIDED", capsys.readouterr().out)
    assert junit.read_text().startswith("<?xml") and page.read_text().startswith("<!DOCTYPE html>")
    assert main(["check", "--root", root, "--format", "json", "-o", str(plain), "-o", f"junit:{junit}"]) == code
    assert capsys.readouterr().out == ""
    assert json.loads(plain.read_text())["verdict"]


def test_a_name_that_begins_like_a_form(root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    main(["check", "--root", root, "-o", "./html:name", "-o", "markdown:-"])
    assert (tmp_path / "html:name").read_text()


@pytest.mark.parametrize(("arguments", "mode"), [([], 0o640), (["--mode", "0604"], 0o604), (["--mode", "600"], 0o600)])
def test_the_mode_of_a_new_file(root: str, tmp_path: Path, arguments: list[str], mode: int) -> None:
    main(["check", "--root", root, "-q", "-o", str(tmp_path / "r"), *arguments])
    assert stat.S_IMODE((tmp_path / "r").stat().st_mode) == mode


def test_colour_only_for_a_terminal_or_by_order(root: str) -> None:
    """A pipe gets none, --color=always does, NO_COLOR is respected on a terminal."""
    assert "\x1b" not in run("check", "--root", root).stdout
    assert "\x1b" in run("check", "--root", root, "--color", "always").stdout
    environment = {**os.environ, "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    assert b"\x1b" in on_terminal(["check", "--root", root], environment)
    assert b"\x1b" not in on_terminal(["check", "--root", root], {**environment, "NO_COLOR": "1"})
    assert b"\x1b" not in on_terminal(["check", "--root", root], {**environment, "TERM": "dumb"})
    assert b"\x1b" in on_terminal(["check", "--root", root], {**environment, "NO_COLOR": ""})


@pytest.mark.parametrize(
    ("variables", "colored"),
    [
        ({"FORCE_COLOR": "1"}, True),
        ({"CLICOLOR_FORCE": "1"}, True),
        ({"FORCE_COLOR": "0"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour_in_a_log_by_order(root: str, variables: dict[str, str], colored: bool) -> None:
    """The log of a pipeline shows colors and is no terminal."""
    command = [sys.executable, "-m", "azpreflight", "check", "--root", root]
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | variables
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert ("\x1b" in done.stdout) is colored


@pytest.mark.parametrize(("variables", "links"), [({"VTE_VERSION": "7200"}, True), ({}, False), ({"TMUX": "x"}, False)])
def test_links_where_the_terminal_is_known_to_have_them(root: str, variables: dict[str, str], links: bool) -> None:
    told = (
        "VTE_VERSION",
        "TERM_PROGRAM",
        "WT_SESSION",
        "KONSOLE_VERSION",
        "KITTY_WINDOW_ID",
        "TMUX",
        "STY",
        "NO_COLOR",
    )
    environment = {name: value for name, value in os.environ.items() if name not in (*told, "NO_COLOR")}
    seen = on_terminal(["check", "--root", root], {**environment, "TERM": "xterm-256color", **variables})
    assert (b"\x1b]8;;https://" in seen) is links


def on_terminal(arguments: list[str], environment: dict[str, str]) -> bytes:
    """What the program writes to a terminal."""
    far, near = pty.openpty()
    command = [sys.executable, "-m", "azpreflight", *arguments]
    with subprocess.Popen(command, stdin=near, stdout=near, stderr=near, env=environment) as process:
        os.close(near)
        said = bytearray()
        while True:
            try:
                piece = os.read(far, 4096)
            except OSError:  # the far end of a terminal that nobody has open any more
                break
            said += piece
    os.close(far)
    assert process.returncode in (0, 1, 3)
    return bytes(said)


def test_a_reader_that_goes_away_is_no_error(root: str) -> None:
    """`azpreflight list | head -1` ends quietly."""
    command = [sys.executable, "-m", "azpreflight", "check", "--root", root, "-v"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert b"Traceback" not in said and b"Broken" not in said
    assert process.returncode in (0, 1, 3)
