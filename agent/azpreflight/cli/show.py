"""`azpreflight show`: a saved report in any format."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from azpreflight.cli import options
from azpreflight.cli.judging import finish
from azpreflight.cli.options import Output
from azpreflight.cli.recognise import HEAD, Given, instead, recognise
from azpreflight.model import Report, Severity
from azpreflight.model.codec import DecodeError
from azpreflight.model.errors import UsageError
from azpreflight.paths import REPORT
from azpreflight.render import json

LIMIT = 256 << 20
"""Bytes of a saved report, as of a snapshot."""


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


def saved(path: str) -> Report:
    """The report in a file, or on standard input for "-". UsageError if there is none."""
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
            content = file.read(LIMIT + 1)
    except FileNotFoundError:
        hint = ": the daemon has not reported on this machine" if path == REPORT else ""
        raise UsageError(f"cannot read {path}: No such file or directory{hint}") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    if len(content) > LIMIT:
        raise UsageError(f"cannot read {path}: larger than {LIMIT >> 20} MiB")
    given = recognise(content[:HEAD], content[-HEAD:])
    if given not in (Given.REPORT, Given.REPORT_LINES):
        raise UsageError(instead(path, given, "show") or "")
    try:
        return json.parse_report(content.decode("utf-8", "replace"))
    except DecodeError as error:
        raise UsageError(f"{path}: {error}") from None
