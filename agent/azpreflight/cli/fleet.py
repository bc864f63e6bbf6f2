"""`azpreflight fleet`: what the boot diagnostics logs of many machines have in common."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Optional

from azpreflight.cli import log_files
from azpreflight.cli.output import write
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


@dataclass(frozen=True)
class Reading:
    """By what the logs are read."""

    fail_on: Severity
    now: datetime.datetime
    held: dict[str, frozenset[str]] = field(default_factory=dict)
    """The ids of all reports of each log, filled while they are read."""


def fleet(asked: argparse.Namespace) -> int:
    """Print the fleet; the exit code is that of the worst machine, 3 for one without a report.

    A log that cannot be read is a usage error, and the others still count.
    """
    codes: list[int] = []
    paths = log_files.different(path for name in log_files.named(asked.log) for path in _below(name, codes))
    with Progress(sys.stderr, paths) as progress:
        reading = Reading(Severity(asked.fail_on or Severity.ERROR), datetime.datetime.now(datetime.timezone.utc))
        found = machines.fleet(_machines(paths, reading, codes, progress), reading.now, reading.held)
    write(asked.output, _rendered(asked, found))
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


def _rendered(asked: argparse.Namespace, found: Fleet) -> str:
    if asked.format == "text":
        return render.render(found, verbose=asked.verbose, quiet=asked.quiet)
    return render.render_json(found) if asked.format == "json" else render.render_lines(found)
