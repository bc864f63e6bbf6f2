"""`azpreflight decode`: reports back out of boot diagnostics logs, in files or on standard input."""

from __future__ import annotations

import argparse
import datetime
from dataclasses import replace
from typing import Optional

from azpreflight.cli import log_files as reading
from azpreflight.cli import options
from azpreflight.cli.output import mode_of, write
from azpreflight.cli.recognise import HEAD, Given, instead, recognise
from azpreflight.cli.terminal import widths
from azpreflight.console.decode import decode as decoded
from azpreflight.dataclass import dataclass
from azpreflight.engine.assess import exit_code
from azpreflight.model import Severity
from azpreflight.model.errors import UsageError
from azpreflight.model.exit_codes import EXIT_UNDECIDED, EXIT_USAGE, worst
from azpreflight.render import decoded as render
from azpreflight.render.decoded import Log
from azpreflight.sinks.stderr import say

FORMATS = ("text", "json", "jsonl", "junit", "html")


@dataclass(frozen=True)
class Request:
    """What is asked."""

    logs: tuple[str, ...]
    """Paths and patterns; - is standard input."""
    fail_on: Severity
    newest: bool
    """Only the newest report of each log."""
    path: Optional[str]
    """The file for the output; None: standard output."""
    format: str
    quiet: bool
    verbose: bool


def add_options(parser: argparse.ArgumentParser) -> None:
    """The logs, how they are judged, and where the output goes."""
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="+",
        help="a boot diagnostics log, also gzipped or as the JSON string that az prints; - reads standard input",
    )
    options.add_fail_on(parser.add_argument_group("how the newest report of each log is judged"))
    group = options.add_file(parser, "the output")
    group.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    group.add_argument("--newest", action="store_true", help="only the newest report of each log")
    options.add_amount(group)


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request(
        logs=tuple(asked.file),
        fail_on=options.fail_on(asked) or Severity.ERROR,
        newest=asked.newest,
        path=asked.output,
        format=asked.format,
        quiet=asked.quiet,
        verbose=asked.verbose,
    )


def run(request: Request) -> int:
    """Print the reports; the exit code is that of each log's newest report, the worst of them. Where the
    reports of a log are not in order, its worst one counts.

    A log without a report is undecided; one that cannot be read is a usage error, and the others are still decoded.
    """
    logs, codes = [], [0]
    for path in reading.named(request.logs):
        try:
            log = _read(path)
        except (OSError, UsageError) as error:
            say(f"cannot read {path}: {error.strerror}" if isinstance(error, OSError) else str(error))
            codes.append(EXIT_USAGE)
            continue
        logs.append(_newest(log) if request.newest else log)
        codes.append(_exit_code(log, request.fail_on))
    content = _rendered(request, tuple(logs))
    write(request.path, content, mode_of(request.format))
    return worst(codes)


def _read(path: str) -> Log:
    """The reports of a log. UsageError for what another command reads, unless that is a log without a report."""
    name, content, unread = reading.read_bytes(path)
    log = Log(name, decoded(content), unread)
    given = recognise(content[:HEAD], content[-HEAD:])
    elsewhere = instead(name, given, "decode")
    if elsewhere is not None and given not in (Given.LOG, Given.EMPTY):
        raise UsageError(elsewhere)
    if given is Given.LOG and not log.decoded.reports and not log.decoded.damaged:
        say(f"{name} has no report in it; azpreflight explain-log reports what its lines show")
    return log


def _newest(log: Log) -> Log:
    return replace(log, decoded=replace(log.decoded, reports=log.decoded.reports[:1]))


def _exit_code(log: Log, fail_on: Severity) -> int:
    counted = render.counted(log, datetime.datetime.now(datetime.timezone.utc))
    if counted is not None and counted.doubt is not None:
        say(f"{log.name}: {counted.doubt}; the worst of them counts")
    return EXIT_UNDECIDED if counted is None else exit_code(counted.report, fail_on)


def _rendered(request: Request, logs: tuple[Log, ...]) -> str:
    if request.format == "text":
        return render.render(logs, verbose=request.verbose, quiet=request.quiet, width=widths(request.path))
    if request.format == "junit":
        return render.render_junit(logs, request.fail_on, datetime.datetime.now(datetime.timezone.utc))
    if request.format == "html":
        from azpreflight.render.html import decoded as html

        return html.render(logs)
    return render.render_json(logs) if request.format == "json" else render.render_lines(logs)
