"""Options that the environment sets: `AZPREFLIGHT_STAGE=build` is `--stage build`, and the command line comes after it.

Each is put before the words of the command line, so that it is read by the same rules: an option that may be given
once is replaced by the command line's, one that may be repeated adds to it. Where a program runs with more rights than
its caller, the caller's environment is not read.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping

from azpreflight.model.errors import UsageError
from azpreflight.text import similar

PREFIX = "AZPREFLIGHT_"
OPTIONS: Mapping[str, str] = {
    "STAGE": "--stage",
    "PROFILE": "--profile",
    "PLATFORM": "--platform",
    "EXTENSION": "--extension",
    "TIMEOUT": "--timeout",
    "CONFIG": "--config",
    "ONLY": "--only",
    "IGNORE": "--ignore",
    "FAIL_ON": "--fail-on",
    "COLOR": "--color",
}
"""By the variable's name after the prefix. A command without the option passes it over."""
REPEATED = ("EXTENSION", "ONLY", "IGNORE")
"""Lists, with commas between."""


def settings(environment: Mapping[str, str]) -> dict[str, str]:
    """What is set and not empty, by the name after the prefix; UsageError for a variable that has no meaning."""
    if os.getuid() != os.geteuid() or os.getgid() != os.getegid():
        return {}
    found = {name[len(PREFIX) :]: value for name, value in sorted(environment.items()) if name.startswith(PREFIX)}
    for name in found:
        if name not in OPTIONS:
            hint = similar(PREFIX + name, [PREFIX + known for known in OPTIONS])
            raise UsageError(
                f"no variable {PREFIX}{name}{hint}; there are {', '.join(PREFIX + one for one in OPTIONS)}"
            )
    return {name: value for name, value in found.items() if value}


def words(parser: argparse.ArgumentParser, found: Mapping[str, str]) -> list[str]:
    """Those of the options that this command has, as words of its command line."""
    return [
        f"{OPTIONS[name]}={value}"
        for name, whole in found.items()
        if OPTIONS[name] in parser._option_string_actions
        for value in (whole.split(",") if name in REPEATED else [whole])
        if value
    ]


def variable_of(message: str, found: Mapping[str, str]) -> str:
    """What stands before argparse's message about an option whose value a variable has set; else nothing."""
    named = (name for name in found if message.startswith(f"argument {OPTIONS[name]}:"))
    return next((f"{PREFIX}{name}: " for name in named), "")
