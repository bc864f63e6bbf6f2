"""`azpreflight record`: look, and save what was seen."""

from __future__ import annotations

import argparse
from typing import Optional

from azpreflight.cli import options
from azpreflight.cli.inspecting import look, needed
from azpreflight.cli.judging import bug
from azpreflight.cli.options import Asking
from azpreflight.cli.output import write
from azpreflight.dataclass import dataclass
from azpreflight.engine.selection import Selection
from azpreflight.render import json


@dataclass(frozen=True)
class Request:
    """What is asked."""

    asking: Asking
    path: Optional[str]
    """The file of the snapshot; None: standard output."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of every inspection, and the file."""
    options.add_asking(parser)
    options.add_file(parser, "the snapshot")


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request(options.asking(asked), asked.output)


def run(request: Request) -> int:
    """Look, and save."""
    snapshot = look(request.asking, needed(Selection()))
    write(request.path, json.render_snapshot(snapshot))
    bugs = [name for name, gathered in snapshot.probes.items() if gathered.traceback]
    return bug(bugs) if bugs else 0
