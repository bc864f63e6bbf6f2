"""Options that the environment sets."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from azpreflight.cli.parser import parse
from azpreflight.model import Severity, Stage
from azpreflight.model.errors import UsageError

Captured = pytest.CaptureFixture[str]


def asked(*arguments: str, **variables: str) -> Any:
    """What is asked by this command line in an environment with these variables."""
    return parse(arguments, {f"AZPREFLIGHT_{name}": value for name, value in variables.items()} | {"PATH": "/bin"})[1]


def test_a_variable_is_the_option_of_its_name() -> None:
    request = asked("check", STAGE="firstboot", FAIL_ON="warning", TIMEOUT="20", CONFIG="/c.yaml", COLOR="never")
    assert (request.asking.stage, request.asking.timeout, request.asking.config) == (Stage.FIRSTBOOT, 20.0, "/c.yaml")
    assert (request.judging.fail_on, request.output.color) == (Severity.WARNING, "never")


def test_the_command_line_comes_before_it() -> None:
    assert asked("check", "--stage", "build", STAGE="firstboot").asking.stage is Stage.BUILD


def test_lists_add_up() -> None:
    """With commas between; an option that is repeated adds to them."""
    request = asked("check", "--ignore", "dns-tcp", IGNORE="dns-servers,clock-*", EXTENSION="a,b")
    assert request.judging.checks.ignore == ("dns-servers", "clock-*", "dns-tcp")
    assert request.asking.extensions == ("a", "b")


def test_a_command_without_the_option_passes_it_over() -> None:
    assert asked("explain", "no-egress", STAGE="nonsense").id == "no-egress"
    assert asked("list", CONFIG="/c.yaml").config == "/c.yaml"


def test_an_empty_one_is_none() -> None:
    assert asked("check", STAGE="", IGNORE=",").asking.stage is Stage.CAPTURE


def test_one_that_has_no_meaning_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"no variable AZPREFLIGHT_STAG \(did you mean AZPREFLIGHT_STAGE\?\)"):
        asked("check", STAG="build")


def test_a_wrong_value_names_the_variable(capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        asked("check", STAGE="boot")
    assert ended.value.code == 2
    assert "error: AZPREFLIGHT_STAGE: argument --stage: invalid choice: 'boot'" in capsys.readouterr().err


def test_help_is_printed_whatever_is_set(capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        asked("check", "--help", STAG="build")
    assert ended.value.code == 0
    assert "--stage" in capsys.readouterr().out


def test_what_stands_before_the_command_is_left_alone(capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        asked("--version", STAG="build")
    assert capsys.readouterr().out.startswith("azpreflight ")


@pytest.mark.root
def test_with_more_rights_than_its_caller_it_reads_nothing() -> None:
    """As in a program with the set-user-id bit: then the environment is somebody else's word."""
    code = (
        "import os; os.setresuid(65534, 0, 0); from azpreflight.cli.environment import settings;"
        " print(settings({'AZPREFLIGHT_STAG': 'x', 'AZPREFLIGHT_STAGE': 'build'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "{}\n"
