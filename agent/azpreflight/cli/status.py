"""`azpreflight status`: what the daemon has said last on this machine, and whether it still watches."""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict
from typing import Optional

from azpreflight.cli import options, values
from azpreflight.cli.reports import saved
from azpreflight.dataclass import dataclass
from azpreflight.engine.assess import exit_code
from azpreflight.host import HostError, LocalHost
from azpreflight.model import Readiness, Report, Severity
from azpreflight.model.errors import UsageError
from azpreflight.model.exit_codes import EXIT_UNDECIDED
from azpreflight.paths import REPORT
from azpreflight.render import arrangement
from azpreflight.sinks.stdout import write_stdout
from azpreflight.text import printable

SCHEMA = "azpreflight.status/1"
UNIT = "azpreflight.service"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
POLL_S = 1.0
"""Seconds between two looks while it waits."""
CALL_S = 5.0
"""Seconds for systemctl and a file."""


@dataclass(frozen=True)
class Request:
    """What is asked."""

    path: str
    """Of the daemon's report."""
    wait: float
    """Seconds until the answer is given whatever it is."""
    fail_on: Severity
    format: str


@dataclass(frozen=True)
class Status:
    """The answer."""

    watching: bool
    """The daemon is at work: another verdict may follow."""
    verdict: Optional[str]
    """ready, not-ready or undecided; None: there is no report of this boot."""
    summary: str
    reported_at: Optional[str]
    report: str
    """The file."""

    @property
    def final(self) -> bool:
        """Waiting longer changes nothing."""
        return self.verdict == Readiness.READY.value or not self.watching


def add_options(parser: argparse.ArgumentParser) -> None:
    """How long it may take, how it is judged, and the form."""
    parser.description = """\
Print the verdict of the daemon, which watches a first boot, and whether it still does.
With --wait, when provisioning has succeeded or the watch has ended. The exit code is
that of the report, 3 where there is none of this boot. azpreflight show prints all of
the report.
"""
    parser.add_argument(
        "file", metavar="FILE", nargs="?", default=REPORT, help=f"the daemon's report (default: {REPORT})"
    )
    parser.add_argument(
        "--wait", metavar="SECONDS", type=values.seconds, default=0.0, help="wait at most so long for a final verdict"
    )
    options.add_fail_on(parser.add_argument_group("how it is judged"))
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request(asked.file, asked.wait, options.fail_on(asked) or Severity.ERROR, asked.format)


def run(request: Request) -> int:
    """Look, again while it is to wait, and print."""
    ends = time.monotonic() + request.wait
    report, status = _look(request.path)
    while not status.final and time.monotonic() < ends:
        time.sleep(min(POLL_S, max(ends - time.monotonic(), 0)))
        report, status = _look(request.path)
    write_stdout(_as_json(status) if request.format == "json" else _as_text(status))
    return EXIT_UNDECIDED if report is None else exit_code(report, request.fail_on)


def _look(path: str) -> tuple[Optional[Report], Status]:
    """The report of this boot, and what is said of it."""
    host = LocalHost(budget=2 * CALL_S)
    watching = _watching(host)
    if not os.path.lexists(path):
        said = "the daemon has not reported on this machine yet" if watching else "the daemon has not reported here"
        return None, Status(watching, None, said, None, path)
    report = saved(path)
    if report.run.boot_id is not None and report.run.boot_id != _boot(host):
        said = "the daemon's last report is of an earlier boot; azpreflight show prints it"
        return None, Status(watching, None, said, report.run.started_at, path)
    verdict = arrangement.verdict_sentence(report)
    return report, Status(watching, report.verdict.value, verdict, report.run.started_at, path)


def _watching(host: LocalHost) -> bool:
    try:
        done = host.run(("systemctl", "is-active", UNIT), CALL_S)
    except HostError:
        return False
    return done.stdout.strip() in ("active", "activating")


def _boot(host: LocalHost) -> str:
    try:
        return (host.text(BOOT_ID) or "").strip()
    except HostError as error:
        raise UsageError(str(error)) from None


def _as_text(status: Status) -> str:
    word = status.verdict.upper().replace("-", " ") if status.verdict is not None else "NO REPORT"
    lines = [f"{word}: {printable(status.summary)}"]
    if status.reported_at is not None:
        lines.append(f"reported at {printable(status.reported_at)}, in {status.report}")
    lines.append("the daemon still watches this boot" if status.watching else "the daemon does not watch any more")
    return "\n".join(lines) + "\n"


def _as_json(status: Status) -> str:
    return json.dumps({"schema": SCHEMA, **asdict(status), "final": status.final}, indent=2) + "\n"
