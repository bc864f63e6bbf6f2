"""Completions for bash, zsh and fish, made from the parser of the command line, so that they never differ from it.

    python3 packaging/completions.py {bash,zsh,fish}     (with agent/ on PYTHONPATH)

They are files made at build time: nothing of azpreflight runs when somebody presses the tab key.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from azpreflight.cli import parser
from azpreflight.cli.pages import page_ids
from azpreflight.probes import PROBES


class Value(Enum):
    """What stands behind an option, where it is not one of some words."""

    NONE = "none"
    FILE = "file"
    DIRECTORY = "directory"
    ANYTHING = "anything"


T = TypeVar("T")
CHECKS = tuple(check.id for probe in PROBES for check in probe.checks)
LISTS = {"checks": CHECKS, "causes": tuple(sorted(set(page_ids()) - set(CHECKS)))}
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
        Command(name, summaries[name], tuple(_argument(name, action) for action in parser._actions))
        for name, parser in subparsers.choices.items()
    )


def _argument(command: str, action: argparse.Action) -> Argument:
    words, lists, value = _values(command, action)
    first = (action.help or "").replace("%%", "%").partition(";")[0].partition(" (default")[0]
    return Argument(
        tuple(action.option_strings),
        first,
        value,
        words,
        lists,
        repeats=action.nargs == "+" or isinstance(action, argparse._AppendAction),
    )


def _values(command: str, action: argparse.Action) -> tuple[tuple[str, ...], tuple[str, ...], Value]:
    if action.nargs == 0:
        return (), (), Value.NONE
    if action.choices is not None:
        return tuple(map(str, action.choices)), (), Value.ANYTHING
    metavar = str(action.metavar)
    if metavar.startswith("{"):
        return tuple(word for word in metavar.strip("{}").split(",") if word.islower()), (), Value.FILE
    if metavar == "ID":
        return (), tuple(LISTS) if command == "explain" else ("checks",), Value.ANYTHING
    paths = {"FILE": Value.FILE, "LOG": Value.FILE, "PATH": Value.FILE, "DIR": Value.DIRECTORY}
    return (), (), paths.get(metavar, Value.ANYTHING)


def alike(pairs: Iterable[tuple[T, str]]) -> Iterable[tuple[T, list[str]]]:
    """What is the same for several words is said once for all of them."""
    found: dict[T, list[str]] = {}
    for same, word in pairs:
        found.setdefault(same, []).append(word)
    return found.items()


# --- bash ---------------------------------------------------------------------------------------------------------

_BASH_FILES = {Value.FILE: " -f", Value.DIRECTORY: " -d"}


def bash() -> str:
    """A function that looks at the word before the one that is being completed."""
    names = " ".join(command.name for command in commands())
    cases = [
        f"        {'|'.join(words)})\n            {values}; return ;;"
        for values, words in alike(
            (_bash_words(option), f'"{command.name} {name}"')
            for command in commands()
            for option in command.options()
            if option.value is not Value.NONE
            for name in option.names
        )
    ]
    rest = [
        f'        "{command.name} "-*)\n            COMPREPLY=($(compgen -W "{_option_names(command)}" -- "$cur")) ;;\n'
        f'        "{command.name} "*)\n            {_bash_words(*command.positionals())} ;;'
        for command in commands()
    ]
    return "\n".join(
        [
            "# bash completion for azpreflight",
            "_azpreflight() {",
            *(f'    local {name}="{" ".join(words)}"' for name, words in LISTS.items()),
            "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}",
            '    if [ "$COMP_CWORD" -eq 1 ]; then',
            f'        COMPREPLY=($(compgen -W "{names} --help --version" -- "$cur")); return',
            "    fi",
            '    case "$command $prev" in',
            *cases,
            "    esac",
            '    case "$command $cur" in',
            *rest,
            "    esac",
            "}",
            "complete -F _azpreflight azpreflight",
            "",
        ]
    )


def _option_names(command: Command) -> str:
    return " ".join(name for option in command.options() for name in option.names)


def _bash_words(*arguments: Argument) -> str:
    """The command that offers the values of the first argument."""
    if not arguments:
        return "COMPREPLY=()"
    words, files = arguments[0].offered(), _BASH_FILES.get(arguments[0].value, "")
    names = "compopt -o filenames 2>/dev/null; " if files else ""
    return f'{names}COMPREPLY=($(compgen{files} -W "{words}" -- "$cur"))'


# --- zsh ----------------------------------------------------------------------------------------------------------

_ZSH_FILES = {Value.FILE: "_files", Value.DIRECTORY: "_files -/", Value.ANYTHING: " "}


def zsh() -> str:
    """A function of _arguments, with the help beside each option."""
    described = " ".join(_quoted(f"{command.name}:{command.help}") for command in commands())
    cases = [
        line
        for command in commands()
        for line in (
            f"        {command.name})",
            "            _arguments -S \\",
            " \\\n".join(f"                {spec}" for argument in command.arguments for spec in _zsh_specs(argument)),
            "            ;;",
        )
    ]
    return "\n".join(
        [
            "#compdef azpreflight",
            "_azpreflight() {",
            "    local context state state_descr line",
            "    typeset -A opt_args",
            *(f"    local {name}={_quoted(' '.join(words))}" for name, words in LISTS.items()),
            f"    local -a commands=({described})",
            "    _arguments -C '(- *)'{-h,--help}'[show the help]' '(- *)--version[show the version]' \\",
            "        '1:command:->command' '*::argument:->rest'",
            '    case "$state" in',
            "        command) _describe command commands ;;",
            '        rest) case "$words[1]" in',
            *cases,
            "        esac ;;",
            "    esac",
            "}",
            '_azpreflight "$@"',
            "",
        ]
    )


def _zsh_specs(argument: Argument) -> list[str]:
    offered = argument.offered()
    action = f"({offered})" if offered else _ZSH_FILES.get(argument.value, "")
    value = "" if argument.value is Value.NONE else f":{_zsh(argument.help) or 'value'}:{action}"
    if not argument.names:
        return [_quoted(("*" if argument.repeats else "1") + value)]
    star = "*" if argument.repeats else ""
    return [_quoted(f"{star}{name}[{_zsh(argument.help)}]{value}") for name in argument.names]


def _zsh(text: str) -> str:
    return text.replace("[", "(").replace("]", ")").replace(":", ",")


def _quoted(text: str) -> str:
    """In single quotes, but for the variables of the lists."""
    text = text.replace("'", "'\\''")
    for name in LISTS:
        text = text.replace(f"${name}", f"'${name}'")
    return f"'{text}'"


# --- fish ---------------------------------------------------------------------------------------------------------


def fish() -> str:
    """One `complete` for each command and each option."""
    lines = ["# fish completion for azpreflight", "complete -c azpreflight -f"]
    lines += [f"set -l {name} {' '.join(words)}" for name, words in LISTS.items()]
    lines += [
        f"complete -c azpreflight -n __fish_use_subcommand -a {command.name} -d {_fish(command.help)}"
        for command in commands()
    ]
    lines += ["complete -c azpreflight -n __fish_use_subcommand -l version -d 'show the version'"]
    lines += [
        _fish_line(" ".join(names), argument)
        for argument, names in alike(
            (argument, command.name) for command in commands() for argument in command.arguments
        )
    ]
    return "\n".join([*lines, ""])


def _fish_line(commands: str, argument: Argument) -> str:
    names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in argument.names)
    words = f'-a "{argument.offered()}"' if argument.offered() else ""
    files = argument.value in (Value.FILE, Value.DIRECTORY)
    needs = "-r" if argument.names and argument.value is not Value.NONE else ""
    more = "-F" if files else "-f" if needs else ""
    parts = [f"complete -c azpreflight -n '__fish_seen_subcommand_from {commands}'", names, needs, more, words]
    return " ".join([*(part for part in parts if part), f"-d {_fish(argument.help)}"])


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


if __name__ == "__main__":
    sys.stdout.write({"bash": bash, "zsh": zsh, "fish": fish}[sys.argv[1]]())
