"""`azpreflight fleet`: what the boot diagnostics logs of many machines have in common."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Optional

from azpreflight.cli import log_files, options
from azpreflight.cli.output import mode_of, write
from azpreflight.cli.progress import Progress
from azpreflight.engine import fleet as machines
from azpreflight.engine.assess import exit_code, undecided
from azpreflight.engine.fleet import Fleet, Machine
from azpreflight.model import Readiness, Report, Severity
from azpreflight.model.exit_codes import EXIT_UNDECIDED, EXIT_USAGE, worst
from azpreflight.render import decoded
from azpreflight.render import fleet as render
from azpreflight.render.decoded import Log
from azpreflight.sinks.stderr import say

FORMATS = ("text", "json", "jsonl", "html")


@dataclass(frozen=True)
class Request:
    """What is asked."""

    logs: tuple[str, ...]
    """Paths of files and directories, and patterns; - is standard input."""
    fail_on: Severity
    path: Optional[str]
    """The file for the output; None: standard output."""
    format: str
    quiet: bool
    verbose: bool


def add_options(parser: argparse.ArgumentParser) -> None:
    """The logs, how the machines are judged, and where the output goes."""
    parser.description = """\
Read the boot diagnostics logs of many machines, and print each cause once, with the
machines that have it and how to fix them. Of each machine its newest report counts,
also where there are several logs of it. Azure is not queried: fetch the logs
first, with az vm boot-diagnostics get-boot-log, or from their storage account.
"""
    parser.add_argument(
        "log",
        metavar="LOG",
        nargs="+",
        help="a log as for decode, or a directory: all logs in it and below it; - reads standard input",
    )
    options.add_fail_on(parser.add_argument_group("how each machine is judged"))
    group = options.add_file(parser, "the output")
    group.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    amount = group.add_mutually_exclusive_group()
    amount.add_argument("-q", "--quiet", action="store_true", help="how many are ready, and no more (text)")
    amount.add_argument("-v", "--verbose", action="store_true", help="every machine by name, the ready ones too (text)")


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request(
        logs=tuple(asked.log),
        fail_on=options.fail_on(asked) or Severity.ERROR,
        path=asked.output,
        format=asked.format,
        quiet=asked.quiet,
        verbose=asked.verbose,
    )


@dataclass(frozen=True)
class Reading:
    """By what the logs are read."""

    fail_on: Severity
    now: datetime.datetime
    held: dict[str, frozenset[str]] = field(default_factory=dict)
    """The ids of all reports of each log, filled while they are read."""


def run(request: Request) -> int:
    """Print the fleet; the exit code is that of the worst machine, 3 for one without a report.

    A log that cannot be read is a usage error, and the others still count.
    """
    codes: list[int] = []
    paths = log_files.different(path for name in log_files.named(request.logs) for path in _below(name, codes))
    with Progress(sys.stderr, paths) as progress:
        reading = Reading(request.fail_on, datetime.datetime.now(datetime.timezone.utc))
        found = machines.fleet(_machines(paths, reading, codes, progress), reading.now, reading.held)
    write(request.path, _rendered(request, found), mode_of(request.format))
    return worst([*codes, *(one.exit_code for one in found.machines)])


def _below(name: str, codes: list[int]) -> list[str]:
    """The logs of this name; a directory without any is a mistake."""
    paths = list(log_files.below(name))
    if not paths:
        say(f"there is no log in {name}")
        codes.append(EXIT_USAGE)
    return paths


def _machines(paths: Sequence[str], reading: Reading, codes: list[int], progress: Progress) -> Iterator[Machine]:
    """What the log of each path says, one after the other; the exit code for one that cannot be read is added."""
    for path in paths:
        try:
            log = log_files.read(path)
        except OSError as error:
            say(f"cannot read {path}: {error.strerror}")
            codes.append(EXIT_USAGE)
            continue
        finally:
            progress.done(path)
        reading.held[log.name] = frozenset(one.id for one in log.decoded.reports)
        yield _machine(log, reading)


def _machine(log: Log, reading: Reading) -> Machine:
    counted = decoded.counted(log, reading.now)
    if counted is None:
        return Machine(log.name, reason=decoded.why_none(log), exit_code=EXIT_UNDECIDED)
    report, doubt = counted.report, counted.doubt
    for frame in log.decoded.damaged:
        if frame.newest:
            say(f"{log.name}: an older report counts, because the newest is lost, {decoded.lost(frame)}")
    made = machines.machine(log.name, report, _why_undecided(report), exit_code(report, reading.fail_on))
    return replace(made, report=counted.id, doubt=doubt)


def _why_undecided(report: Report) -> Optional[str]:
    reasons = [f"{one.check}: {one.reason}" for one in report.results if undecided(one)]
    return "; ".join(reasons) if report.verdict is Readiness.UNDECIDED else None


def _rendered(request: Request, found: Fleet) -> str:
    if request.format == "text":
        return render.render(found, verbose=request.verbose, quiet=request.quiet)
    if request.format == "html":
        from azpreflight.render.html import fleet as html

        return html.render(found)
    return render.render_json(found) if request.format == "json" else render.render_lines(found)
