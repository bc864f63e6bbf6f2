"""`azpreflight fleet`: what the logs and reports of many machines have in common."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Iterator
from typing import Optional, Union

from azpreflight.cli import log_files, options
from azpreflight.cli.counting import Counting
from azpreflight.cli.output import mode_of, write
from azpreflight.cli.terminal import widths
from azpreflight.dataclass import dataclass
from azpreflight.engine.fleet import Fleet
from azpreflight.engine.tally import NAMED_MOST, UNREAD
from azpreflight.fleet import arm, local, pool, storage
from azpreflight.fleet import run as reading
from azpreflight.fleet.item import Item
from azpreflight.fleet.run import Engine
from azpreflight.fleet.store import Store
from azpreflight.model import Severity
from azpreflight.model.errors import UsageError
from azpreflight.model.exit_codes import EXIT_USAGE, worst
from azpreflight.render import fleet as render
from azpreflight.render import fleet_rows
from azpreflight.sinks.stderr import say

FORMATS = ("text", "json", "jsonl", "html", "csv", "parquet")
SUFFIXES = {".parquet": "parquet", ".csv": "csv"}
"""Of a file, which say what is written to it where nothing else does."""


@dataclass(frozen=True)
class Request:
    """What is asked."""

    logs: tuple[str, ...]
    """Paths of files and directories, patterns, and URLs of storage; - is standard input."""
    scopes: tuple[arm.Scope, ...]
    """Machines whose logs Azure is asked for."""
    engine: Engine
    state: Optional[str]
    """The file that a later run goes on from."""
    fail_on: Severity
    path: Optional[str]
    """The file for the output; None: standard output."""
    format: str
    quiet: bool
    verbose: bool


def add_options(parser: argparse.ArgumentParser) -> None:
    """The logs, who reads them, how the machines are judged, and where the output goes."""
    parser.description = """\
Read the boot diagnostics logs, or the saved reports, of many machines, and print each
cause once, with the machines that have it, what they have in common that the healthy
ones do not, and how to fix them. Of each machine its newest report counts, also where
there are several logs of it. Logs in storage (az://...) and those that Azure manages
(--subscription) need the libraries of azpreflight[fleet].
"""
    parser.add_argument(
        "log",
        metavar="LOG",
        nargs="*",
        help="a log as for decode, a JSON report, its JSON lines, or a directory: all logs in it and below it; a URL "
        "such as az://bootdiagnostics-*/; - reads standard input",
    )
    azure = parser.add_argument_group("which logs are fetched from Azure")
    azure.add_argument(
        "--subscription",
        metavar="ID",
        action="append",
        default=[],
        help="of all its machines and scale sets; repeatable",
    )
    azure.add_argument("--resource-group", metavar="NAME", help="only of this group of the subscription")
    azure.add_argument(
        "--arm", metavar="URL", default=arm.PUBLIC, help=f"Azure Resource Manager (default: {arm.PUBLIC})"
    )
    work = parser.add_argument_group("who reads them")
    work.add_argument("--jobs", metavar="N", type=_jobs, help="processes (default: one for each processor)")
    work.add_argument("--engine", choices=("local", "dask"), default="local", help="default: local")
    work.add_argument("--scheduler", metavar="ADDRESS", help="of the Dask cluster, such as tcp://10.0.0.4:8786")
    work.add_argument("--state", metavar="FILE", help="keep what is known in this file, and read only what is new")
    options.add_fail_on(parser.add_argument_group("how each machine is judged"))
    group = options.add_file(parser, "the output")
    group.add_argument("--format", choices=FORMATS, help="default: text; parquet and csv by the name of the file")
    amount = group.add_mutually_exclusive_group()
    amount.add_argument("-q", "--quiet", action="store_true", help="how many are ready, and no more (text)")
    amount.add_argument("-v", "--verbose", action="store_true", help="every machine by name, the ready ones too (text)")


def request(asked: argparse.Namespace) -> Request:
    """What is asked. UsageError for what contradicts itself."""
    if not asked.log and not asked.subscription:
        raise UsageError("name a log, a directory, a URL or a --subscription")
    if asked.resource_group and len(asked.subscription) != 1:
        raise UsageError("--resource-group is of one --subscription")
    if (asked.engine == "dask") != bool(asked.scheduler):
        raise UsageError("--engine dask and --scheduler ADDRESS go together")
    chosen = asked.format or next(
        (kind for end, kind in SUFFIXES.items() if (asked.output or "").endswith(end)), "text"
    )
    if chosen == "parquet" and asked.output is None:
        raise UsageError("--format parquet needs a file: -o FILE")
    return Request(
        logs=tuple(asked.log),
        scopes=tuple(
            arm.Scope(one, asked.resource_group, asked.arm, stamps=asked.state is not None)
            for one in asked.subscription
        ),
        engine=Engine(asked.jobs or pool.processors(), asked.scheduler),
        state=asked.state,
        fail_on=options.fail_on(asked) or Severity.ERROR,
        path=asked.output,
        format=chosen,
        quiet=asked.quiet,
        verbose=asked.verbose,
    )


def _jobs(text: str) -> int:
    """A number of processes."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!a} is not a number of processes from 1 to 1024")
    return int(text)


def run(request: Request) -> int:
    """Print the fleet; the exit code is that of the worst machine, 3 for one without a report.

    A log that cannot be read is a usage error, and the others still count.
    """
    codes: list[int] = []
    now = datetime.datetime.now(datetime.timezone.utc)
    with Store(request.state) as store:
        with Counting(sys.stderr) as counting:
            streams = (one for name in request.logs if local.is_stream(name) for one in local.found(name))
            reading.read(streams, store, Engine(1), now, counting.tell)
            reading.read(_items(request, codes), store, request.engine, now, counting.tell)
            store.keep()
        every = request.format == "html" or (request.verbose and request.format == "text")
        found = store.fleet(now, request.fail_on, None if every else NAMED_MOST)
        _write(request, found)
        unread = found.tally.verdicts.get(UNREAD, 0)
        if unread:
            say(f"{unread} of the logs could not be read; they are listed as unread, with the reason")
    return worst([*codes, *found.codes])


def _items(request: Request, codes: list[int]) -> Iterator[Item]:
    """All logs that are meant; a place without any is a mistake."""
    for name in request.logs:
        if storage.is_url(name):
            yield from _some(name, storage.found(name), codes)
        elif not local.is_stream(name):
            for path in log_files.named([name]):
                yield from _some(path, local.found(path), codes)
    for scope in request.scopes:
        yield from _some(scope.group or scope.subscription, arm.found(scope), codes)


def _some(name: str, items: Iterator[Item], codes: list[int]) -> Iterator[Item]:
    empty = True
    for item in items:
        empty = False
        yield item
    if empty:
        say(f"there is no log in {name}")
        codes.append(EXIT_USAGE)


def _write(request: Request, found: Fleet) -> None:
    if request.format == "parquet" and request.path is not None:
        from azpreflight.sinks.parquet import write_parquet

        write_parquet(request.path, fleet_rows.Row, fleet_rows.rows(found))
    else:
        write(request.path, _rendered(request, found), mode_of(request.format))


def _rendered(request: Request, found: Fleet) -> Union[str, Iterator[str]]:
    if request.format == "text":
        return render.render(found, verbose=request.verbose, quiet=request.quiet, width=widths(request.path))
    if request.format == "html":
        from azpreflight.render.html import fleet as html

        return html.render(found)
    renderers = {"json": render.render_json, "jsonl": render.render_lines, "csv": fleet_rows.render_csv}
    return renderers[request.format](found)
