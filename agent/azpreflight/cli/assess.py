"""`azpreflight assess`: judge what was saved."""

from __future__ import annotations

import argparse

from azpreflight.cli import options
from azpreflight.cli.judging import deliver, known
from azpreflight.cli.options import Judging, Output
from azpreflight.cli.snapshots import saved
from azpreflight.dataclass import dataclass


@dataclass(frozen=True)
class Request:
    """What is asked."""

    path: str
    """Of the snapshot; - is standard input."""
    judging: Judging
    output: Output


def add_options(parser: argparse.ArgumentParser) -> None:
    """The snapshot, how it is judged, and where the report goes."""
    parser.add_argument("file", metavar="FILE", help="a snapshot that record has written; - reads standard input")
    options.add_judging(parser)
    options.add_output(parser)


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request(asked.file, options.judging(asked), options.output(asked))


def run(request: Request) -> int:
    """Read, judge and print."""
    known(request.judging)
    return deliver(request.judging, request.output, saved(request.path))
