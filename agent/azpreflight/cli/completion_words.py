"""What a shell can complete: commands, options and values, as the parser of the command line knows them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from enum import Enum
from typing import TypeVar

from azpreflight.cli import parser
from azpreflight.dataclass import dataclass
from azpreflight.model import Cause
from azpreflight.probes import PROBES


class Value(Enum):
    """What stands behind an option, where it is not one of some words."""

    NONE = "none"
    FILE = "file"
    DIRECTORY = "directory"
    ANYTHING = "anything"


T = TypeVar("T")
CHECKS = tuple(check.id for probe in PROBES for check in probe.checks)
LISTS = {"checks": CHECKS, "causes": tuple(sorted(cause.value for cause in Cause))}
"""Words that stand behind many options; written once, because they are most of what there is to write."""


@dataclass(frozen=True)
class Argument:
    """One option, or one positional argument, which has no names."""

    names: tuple[str, ...]
    help: str
    value: Value
    words: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    """Names in LISTS of further words."""
    repeats: bool = False

    def offered(self) -> str:
        """All words, with each list as a variable of the shell."""
        return " ".join((*self.words, *(f"${name}" for name in self.lists)))


@dataclass(frozen=True)
class Command:
    """One subcommand."""

    name: str
    help: str
    arguments: tuple[Argument, ...]

    def options(self) -> tuple[Argument, ...]:
        return tuple(argument for argument in self.arguments if argument.names)

    def positionals(self) -> tuple[Argument, ...]:
        return tuple(argument for argument in self.arguments if not argument.names)


def commands() -> tuple[Command, ...]:
    """All subcommands as the parser knows them."""
    subparsers = next(action for action in parser.parser()._actions if isinstance(action, argparse._SubParsersAction))
    summaries = {choice.dest: choice.help or "" for choice in subparsers._choices_actions}
    return tuple(
        Command(name, summaries[name], tuple(_argument(action) for action in parser._actions))
        for name, parser in subparsers.choices.items()
    )


def _argument(action: argparse.Action) -> Argument:
    words, lists, value = _values(action)
    first = (action.help or "").replace("%%", "%").partition(";")[0].partition(" (default")[0]
    return Argument(
        tuple(action.option_strings),
        first,
        value,
        words,
        lists,
        repeats=action.nargs == "+" or isinstance(action, argparse._AppendAction),
    )


def _values(action: argparse.Action) -> tuple[tuple[str, ...], tuple[str, ...], Value]:
    if action.nargs == 0:
        return (), (), Value.NONE
    if action.choices is not None:
        return tuple(map(str, action.choices)), (), Value.ANYTHING
    metavar = str(action.metavar)
    if metavar.startswith("{"):
        return tuple(word for word in metavar.strip("{}").split(",") if word.islower()), (), Value.FILE
    if metavar == "ID" and action.dest != "subscription":
        return (), tuple(LISTS), Value.ANYTHING
    paths = {
        "FILE": Value.FILE,
        "[FORMAT:]FILE": Value.FILE,
        "LOG": Value.FILE,
        "IMAGE": Value.FILE,
        "PATH": Value.FILE,
        "DIR": Value.DIRECTORY,
    }
    return (), (), paths.get(metavar, Value.ANYTHING)


def alike(pairs: Iterable[tuple[T, str]]) -> Iterable[tuple[T, list[str]]]:
    """What is the same for several words is said once for all of them."""
    found: dict[T, list[str]] = {}
    for same, word in pairs:
        found.setdefault(same, []).append(word)
    return found.items()
