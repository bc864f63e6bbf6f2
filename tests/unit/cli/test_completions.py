"""Completions, as somebody has them who presses the tab key in a real shell on a terminal."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from azpreflight.cli import completion_scripts
from azpreflight.cli.completions import SHELLS
from tests.support.needs import need_programs

SHOWN = "\a"
"""The key that writes the line, as it is then, to a file: Ctrl-G."""
COMMANDS = {
    "bash": ("bash", "--noprofile", "--norc", "-i"),
    "zsh": ("zsh", "--no-rcs", "-i"),
    "fish": ("fish", "--no-config", "-i"),
}
BINDINGS = {
    "bash": """bind -x '"\\C-g": echo "$READLINE_LINE" >line'""",
    "zsh": "autoload -U compinit; compinit -u -D; "
    "show() { print -r -- \"$BUFFER\" >line }; zle -N show; bindkey '^G' show",
    "fish": "bind \\cg 'commandline >line'",
}
PATIENCE_S = 60.0
FOLDER = {"boot one.log": "", "a.log": "", "sub/inner.yaml": ""}


class Terminal:
    """A shell that has read its completions, in a folder with some files."""

    def __init__(self, shell: str, folder: Path, before: str = "") -> None:
        self.folder = folder
        script = folder.parent / f"{shell}-completions"
        script.write_text({name: getattr(completion_scripts, name) for name in SHELLS}[shell]())
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), "TERM": "xterm", "LC_ALL": "C.UTF-8"}
        program, *arguments = COMMANDS[shell]
        self.process = pexpect.spawn(
            program, arguments, cwd=str(folder), env=environment, encoding="utf-8", dimensions=(40, 250)
        )
        self.process.sendline(f"{BINDINGS[shell]}; source {script}; {before or 'true'}; echo rea''dy")
        self.process.expect("ready", timeout=PATIENCE_S)

    def line(self, typed: str) -> str:
        """The line after this and a tab."""
        written = self.folder / "line"
        written.unlink(missing_ok=True)
        self.process.send(f"{typed}\t{SHOWN}")
        limit = time.monotonic() + PATIENCE_S
        while not (written.exists() and written.read_text().endswith("\n")):
            assert time.monotonic() < limit, self.process.before
            time.sleep(0.02)
        text = written.read_text()
        written.unlink()
        self.process.send("\x15")  # Ctrl-U: an empty line again
        return text.rstrip("\n")


@pytest.fixture(scope="module", params=SHELLS)
def terminal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """One of each shell."""
    yield from started(request.param, tmp_path_factory.mktemp(request.param))


def started(shell: str, folder: Path, before: str = "") -> Iterator[Terminal]:
    need_programs(shell)
    home = folder / "work"
    for name, text in FOLDER.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    terminal = Terminal(shell, home, before)
    yield terminal
    terminal.process.close(force=True)


LINES = {
    "dec": "decode",
    "check --sta": "check --stage",
    "check --stage f": "check --stage firstboot",
    "check --stage=f": "check --stage=firstboot",
    "check --format=jun": "check --format=junit",
    "check --fail-on=e": "check --fail-on=error",
    "check --only gen-machine": "check --only gen-machine-id",
    "check --only=gen-machine": "check --only=gen-machine-id",
    "check --only forced": "check --only forced-tunnel",
    "explain gen-machine": "explain gen-machine-id",
    "check --root s": "check --root sub/",
    "check --root=s": "check --root=sub/",
    "check --config=sub/": "check --config=sub/inner.yaml",
    "check -o a": "check -o a.log",
    "decode a": "decode a.log",
    "decode -o a": "decode -o a.log",
    "fleet a": "fleet a.log",
    "rehearse a": "rehearse a.log",
    "fleet --subscription gen-machine": "fleet --subscription gen-machine",
    "decode bo": "decode boot\\ one.log",
    "check --config=bo": "check --config=boot\\ one.log",
    "completions f": "completions fish",
}


@pytest.mark.parametrize("typed", LINES)
def test_a_shell_completes(terminal: Terminal, typed: str) -> None:
    """The only word there is; fish says `--opt=value` with a blank after it, and zsh with none until it is needed."""
    found = terminal.line(f"azpreflight {typed}").removeprefix("azpreflight ")
    if typed == "check --sta" and found.endswith("="):  # as zsh writes an option that has a value
        found = found[:-1]
    assert found.rstrip(" ") == LINES[typed]


def test_where_nothing_can_follow_nothing_is_offered(terminal: Terminal) -> None:
    """A number of seconds is no file, although the folder has some."""
    assert terminal.line("azpreflight check --timeout a") == "azpreflight check --timeout a"


def test_bash_completes_where_another_completion_took_the_sign_from_the_breaks(tmp_path: Path) -> None:
    """As npm's does: the whole word is then what is replaced."""
    for terminal in started("bash", tmp_path, "COMP_WORDBREAKS=${COMP_WORDBREAKS//=}"):
        assert terminal.line("azpreflight check --format=jun").rstrip() == "azpreflight check --format=junit"
