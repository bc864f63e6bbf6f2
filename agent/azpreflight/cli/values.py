"""What a word of the command line has to be: each takes the text, and refuses it in words for whoever typed it."""

from __future__ import annotations

import argparse
import os
import re

from azpreflight.foreign import whole
from azpreflight.model.exit_codes import EXIT_BUG, EXIT_CONSOLE


def directory(text: str) -> str:
    """The path of a directory that exists."""
    if not os.path.isdir(text):
        raise argparse.ArgumentTypeError(f"no such directory: {text!a}")
    return absolute(text)


def absolute(text: str) -> str:
    """The path of a file, wherever a command may go to from the working directory."""
    try:
        return os.path.abspath(text)
    except FileNotFoundError:
        raise argparse.ArgumentTypeError(f"{text!a} is relative, and the working directory is gone") from None


def seconds(text: str) -> float:
    """A number of seconds that a run may take."""
    from azpreflight.config import TIMEOUTS

    low, high = TIMEOUTS
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not low <= number <= high:
        raise argparse.ArgumentTypeError(f"{text!a} is not a number of seconds from {low:g} to {high:g}")
    return number


def permissions(text: str) -> int:
    """Permissions in octal, such as 0644."""
    if not re.fullmatch(r"0?[0-7]{3}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!a} is not the permissions of a file in octal, such as 0644")
    return int(text, 8)


def own_code(text: str) -> int:
    """An exit code that nothing else has, and that is no shell's."""
    number = whole(text)
    if number is None or number not in range(EXIT_CONSOLE + 1, 126) or number == EXIT_BUG:
        raise argparse.ArgumentTypeError(f"{text!a} is not a number from {EXIT_CONSOLE + 1} to 125, or is {EXIT_BUG}")
    return number
