"""`azpreflight decode`: reports back out of boot diagnostics logs, in files or on standard input."""

from __future__ import annotations

import argparse
import datetime
from dataclasses import replace

from azpreflight.cli import log_files as reading
from azpreflight.cli.output import write
from azpreflight.engine.assess import exit_code
from azpreflight.model import Severity
from azpreflight.model.exit_codes import EXIT_UNDECIDED, EXIT_USAGE, worst
from azpreflight.render import decoded as render
from azpreflight.render.decoded import Log
from azpreflight.sinks.stderr import say


def decode(asked: argparse.Namespace) -> int:
    """Print the reports; the exit code is that of each log's newest report, the worst of them. Where the
    reports of a log are not in order, its worst one counts.

    A log without a report is undecided; one that cannot be read is a usage error, and the others are still decoded.
    """
    logs, codes = [], [0]
    for path in reading.named(asked.file):
        try:
            log = reading.read(path)
        except OSError as error:
            say(f"cannot read {path}: {error.strerror}")
            codes.append(EXIT_USAGE)
            continue
        logs.append(_newest(log) if asked.newest else log)
        codes.append(_exit_code(log, Severity(asked.fail_on or Severity.ERROR)))
    content = _rendered(asked, tuple(logs))
    write(asked.output, content)
    return worst(codes)


def _newest(log: Log) -> Log:
    return replace(log, decoded=replace(log.decoded, reports=log.decoded.reports[:1]))


def _exit_code(log: Log, fail_on: Severity) -> int:
    counted = render.counted(log, datetime.datetime.now(datetime.timezone.utc))
    if counted is not None and counted.doubt is not None:
        say(f"{log.name}: {counted.doubt}; the worst of them counts")
    return EXIT_UNDECIDED if counted is None else exit_code(counted.report, fail_on)


def _rendered(asked: argparse.Namespace, logs: tuple[Log, ...]) -> str:
    if asked.format == "text":
        return render.render(logs, verbose=asked.verbose, quiet=asked.quiet)
    renderers = {"json": render.render_json, "jsonl": render.render_lines, "junit": render.render_junit}
    return renderers[asked.format](logs)
