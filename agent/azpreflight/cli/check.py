"""`azpreflight check`: look, judge, print."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Optional

from azpreflight.cli import options, values
from azpreflight.cli.inspecting import look, needed, of_files
from azpreflight.cli.judging import deliver, known, passes
from azpreflight.cli.options import Asking, Judging, Output
from azpreflight.cli.output import failure
from azpreflight.cli.snapshots import saved
from azpreflight.dataclass import dataclass
from azpreflight.model import Gathered, Probe, Snapshot
from azpreflight.model.errors import UsageError
from azpreflight.probes import PROBES, with_needs
from azpreflight.render import json
from azpreflight.sinks.stderr import say

IMAGE_PROBES = ("generalization",)
"""Probes of what the agents change in their first seconds."""
PAUSE_S = 2.0
"""Seconds between two looks of `--wait`."""


@dataclass(frozen=True)
class Request:
    """What is asked."""

    asking: Asking
    judging: Judging
    output: Output
    files: bool
    """Inspect files only."""
    wait: float
    """Seconds within which the check is repeated until nothing is wrong; 0: once."""
    as_captured: Optional[str]
    """The file with what the image was like before the agents ran."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of every inspection, and what the image is judged by."""
    options.add_asking(parser)
    options.add_judging(parser)
    options.add_output(parser)
    parser.add_argument(
        "--files",
        action="store_true",
        help="inspect files only, as on a mounted image; checks that need the running system or a network are left out",
    )
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=values.seconds,
        default=0.0,
        help="check again until nothing is wrong, at most for so long; the last report is printed",
    )
    parser.add_argument(
        "--as-captured",
        metavar="FILE",
        help="judge the image by what this file recorded before the agents ran; if the file does not exist yet, "
        "inspect the image first and save that there",
    )


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    shared = (options.asking(asked), options.judging(asked), options.output(asked))
    return Request(*shared, asked.files, asked.wait, asked.as_captured)


def run(request: Request) -> int:
    """Look, judge and print."""
    known(request.judging)
    image = None if request.as_captured is None else _as_captured(request, request.as_captured)
    probes = needed(request.judging.checks)
    kept = {name: image.probes[name] for name in IMAGE_PROBES if name in image.probes} if image is not None else {}
    ends = time.monotonic() + request.wait
    snapshot = _seen(request, probes, kept)
    while not passes(request.judging, snapshot) and time.monotonic() + PAUSE_S < ends:
        time.sleep(PAUSE_S)
        snapshot = _seen(request, probes, kept)
    return deliver(request.judging, request.output, snapshot)


def _seen(request: Request, probes: Sequence[Probe[Any]], kept: Mapping[str, Gathered]) -> Snapshot:
    """One look; what the image was like stays as it was."""
    snapshot = look(request.asking, of_files(probes) if request.files else probes, files_only=request.files)
    return replace(snapshot, probes={**snapshot.probes, **kept})


def _as_captured(request: Request, path: str) -> Optional[Snapshot]:
    """The snapshot in this file; where there is none, what the image is like now, which is saved there.

    None if the file is damaged: what the image was like cannot be known any more.
    """
    if os.path.isfile(path):
        try:
            return saved(path)
        except UsageError as error:
            say(f"the image is judged as it is now: {error}")
            return None
    if os.path.lexists(path) or path == "-":
        raise UsageError(f"--as-captured {path} is no file")
    image = look(request.asking, with_needs(set(IMAGE_PROBES), PROBES), files_only=request.files, tell=False)
    failed = failure(path, json.render_snapshot(image))
    if failed is not None:
        say(f"the next look will not know what this image was like: {failed}")
    return image
