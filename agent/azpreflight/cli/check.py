"""`azpreflight check`, `record` and `assess`: look, judge, print; or the one without the other."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Optional

from azpreflight.cli import question
from azpreflight.cli.output import failure, publish, write
from azpreflight.cli.progress import Progress
from azpreflight.config import similar
from azpreflight.engine import baseline
from azpreflight.engine.assess import exit_code, only
from azpreflight.engine.inspection.judging import judged
from azpreflight.model import Probe, Report, Severity, Snapshot
from azpreflight.model.codec import DecodeError
from azpreflight.model.errors import UsageError
from azpreflight.model.exit_codes import EXIT_BUG, EXIT_USAGE
from azpreflight.paths import STAMP
from azpreflight.probes import PROBES, with_needs
from azpreflight.render import json
from azpreflight.sinks.stderr import say

IMAGE_PROBES = ("generalization",)
"""Probes of what the agents change in their first seconds."""
SNAPSHOT_LIMIT = 256 << 20
"""Bytes of a saved snapshot; the dumps of the largest rule set that is inspected, as JSON, are less than half of it."""
BLIND = (
    "not root, so this cannot see firewall rules, password hashes, the files of root and of other users, the VM's id, "
    "or the wire server, which the agent's own rules keep for root; checks that need them are unknown"
)


def check(asked: argparse.Namespace) -> int:
    """Look, judge and print."""
    known(asked)
    image = None if asked.as_captured is None else _as_captured(asked, asked.as_captured)
    probes = needed(asked.only)
    snapshot = look(asked, _of_files(probes) if asked.files else probes, files_only=asked.files)
    if image is not None:
        kept = {name: image.probes[name] for name in IMAGE_PROBES if name in image.probes}
        snapshot = replace(snapshot, probes={**snapshot.probes, **kept})
    return deliver(asked, snapshot)


def _as_captured(asked: argparse.Namespace, path: str) -> Optional[Snapshot]:
    """The snapshot in this file; where there is none, what the image is like now, which is saved there.

    None if the file is damaged: what the image was like cannot be known any more.
    """
    if os.path.isfile(path):
        try:
            return _recorded(path)
        except UsageError as error:
            say(f"the image is judged as it is now: {error}")
            return None
    if os.path.lexists(path) or path == "-":
        raise UsageError(f"--as-captured {path} is no file")
    image = look(asked, with_needs(set(IMAGE_PROBES), PROBES), files_only=asked.files, tell=False)
    failed = failure(path, json.render_snapshot(image))
    if failed is not None:
        say(f"the next look will not know what this image was like: {failed}")
    return image


def record(asked: argparse.Namespace) -> int:
    """Look, and save what was seen."""
    snapshot = look(asked, PROBES)
    write(asked.output, json.render_snapshot(snapshot))
    bugs = [name for name, gathered in snapshot.probes.items() if gathered.traceback]
    return _bug(bugs) if bugs else 0


def assess(asked: argparse.Namespace) -> int:
    """Judge what was saved."""
    known(asked)
    return deliver(asked, _recorded(asked.file))


def _recorded(path: str) -> Snapshot:
    """The snapshot in a file, or on standard input for "-"."""
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
            content = file.read(SNAPSHOT_LIMIT + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    if len(content) > SNAPSHOT_LIMIT:
        raise UsageError(f"cannot read {path}: larger than {SNAPSHOT_LIMIT >> 20} MiB")
    try:
        return json.parse_snapshot(content.decode("utf-8", "replace"), PROBES)
    except DecodeError as error:
        raise UsageError(str(error)) from None


# --- looking and judging ------------------------------------------------------------------------------------------


def known(asked: argparse.Namespace) -> None:
    """UsageError for ids that do not exist, or that are both asked for and ignored."""
    ids = question.check_ids()
    for check_id in (*asked.only, *asked.ignore):
        if check_id not in ids:
            raise UsageError(f"no check {check_id}{similar(check_id, ids)}; azpreflight list shows them")
    for check_id in asked.only:
        if check_id in asked.ignore:
            raise UsageError(f"{check_id} is both asked for and ignored")


def needed(check_ids: Sequence[str]) -> tuple[Probe[Any], ...]:
    """The probes that these checks are judged by, and all that those need; all probes where no check is named."""
    if not check_ids:
        return PROBES
    pairs = [(probe, check) for probe in PROBES for check in probe.checks if check.id in check_ids]
    return with_needs({name for probe, check in pairs for name in (probe.name, *check.reads)}, PROBES)


def _of_files(probes: Sequence[Probe[Any]]) -> tuple[Probe[Any], ...]:
    """Those that files alone can decide something for, and all that they need."""
    named = {probe.name for probe in probes if any(check.offline for check in probe.checks)}
    return with_needs(named, PROBES)


def look(
    asked: argparse.Namespace, probes: Sequence[Probe[Any]], files_only: bool = False, tell: bool = True
) -> Snapshot:
    """What these probes see below the root that is asked for. `tell`: say what an ordinary user cannot see of it."""
    if tell and os.geteuid() != 0:
        say(BLIND)
    with Progress(sys.stderr, (probe.name for probe in probes)) as progress:
        return question.machine(asked, probes, files_only, progress.done)


def _judge(asked: argparse.Namespace, snapshot: Snapshot) -> Report:
    """The report on what is asked; a check that is asked for by name is not ignored."""
    ignored = dict.fromkeys((*snapshot.config.ignore, *asked.ignore))
    kept = tuple(check_id for check_id in ignored if check_id not in asked.only)
    report = judged(replace(snapshot, config=replace(snapshot.config, ignore=kept)), PROBES)
    return only(report, asked.only) if asked.only else report


# --- printing -----------------------------------------------------------------------------------------------------


def deliver(asked: argparse.Namespace, snapshot: Snapshot) -> int:
    """Put the report wherever it is wanted, and return the verdict's exit code."""
    if snapshot.stamp is not None and baseline.parse(snapshot.stamp) is None:
        say(f"{STAMP} is damaged: this VM is not compared with what its image was when it was sealed")
    report = _judge(asked, snapshot)
    whole = publish(asked, report)
    bugs = [result.check for result in report.results if result.traceback]
    if bugs:
        return _bug(bugs)
    fail_on = Severity(asked.fail_on) if asked.fail_on else snapshot.config.fail_on or Severity.ERROR
    return exit_code(report, fail_on) if whole else EXIT_USAGE


def _bug(where: Iterable[str]) -> int:
    say(f"a bug in azpreflight: {', '.join(where)}; the JSON has the traceback, please report it")
    return EXIT_BUG
