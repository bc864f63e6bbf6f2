"""Judging what was inspected, and delivering the report: what check, assess and image have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from azpreflight.cli.options import Judging, Output
from azpreflight.cli.output import publish
from azpreflight.engine import baseline
from azpreflight.engine.assess import exit_code, only, warned
from azpreflight.engine.inspection.judging import judged
from azpreflight.model import Report, Severity, Snapshot
from azpreflight.model.exit_codes import EXIT_BUG
from azpreflight.paths import STAMP
from azpreflight.probes import PROBES
from azpreflight.sinks.stderr import say


def known(judging: Judging) -> None:
    """UsageError for words that stand for no check, or that are both asked for and ignored."""
    judging.checks.refuse_unknown(PROBES)


def deliver(judging: Judging, output: Output, snapshot: Snapshot) -> int:
    """Put the report wherever it is wanted, and return the verdict's exit code."""
    if snapshot.stamp is not None and baseline.parse(snapshot.stamp) is None:
        say(f"{STAMP} is damaged: this VM is not compared with what its image was when it was sealed")
    fail_on = judging.fail_on or snapshot.config.fail_on or Severity.ERROR
    report = judge(judging, snapshot)
    code = finish(report, fail_on, output)
    return judging.exit_warning if code == 0 and judging.exit_warning is not None and warned(report) else code


def passes(judging: Judging, snapshot: Snapshot) -> bool:
    """Whether the exit code would be 0."""
    fail_on = judging.fail_on or snapshot.config.fail_on or Severity.ERROR
    return exit_code(judge(judging, snapshot), fail_on) == 0


def finish(report: Report, fail_on: Severity, output: Output) -> int:
    """Put a report wherever it is wanted, and return the exit code: that of its verdict, or of what was not written."""
    unwritten = publish(output, report, fail_on)
    code = _exit_code(report, fail_on)
    if "nagios" in output.formats:
        return _of_plugin(report, fail_on, not unwritten)
    return code if code == EXIT_BUG else unwritten or code


def _exit_code(report: Report, fail_on: Severity) -> int:
    """As the contract says; a bug is told."""
    bugs = [result.check for result in report.results if result.traceback]
    return bug(bugs) if bugs else exit_code(report, fail_on)


def _of_plugin(report: Report, fail_on: Severity, whole: bool) -> int:
    """As monitoring expects it of its plugins."""
    from azpreflight.render import nagios

    return int(nagios.state(report, fail_on) if whole else nagios.State.UNKNOWN)


def judge(judging: Judging, snapshot: Snapshot) -> Report:
    """The report on what is asked; a check that is asked for by name is not ignored."""
    checks, config = judging.checks, snapshot.config
    checks.refuse_undefined(PROBES, config)
    ignored = checks.ignored(PROBES, config)
    report = judged(replace(snapshot, config=replace(config, ignore=ignored)), PROBES)
    return only(report, checks.asked(PROBES, config)) if checks.only else report


def bug(where: Iterable[str]) -> int:
    """Say where azpreflight itself failed, and return the exit code of that."""
    say(f"a bug in azpreflight: {', '.join(where)}; the JSON has the traceback, please report it")
    return EXIT_BUG
