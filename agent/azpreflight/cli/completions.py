"""`azpreflight completions`: what a shell needs to complete this command line."""

from __future__ import annotations

import argparse

from azpreflight.dataclass import dataclass
from azpreflight.package import data
from azpreflight.sinks.stdout import write_stdout

SHELLS = ("bash", "zsh", "fish")


@dataclass(frozen=True)
class Request:
    """What is asked."""

    shell: str


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which shell."""
    parser.add_argument("shell", choices=SHELLS, help="whose completions")


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request(asked.shell)


def run(request: Request) -> int:
    """Print the completions, which were made from the parser: `completion_scripts` writes them, and a test compares."""
    write_stdout(data(f"completions/{request.shell}").decode("ascii"))
    return 0
