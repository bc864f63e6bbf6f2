"""`azpreflight explain-log`: what logs say that have no report in them."""

from __future__ import annotations

import argparse
import os
from typing import Optional

from azpreflight.cli import log_files, log_inputs, options
from azpreflight.cli.output import write
from azpreflight.cli.terminal import widths
from azpreflight.dataclass import dataclass
from azpreflight.explain import ExplainedLog, LogKind
from azpreflight.explain.exit_code import exit_code
from azpreflight.model import Severity
from azpreflight.model.errors import UsageError
from azpreflight.model.exit_codes import EXIT_USAGE, worst
from azpreflight.render import explained as render
from azpreflight.sinks.stderr import say
from azpreflight.text import count

FORMATS = ("text", "json", "jsonl", "junit", "html")


@dataclass(frozen=True)
class Request:
    """What is asked."""

    logs: tuple[str, ...]
    """Paths and patterns, directories too; - is standard input."""
    fail_on: Severity
    path: Optional[str]
    """The file for the output; None: standard output."""
    format: str
    quiet: bool
    verbose: bool


def add_options(parser: argparse.ArgumentParser) -> None:
    """The logs, from which severity on a cause counts, and where the output goes."""
    parser.description = """\
Read the log of a VM that never had azpreflight: a serial console log (also as az vm
boot-diagnostics get-boot-log prints it), waagent.log, cloud-init.log, cloud-init-output.log,
azure-init.log, a journal (journalctl, also -o json or export), or a support bundle
(cloud-init collect-logs, waagent -collect-logs, sos). Report who provisioned, how far the
boot came, what most likely stopped it, and what such a log cannot show. Nothing but the
newest boot in a log counts; a log reports what failed, and seldom why.
"""
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="+",
        help="a log, compressed or not, a bundle, or a directory: all logs in it and below it; - reads standard input",
    )
    options.add_fail_on(parser.add_argument_group("how each log is judged"))
    group = options.add_file(parser, "the output")
    group.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    options.add_amount(group)


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request(
        logs=tuple(asked.file),
        fail_on=options.fail_on(asked) or Severity.ERROR,
        path=asked.output,
        format=asked.format,
        quiet=asked.quiet,
        verbose=asked.verbose,
    )


def run(request: Request) -> int:
    """Print what the logs say; the exit code is that of the worst: 1 for a cause, 3 for a log that decides nothing.

    One that cannot be read, or is no log, is a usage error, and the others are still explained; of a directory what is
    no log is left out.
    """
    logs: list[ExplainedLog] = []
    codes = [0]
    for name in log_files.named(request.logs):
        found = [log for path in log_files.below(name) if (log := _explained(path, codes)) is not None]
        kept = [log for log in found if log.kind is not LogKind.UNKNOWN] if os.path.isdir(name) else found
        if len(kept) < len(found):
            say(f"{name}: {count(len(found) - len(kept), 'file')} left out that are no logs of a boot or an agent")
        if not kept and len(codes) == 1:
            say(f"there is no log in {name}")
            codes.append(EXIT_USAGE)
        logs += kept
    codes += [exit_code(log, request.fail_on) for log in logs]
    write(request.path, _rendered(request, tuple(logs)))
    return worst(codes)


def _explained(path: str, codes: list[int]) -> Optional[ExplainedLog]:
    """What a log says; None, and the code of a usage error, for one that cannot be read or is none."""
    try:
        log = log_inputs.explained(path)
    except (OSError, UsageError) as error:
        say(f"cannot read {path}: {error.strerror or error}" if isinstance(error, OSError) else str(error))
        codes.append(EXIT_USAGE)
        return None
    if log.has_report:
        say(f"{log.file} has a report in it, which says more: azpreflight decode {log.file}")
    return log


def _rendered(request: Request, logs: tuple[ExplainedLog, ...]) -> str:
    if request.format == "text":
        return render.render(logs, verbose=request.verbose, quiet=request.quiet, width=widths(request.path))
    if request.format == "html":
        from azpreflight.render.html import explained as html

        return html.render(logs)
    if request.format == "junit":
        return render.render_junit(logs, request.fail_on)
    return render.render_json(logs) if request.format == "json" else render.render_lines(logs)
