"""`azpreflight seal`: look, refuse or go on, act, look again, forget, say. The exit code is 0, 4 or 5."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterable, Iterator

from azpreflight.cli import options, values
from azpreflight.cli.options import Output
from azpreflight.cli.output import publish, rendered
from azpreflight.dataclass import dataclass
from azpreflight.host import HostError, LocalHost, mutations
from azpreflight.host.local import RUN_BUDGET
from azpreflight.model import Report, Severity, Stage
from azpreflight.paths import SEAL_LOCK, STAMP
from azpreflight.render import json, serial
from azpreflight.seal import preconditions, settings, stamp, standing, steps
from azpreflight.seal.inspection import Asked, Prepared, look_again, prepare
from azpreflight.seal.plan import Plan
from azpreflight.sinks.errors import SinkError
from azpreflight.sinks.stdout import write_stdout
from azpreflight.text import printable

EXIT_REFUSED = 4
EXIT_NOT_VERIFIED = 5
REFUSED = "refused, and nothing was changed"
SEALED = "sealed: this machine may be captured; do not start it again before that"
NOT_VERIFIED = "changed, and not verified: do not capture this machine"


@dataclass(frozen=True)
class Request:
    """What is asked."""

    sure: bool
    """Change the machine; otherwise say only what would be changed."""
    asked: Asked
    output: Output


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is done, how it is judged, and where the report goes."""
    parser.description = """\
Make this machine fit to be captured, as root and in one process that outlives its
session: inspect first, and refuse where something is wrong that seal does not fix;
then cloud-init clean, waagent -force -deprovision+user, and what neither removes;
then verify every effect. Afterwards nobody can log in.
"""
    group = parser.add_argument_group("what is done")
    sure = group.add_mutually_exclusive_group()
    sure.add_argument("--yes", action="store_true", help="change this machine")
    sure.add_argument(
        "--dry-run", action="store_true", help="print every path that would be removed, and change nothing (default)"
    )
    group.add_argument("--platform", choices=options.PLATFORMS, default="auto", help="default: auto")
    group.add_argument("--timeout", metavar="SECONDS", type=values.seconds, help="for the inspection (default: 10)")
    options.add_config(group)
    judging = parser.add_argument_group("how it is judged")
    options.add_ignore(judging)
    options.add_fail_on(judging)
    options.add_output(parser, values.absolute)


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    inspected = Asked(
        platform=options.platform(asked),
        timeout=asked.timeout,
        config=asked.config,
        ignore=tuple(asked.ignore),
        fail_on=options.fail_on(asked),
    )
    return Request(asked.yes, inspected, options.output(asked))


def run(request: Request) -> int:
    """Make this machine fit to be captured, and prove it."""
    dry_run = not request.sure
    if os.geteuid() == 0 and not dry_run:
        try:
            lock = mutations.lock(SEAL_LOCK)
        except HostError as error:
            return _refuse([str(error)])
        if lock is None:
            return _refuse(["another seal is at work"])
    prepared = prepare(request.asked)
    report = prepared.report(Stage.BUILD)
    planned = steps.planned(prepared)
    host = LocalHost(budget=RUN_BUDGET + preconditions.STATUS_TIMEOUT)
    against = [
        *preconditions.busy(host, prepared.agents),
        *preconditions.harm(host, prepared),
        *preconditions.objections(report, prepared.fail_on, (*prepared.fixes, *preconditions.SELF_MENDED)),
        *((planned.objection,) if planned.objection is not None else ()),
    ]
    if dry_run:
        _print("".join(f"{line}\n" for line in plan(prepared, planned)))
    if against:
        return _refuse(against)
    return 0 if dry_run else _seal(request.output, prepared, report)


def plan(prepared: Prepared, planned: Plan) -> Iterator[str]:
    """What would be done, one line a step, by what is there now, with every path and the account."""
    agents = prepared.agents
    for program in steps.agent_commands(agents) if agents is not None else ():
        yield f"run {' '.join(program)}"
    if agents is not None and agents.waagent.installed and agents.waagent.config is not None:
        yield from (f"  waagent empties {directory}" for directory in settings.emptied(agents.waagent.config))
    if prepared.user is not None:
        yield f"delete the user {prepared.user}{steps.described(prepared)} if waagent does not"
    for change in planned.changes:
        yield f"{change.verb.value} {change.path}"
    yield from planned.kept
    yield f"  files and directories that this removes or empties: {planned.entries}"
    yield "look at every effect"
    for path in steps.OWN_TRACES:
        yield f"remove {path}"
    yield f"write {STAMP}"


def _seal(output: Output, prepared: Prepared, before: Report) -> int:
    """Everything from the first change on; only what is proven is called sealed, a bug of our own included."""
    try:
        whole = standing.look(_host())
        stamp.remember(prepared.user)
    except (HostError, SinkError) as error:
        return _refuse([str(error)])
    sealed = False
    try:
        _arm(output, before, prepared.fail_on)
        steps.run_agents(prepared, _say)
        steps.delete_user(prepared, look_again(prepared), _say)
        steps.mend(look_again(prepared), _say)
        report, left = _verified(prepared, whole)
        if not left:
            steps.forget(_say)
            report, left = _verified(prepared, whole)  # so that nothing is told that is gone
        sealed = not left
        if sealed:
            _stamp(report)
        mutations.to_disk()
        publish(output, report, prepared.fail_on, _say)
        for objection in left:
            _say(f"  {objection}")
    finally:
        _say(SEALED if sealed else NOT_VERIFIED)
    return 0 if sealed else EXIT_NOT_VERIFIED


def _verified(prepared: Prepared, whole: standing.Standing) -> tuple[Report, tuple[str, ...]]:
    """What the machine is like now, and what speaks against capturing it: what is left, and what has gone."""
    report = look_again(prepared).report(Stage.CAPTURE)
    bugs = tuple(f"a bug in azpreflight: {result.check}" for result in report.results if result.traceback)
    return report, (*_lost(prepared, whole), *preconditions.objections(report, prepared.fail_on), *bugs)


def _lost(prepared: Prepared, whole: standing.Standing) -> tuple[str, ...]:
    """What has gone that must be there."""
    try:
        return tuple(standing.lost(whole, standing.look(_host()), prepared.user))
    except HostError as error:
        return (str(error),)


def _host() -> LocalHost:
    """The machine, with time for one look."""
    return LocalHost(budget=RUN_BUDGET)


def _stamp(report: Report) -> None:
    """The one thing that is left."""
    try:
        stamp.write_stamp(report)
    except (HostError, SinkError) as error:
        _say(str(error))


def _arm(output: Output, before: Report, fail_on: Severity) -> None:
    """Nothing that happens to the session may stop this half-way.

    The hang-up of a terminal and a Ctrl-C are ignored, by the programs that are run too. Everything that is needed to
    print a report is loaded now, because azpreflight itself may be in the home that is about to be deleted.
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    os.chdir("/")
    for place in output.places:
        rendered(output, place, before, fail_on)
    json.render(before)
    serial.render(before, None)


def _refuse(reasons: Iterable[str]) -> int:
    _say(REFUSED)
    for reason in reasons:
        _say(f"  {reason}")
    return EXIT_REFUSED


def _print(content: str) -> None:
    try:
        write_stdout(content)
    except SinkError as error:
        _say(str(error))


def _say(sentence: str) -> None:
    """Tell the person who watches; if nobody does any more, there is nowhere to say it from then on."""
    try:
        sys.stderr.write("".join(f"azpreflight: {printable(line)}\n" for line in sentence.splitlines()))
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
