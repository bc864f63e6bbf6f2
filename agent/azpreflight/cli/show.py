"""`azpreflight show`: a saved report in any format."""

from __future__ import annotations

import argparse

from azpreflight.cli import options
from azpreflight.cli.judging import finish
from azpreflight.cli.options import Output
from azpreflight.cli.reports import saved
from azpreflight.dataclass import dataclass
from azpreflight.model import Severity
from azpreflight.paths import REPORT


@dataclass(frozen=True)
class Request:
    """What is asked."""

    path: str
    """Of the report; - is standard input."""
    fail_on: Severity
    output: Output


def add_options(parser: argparse.ArgumentParser) -> None:
    """The report, how it is judged, and where it goes."""
    parser.description = """\
Print a report that check, seal, the daemon or another program saved, in any format. Of
a file with several reports, a history, the last one is printed. The exit code is that
of the report.
"""
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        default=REPORT,
        help=f"the JSON report, or its JSON lines; - reads standard input (default: the daemon's last, {REPORT})",
    )
    options.add_fail_on(parser.add_argument_group("how it is judged"))
    options.add_output(parser)


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request(asked.file, options.fail_on(asked) or Severity.ERROR, options.output(asked))


def run(request: Request) -> int:
    """Read and print."""
    return finish(saved(request.path), request.fail_on, request.output)
