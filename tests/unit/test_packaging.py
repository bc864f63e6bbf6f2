"""What is shipped beside the program: man pages and configuration. Each is compared with the program."""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import subprocess
from pathlib import Path

import pytest

from azpreflight import __version__, config
from azpreflight.cli import parser
from azpreflight.model import Config
from azpreflight.probes import PROBES
from tests.support.needs import need_programs

SOURCE = Path(__file__).parents[2]
CHECKS = tuple(check.id for probe in PROBES for check in probe.checks)
CONFIG = (SOURCE / "packaging/config.yaml").read_text()


def commands() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command."""
    actions = parser.parser()._actions
    return next(dict(action.choices) for action in actions if isinstance(action, argparse._SubParsersAction))


def manual(name: str) -> str:
    """A man page without its fonts and escapes."""
    text = (SOURCE / "man" / name).read_text().replace("\\-", "-")
    return re.sub(r"\\f.|\"", "", text)


# --- man pages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", commands())
def test_the_man_page_knows_every_command_and_option(command: str) -> None:
    page = manual("azpreflight.1")
    assert re.search(rf"(?m)^\.B[IR]? {command}\b", page)
    names = {name for action in commands()[command]._actions for name in action.option_strings}
    assert [name for name in sorted(names) if not re.search(rf"(?<![\w-]){name}(?![\w-])", page)] == []


def test_the_man_page_knows_every_exit_code_of_the_help() -> None:
    codes = list(parser.EXIT_CODES)
    page = manual("azpreflight.1")
    assert [code for code in codes if f".B {code}\n" not in page] == []


def test_the_man_page_of_the_configuration_knows_every_key() -> None:
    page = manual("azpreflight-config.5")
    keys = [field.name for field in dataclasses.fields(Config)]
    assert [key for key in keys if not re.search(rf"(?m)^\.BI?R? {key}:? ", page)] == []


# --- the configuration --------------------------------------------------------------------------------------------


def test_the_configuration_as_shipped_says_nothing() -> None:
    assert config.parse(CONFIG, "config.yaml", CHECKS) == Config()


def test_every_key_of_the_configuration_is_there_and_its_example_is_valid() -> None:
    spoken = re.sub(r"(?m)^#(?=[a-z]| +-)", "", CONFIG)
    parsed = config.parse(spoken, "config.yaml", CHECKS)
    unsaid = [field.name for field in dataclasses.fields(Config) if not getattr(parsed, field.name)]
    assert unsaid == []


# --- the package --------------------------------------------------------------------------------------------------


def test_the_changelog_begins_with_this_version() -> None:
    assert (SOURCE / "packaging/debian/changelog").read_text().startswith(f"azpreflight ({__version__}) ")


def test_every_package_names_the_same_home() -> None:
    control, spec, setup = (
        (SOURCE / path).read_text()
        for path in ("packaging/debian/control", "packaging/rpm/azpreflight.spec", "setup.cfg")
    )
    named = [
        re.findall(rf"(?m)^{key}\s*[:=]\s*(\S+)$", text)
        for key, text in (("Homepage", control), ("URL", spec), ("url", setup))
    ]
    assert named[0] and named[0] == named[1] == named[2]


@pytest.mark.parametrize("page", sorted((SOURCE / "man").iterdir()), ids=lambda page: page.name)
def test_a_page_of_the_manual_is_set_without_a_warning(page: Path) -> None:
    """Asked as lintian asks it."""
    need_programs("man", "groff")
    command: list[str | Path] = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page]
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"}
    done = subprocess.run(command, check=False, capture_output=True, env=environment, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout != b""
