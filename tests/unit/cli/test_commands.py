"""The form of every command: one module, a frozen request, and nothing of argparse beyond it."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import subprocess
import sys

import pytest

from azpreflight.cli.commands import COMMANDS
from azpreflight.cli.parser import parse

ARGUMENTS = {
    "assess": ["-"],
    "image": ["disk.vhd"],
    "decode": ["boot.log"],
    "fleet": ["logs"],
    "explain-log": ["boot.log"],
    "explain": ["no-egress"],
    "completions": ["bash"],
    "rehearse": ["disk.vhd"],
}
"""What a command cannot do without."""


@pytest.mark.parametrize("word", COMMANDS)
def test_what_is_asked_is_a_frozen_dataclass(word: str) -> None:
    module, request = parse([word, *ARGUMENTS.get(word, [])])
    assert module is COMMANDS[word].module()
    assert type(request).__name__ == "Request"
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.anything = 1


@pytest.mark.parametrize("word", COMMANDS)
def test_a_command_reads_the_command_line_in_one_place(word: str) -> None:
    """Only `request` sees what argparse made."""
    COMMANDS[word].module()
    tree = ast.parse(inspect.getsource(sys.modules[f"azpreflight.cli.{COMMANDS[word].name}"]))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    readers = {node.name for node in functions if "argparse.Namespace" in ast.unparse(node.args)}
    assert readers == {"request"}


@pytest.mark.parametrize("word", COMMANDS)
def test_no_command_imports_another(word: str) -> None:
    """Asking for one loads one, so that a broken library stops only the commands that need it."""
    others = {f"azpreflight.cli.{command.name}" for name, command in COMMANDS.items() if name != word}
    arguments = [word, *ARGUMENTS.get(word, [])]
    code = f"import sys; from azpreflight.cli.parser import parse; parse({arguments!r}); print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert others & set(done.stdout.split()) == set()
