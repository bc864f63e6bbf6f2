"""The command line: real runs of the program, its exit codes, and what it prints where."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from azpreflight import __version__
from azpreflight.cli.main import main
from azpreflight.cli.options import FORMATS
from azpreflight.engine.assess import assess, only
from azpreflight.engine.gather import gather
from azpreflight.model import Cause, Readiness, Run, Stage
from azpreflight.probes import PROBES
from azpreflight.render.json import SNAPSHOT_SCHEMA
from tests.support.examples import CHECKS
from tests.support.fakes import FakeHost
from tests.unit.engine.test_assess import check, finding, probe

Captured = pytest.CaptureFixture[str]
ID = PROBES[0].checks[0].id
OFFLINE = next(check.id for probe in PROBES for check in probe.checks if check.offline)


@pytest.fixture
def root(tmp_path: Path) -> str:
    """A mounted image that is nearly empty: judged in milliseconds, the same everywhere."""
    (tmp_path / "image" / "etc").mkdir(parents=True)
    (tmp_path / "image" / "etc" / "os-release").write_text("ID=debian\nVERSION_ID=12\n")
    return str(tmp_path / "image")


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """The program itself, as a process."""
    command = [sys.executable, "-m", "azpreflight", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)  # type: ignore[call-overload, no-any-return]  # keywords of subprocess.run


def run_without(closed: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The program with one of its standard streams closed."""
    command = ["sh", "-c", f'exec "$@" {closed}>&-', "sh", sys.executable, "-m", "azpreflight", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


# --- usage --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["--help"], *([command, "--help"] for command in ("check", "record", "assess"))])
def test_help_names_the_exit_codes(arguments: list[str], capsys: Captured) -> None:
    """Whoever writes a script around it finds the codes in the help."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert "exit codes:" in said and "70  a bug" in said


def test_the_version(capsys: Captured) -> None:
    """On standard output, as other tools do."""
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"azpreflight {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: COMMAND"),
        (["chek"], "invalid choice: 'chek'"),
        (["check", "--stage", "boot"], "invalid choice: 'boot'"),
        (["check", "-o", "html:"], "'html:' names no file"),
        (["check", "--mode", "rw"], "'rw' is not the permissions of a file in octal, such as 0644"),
        (["check", "--timeout", "0"], "'0' is not a number of seconds from 0.1 to 3600"),
        (["check", "--timeout", "nan"], "'nan' is not a number of seconds"),
        (["check", "--timeout", "ten"], "'ten' is not a number of seconds"),
        (["check", "--root", "/no/such/directory"], "no such directory: '/no/such/directory'"),
        (["check", "-q", "-v"], "not allowed with argument"),
        (["check", "--format", "yaml"], "invalid choice: 'yaml'"),
        (["seal", "--yes", "--dry-run"], "not allowed with argument"),
    ],
)
def test_wrong_usage_is_exit_2(arguments: list[str], message: str, capsys: Captured) -> None:
    """Said on standard error, with the word that is wrong."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    captured = capsys.readouterr()
    assert ended.value.code == 2
    assert message in captured.err and captured.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "--only", ID + "s"], f"no check {ID}s (did you mean {ID}?); azpreflight list shows them"),
        (["check", "--ignore", "\x1b[31m"], "no check \\x1b[31m; azpreflight list shows them"),
        (["check", "--only", ID, "--ignore", ID], f"{ID} is both asked for and ignored"),
        (["explain", "guest-firewal"], "no page for guest-firewal (did you mean guest-firewall?)"),
        (["explain", "../../README"], "no page for ../../README"),
        (["check", "--config", "/no/such/file"], "cannot read /no/such/file: no such file"),
        (["assess", "/no/such/file"], "cannot read /no/such/file: No such file or directory"),
        (["assess", "/dev/null"], "/dev/null is empty"),
    ],
)
def test_what_does_not_exist_is_exit_2(arguments: list[str], message: str, capsys: Captured) -> None:
    """With the name that was probably meant, and never raw control characters."""
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"azpreflight: {message}")
    assert captured.out == ""


def test_a_closed_standard_output_is_exit_2(root: str, tmp_path: Path) -> None:
    """As a full disk is, where the output was to go there; a file is written as always."""
    arguments = ("check", "--root", root, "--only", OFFLINE, "-q")
    done = run_without(1, *arguments)
    assert (done.returncode, done.stderr) == (2, "azpreflight: cannot write to standard output: Bad file descriptor\n")
    done = run_without(1, *arguments, "-o", str(tmp_path / "report"))
    assert done.returncode != 2 and done.stderr == ""
    assert (tmp_path / "report").read_text() == run(*arguments).stdout


def test_a_closed_standard_error_or_input_changes_nothing(root: str) -> None:
    """Nor do words that were meant for it go into a file that was opened since."""
    arguments = ("check", "--root", root, "--only", OFFLINE, "-q")
    expected = run(*arguments)
    for number in (0, 2):
        done = run_without(number, *arguments)
        assert (done.returncode, done.stdout) == (expected.returncode, expected.stdout)
    assert run_without(2, "decode", "/no/such/file").returncode == 2
    assert "cannot read -: Bad file descriptor" in run_without(0, "decode", "-").stderr


def test_a_wrong_configuration_is_exit_2_with_the_line(tmp_path: Path, capsys: Captured) -> None:
    """Nothing is inspected with half of a configuration."""
    path = tmp_path / "c.yaml"
    path.write_text("# ours\ntimeout: never\n")
    assert main(["check", "--config", str(path)]) == 2
    expected = f"azpreflight: {path}:2: timeout: expected seconds from 0.1 to 3600, found never (str)\n"
    assert capsys.readouterr() == ("", expected)


# --- start-up -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["--version"], ["explain", "guest-firewall"], ["list"], ["list", "--help"]])
def test_quick_answers_import_no_library(arguments: list[str]) -> None:
    """The libraries are slow to import and may be broken on a broken machine: these commands need none of them."""
    libraries = ("requests", "urllib3", "dns", "yaml", "psutil", "ssl", "iptc")
    code = (
        "import sys\nfrom azpreflight.cli.main import main\n"
        f"try:\n  main({arguments!r})\nexcept SystemExit: pass\n"
        f"sys.stderr.write(','.join(name for name in {libraries!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stderr == ""
    assert done.stdout


# --- the line: record, assess, check ------------------------------------------------------------------------------


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


# --- where it goes ------------------------------------------------------------------------------------------------


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


# --- how it ends --------------------------------------------------------------------------------------------------

NAP = f"62.{os.getpid()}"
"""Seconds that name the program of this test process, so that tests beside it cannot be taken for it."""

SLOW = f"""
import sys, time
from azpreflight.cli import main as cli
from azpreflight.cli import inspecting, judging
from azpreflight.host import LocalHost
from azpreflight.model import Check, Probe, Severity
from tests.unit.engine.test_assess import Facts

def never(host, run):
    LocalHost(budget=60).run(["sleep", "{NAP}"], 60)

def broken(host, run):
    raise ZeroDivisionError("oops")

def probe(name, gather):
    check = Check(name, name + " is well", lambda facts, run: iter(()), Severity.ERROR, offline=True)
    return Probe(name, Facts, gather, (check,))

PROBES = dict(slow=probe("slow", never), good=probe("good", lambda host, run: Facts()), bad=probe("bad", broken))
inspecting.PROBES = judging.PROBES = tuple(PROBES[name] for name in sys.argv[1].split(","))
sys.exit(cli.main(sys.argv[2:]))
"""


def with_probes(names: str, *arguments: str) -> list[str]:
    """The command line with probes that are slow or broken on purpose."""
    return [sys.executable, "-c", SLOW, names, *arguments]


def sleeper() -> bool:
    """True while the slow probe's program runs."""
    return (
        subprocess.run(
            ["pgrep", "-f", f"^[a-z/]*sleep {NAP}$"], capture_output=True, check=False, timeout=60
        ).returncode
        == 0
    )


def no_sleeper_left() -> bool:
    """True once the slow probe's program is gone."""
    deadline = time.monotonic() + 3
    while sleeper() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not sleeper()


def test_a_probe_that_never_returns_costs_the_budget_and_no_more() -> None:
    """The others report, the slow one is unknown, the process ends in time and leaves no program behind."""
    began = time.monotonic()
    done = subprocess.run(
        with_probes("slow,good", "check", "--timeout", "1", "-v"),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert time.monotonic() - began < 10
    assert done.returncode == 3
    assert "[PASS] good: good is well" in done.stdout
    assert re.search(r"\[UNKN\] slow: not done within the \d\.\d s that this run had", done.stdout)
    assert no_sleeper_left()


def test_a_bug_is_exit_70_with_the_report(tmp_path: Path) -> None:
    """The other checks are judged, standard error asks for a report of the bug, the JSON has the traceback."""
    done = subprocess.run(
        with_probes("bad,good", "check", "--format", "json"), capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 70
    assert "azpreflight: a bug in azpreflight: bad; the JSON has the traceback, please report it" in done.stderr
    results = {row["check"]: row for row in json.loads(done.stdout)["results"]}
    assert results["good"]["status"] == "pass"
    assert results["bad"]["status"] == "unknown" and "ZeroDivisionError" in results["bad"]["traceback"]
    recorded = subprocess.run(
        with_probes("bad,good", "record"), capture_output=True, text=True, timeout=30, check=False
    )
    assert recorded.returncode == 70 and json.loads(recorded.stdout)["schema"] == SNAPSHOT_SCHEMA


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_ends_at_once(number: signal.Signals, code: int) -> None:
    """Without a traceback, and without leaving its programs behind; also where the tests run in the background, whose
    programs a shell lets ignore SIGINT."""
    command = ("env", "--default-signal=INT,TERM", *with_probes("slow", "check", "--timeout", "30"))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not sleeper():
            assert process.poll() is None
            time.sleep(0.02)
        began = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert time.monotonic() - began < 10
    assert process.returncode == code
    assert "Traceback" not in err and out == ""
    assert no_sleeper_left()


def test_a_slow_run_tells_a_terminal_what_it_waits_for() -> None:
    """One line that is rewritten on the terminal; nothing in a pipe."""
    command = with_probes("slow,good", "check", "--timeout", "2")
    far, near = pty.openpty()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=near, text=True) as process:
        os.close(near)
        out, _ = process.communicate(timeout=30)
    said = os.read(far, 65536).decode()
    os.close(far)
    assert "1 of 2 done, now slow" in said
    assert said.endswith("\r") and "\n" not in said.split("looking", 1)[1]
    assert "looking" not in out
    piped = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert "looking" not in piped.stderr


def as_nobody(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it as a user who may read every file, to reach this interpreter, and nothing else."""
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    nobody += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    command = [*nobody, sys.executable, "-m", "azpreflight", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_without_root_it_says_first_what_it_cannot_see(root: str) -> None:
    """On standard error, before anything else; the report says that it was unprivileged."""
    done = as_nobody("check", "--root", root)
    assert done.stderr.startswith("azpreflight: not root, so this cannot see firewall rules, ")
    assert "unprivileged" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_who_looks_twice_is_told_once_what_cannot_be_seen(root: str, tmp_path: Path) -> None:
    """First at the image as it is, and then at everything."""
    done = as_nobody("check", "--root", root, "--as-captured", str(tmp_path / "missing" / "as-captured.json"))
    assert done.stderr.count("not root") == 1
    assert "unprivileged" in done.stdout


# --- explain and list ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [ID, "guest-firewall"])
def test_explain_prints_the_page(page: str, capsys: Captured) -> None:
    """Of a check and of a cause."""
    assert main(["explain", page]) == 0
    assert capsys.readouterr().out.startswith(f"# {page}\n")


def test_list_has_every_check(capsys: Captured) -> None:
    """With severity, cause, stages and title; as JSON too."""
    ids = list(CHECKS)
    assert main(["list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")] == ids
    assert main(["list", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["check"] for row in rows] == ids
    assert set(rows[0]) >= {"check", "title", "severity", "cause", "stages"}
