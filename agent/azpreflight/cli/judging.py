"""Judging what was inspected, and delivering the report: what check, assess and image have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from azpreflight.cli.inspecting import check_ids
from azpreflight.cli.options import Judging, Output
from azpreflight.cli.output import publish
from azpreflight.config import similar
from azpreflight.engine import baseline
from azpreflight.engine.assess import exit_code, only
from azpreflight.engine.inspection.judging import judged
from azpreflight.model import Report, Severity, Snapshot
from azpreflight.model.errors import UsageError
from azpreflight.model.exit_codes import EXIT_BUG, EXIT_USAGE
from azpreflight.paths import STAMP
from azpreflight.probes import PROBES
from azpreflight.sinks.stderr import say


def known(judging: Judging) -> None:
    """UsageError for ids that do not exist, or that are both asked for and ignored."""
    ids = check_ids()
    for check_id in (*judging.only, *judging.ignore):
        if check_id not in ids:
            raise UsageError(f"no check {check_id}{similar(check_id, ids)}; azpreflight list shows them")
    for check_id in judging.only:
        if check_id in judging.ignore:
            raise UsageError(f"{check_id} is both asked for and ignored")


def deliver(judging: Judging, output: Output, snapshot: Snapshot) -> int:
    """Put the report wherever it is wanted, and return the verdict's exit code."""
    if snapshot.stamp is not None and baseline.parse(snapshot.stamp) is None:
        say(f"{STAMP} is damaged: this VM is not compared with what its image was when it was sealed")
    report = _judge(judging, snapshot)
    whole = publish(output, report)
    bugs = [result.check for result in report.results if result.traceback]
    if bugs:
        return bug(bugs)
    fail_on = judging.fail_on or snapshot.config.fail_on or Severity.ERROR
    return exit_code(report, fail_on) if whole else EXIT_USAGE


def _judge(judging: Judging, snapshot: Snapshot) -> Report:
    """The report on what is asked; a check that is asked for by name is not ignored."""
    ignored = dict.fromkeys((*snapshot.config.ignore, *judging.ignore))
    kept = tuple(check_id for check_id in ignored if check_id not in judging.only)
    report = judged(replace(snapshot, config=replace(snapshot.config, ignore=kept)), PROBES)
    return only(report, judging.only) if judging.only else report


def bug(where: Iterable[str]) -> int:
    """Say where azpreflight itself failed, and return the exit code of that."""
    say(f"a bug in azpreflight: {', '.join(where)}; the JSON has the traceback, please report it")
    return EXIT_BUG
