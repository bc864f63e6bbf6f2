"""Completions as bash, zsh and fish read them: text alone, so that nothing of azpreflight runs at the tab key."""

from __future__ import annotations

from azpreflight.cli.completion_words import LISTS, Argument, Command, Value, alike, commands

# --- bash ---------------------------------------------------------------------------------------------------------

_BASH_FILES = {Value.FILE: "default", Value.DIRECTORY: "dirnames"}
"""Names are left to readline, which quotes blanks and knows `~`."""
_BASH_WORD = """\
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} before=
    # Readline splits --format=json at the sign, unless another completion has told it not to.
    if [[ $cur == "=" ]]; then
        cur=
    elif [[ $prev == "=" && $COMP_CWORD -gt 2 ]]; then
        prev=${COMP_WORDS[COMP_CWORD-2]}
    elif [[ $cur == --*=* ]]; then
        prev=${cur%%=*} before=${cur%%=*}= cur=${cur#*=}
    elif [[ $cur == ":" || $prev == ":" ]]; then
        compopt -o default; return
    fi"""


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
            _BASH_WORD,
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
    words, names = arguments[0].offered(), _BASH_FILES.get(arguments[0].value)
    offer = f'COMPREPLY=($(compgen -P "$before" -W "{words}" -- "$cur"))' if words else "COMPREPLY=()"
    return f"compopt -o {names}; {offer}" if names else offer


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
            "# Sourced, it is registered; found in fpath, it is what completes.",
            'if [ "$funcstack[1]" = _azpreflight ]; then _azpreflight "$@"; else compdef _azpreflight azpreflight; fi',
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
    sign = "=" if value else ""
    return [
        _quoted(f"{star}{name}{sign if name.startswith('--') else ''}[{_zsh(argument.help)}]{value}")
        for name in argument.names
    ]


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
