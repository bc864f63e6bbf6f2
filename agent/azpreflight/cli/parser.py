"""The words of the command line, and the help that explains them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn, Optional

from azpreflight import __version__
from azpreflight.cli import environment
from azpreflight.cli.commands import COMMANDS, Module
from azpreflight.cli.terminal import columns
from azpreflight.sinks.stdout import write_stdout
from azpreflight.text import wrapped

DESCRIPTION = (
    "Reports from inside a Linux VM or image why provisioning on Azure fails, or will fail: was it deprovisioned, do"
    " its own firewall rules block required traffic, do its DNS servers answer, can it fetch extension packages, is its"
    " traffic forced into a tunnel. It is read-only, except for `seal`, which lists what it changes, and `arm`."
)
EXAMPLES = {
    "azpreflight check": "is this machine fit to be captured as an image?",
    "azpreflight check --stage firstboot": "why does provisioning of this VM, or an extension, fail?",
    "azpreflight check --root /mnt/image": "the same for an image that is mounted there",
    "azpreflight image disk.vhd": "and for a disk image file",
    "azpreflight check --format json -o r.json": "everything that was collected, for a program",
    "azpreflight record -o vm.json": "collect now ...",
    "azpreflight assess vm.json": "... and judge it elsewhere",
    "azpreflight decode boot.log": "what did a VM report that nobody can log in to?",
    "azpreflight explain-log boot.log": "what does a log show that has no report in it?",
    "azpreflight show report.json": "print a saved report again, in any format",
    "azpreflight fleet bootdiagnostics/": "what do many of them have in common?",
    "azpreflight explain guest-firewall": "what a cause, or a check, means and how to fix it",
}
EXIT_CODES = {
    "0": "nothing at or above --fail-on",
    "1": "findings at or above --fail-on",
    "2": "usage or configuration",
    "3": "nothing wrong found, but a check whose failure would be an error could not be decided",
    "4": "seal refused, and nothing was changed",
    "5": "seal changed the machine and could not verify it: do not capture",
    "6": "the device that --serial names could not be written",
    "70": "a bug in azpreflight (the report still comes out)",
}


def _table(title: str, rows: Mapping[str, str]) -> str:
    """Beside each other, or on a narrow terminal below each other."""
    width, longest = columns(None), max(map(len, rows))
    beside = longest + 4 + max(map(len, rows.values())) <= width or longest < 10
    lines = [f"{title}:"]
    for word, words in rows.items():
        first = f"  {word:<{longest}}  "
        lines += wrapped(words, first, " " * len(first), width) if beside else [f"  {word}"]
        lines += [] if beside else wrapped(words, " " * 6, " " * 6, width)
    return "\n".join(lines) + "\n"


class Parser(argparse.ArgumentParser):
    """One whose help and version are results: where they cannot be written, a SinkError says so."""

    variables: Mapping[str, str] = {}
    """What the environment has set, for what is said of a mistake in it."""

    def error(self, message: str) -> NoReturn:
        """Exit with the usage and the message, which names the variable that is wrong."""
        super().error(environment.variable_of(message, self.variables) + message)

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is sys.stdout:
            write_stdout(message)
        else:
            with suppress(OSError):
                super()._print_message(message, file)


def parser(only: Optional[str] = None) -> argparse.ArgumentParser:
    """The parser of the whole command line; with `only`, of that command alone, so that no other is imported."""
    return _parsers(only)[0]


def _parsers(only: Optional[str]) -> tuple[Parser, Mapping[str, Parser]]:
    """The parser of the whole command line, and those of the commands."""
    top = Parser(
        prog="azpreflight",
        description="\n".join(wrapped(DESCRIPTION, width=columns(None))),
        epilog=f"{_table('examples', EXAMPLES)}\n{_table('exit codes', EXIT_CODES)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"azpreflight {__version__}")
    words = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    by_word = {}
    for name, command in COMMANDS.items():
        by_word[name] = words.add_parser(
            name,
            help=command.summary,
            description="\n".join(wrapped(f"{command.summary[0].upper()}{command.summary[1:]}.", width=columns(None))),
            epilog=_table("exit codes", EXIT_CODES),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if only in (None, name):
            command.module().add_options(by_word[name])
    return top, by_word


def parse(arguments: Sequence[str], variables: Mapping[str, str] = os.environ) -> tuple[Module, Any]:
    """The command's module, and what is asked of it. SystemExit for `--help`, `--version` and what is none.

    Options that `variables` set come before those of the command line; UsageError for one that has no meaning.
    """
    named = next((word for word in arguments if not word.startswith("-")), "")
    top, commands = _parsers(named)
    words = list(arguments)
    if words[:1] == [named] and named in commands and not {"-h", "--help"} & set(words):
        command = commands[named]
        command.variables = environment.settings(variables)
        words[1:1] = environment.words(command, command.variables)
    asked = top.parse_args(words)
    module = COMMANDS[asked.command].module()
    return module, module.request(asked)
