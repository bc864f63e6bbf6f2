"""The command line: what is wrong with it, what is asked of the program itself, and how fast."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from azpreflight import __version__
from azpreflight.cli.main import main
from azpreflight.probes import PROBES
from tests.support.examples import CHECKS
from tests.support.program import OFFLINE, Captured, run

ID = PROBES[0].checks[0].id


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
