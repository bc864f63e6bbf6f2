"""`azpreflight image`: the checks of a disk that is a file, mounted for this run alone."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Optional

from azpreflight.cli.check import deliver, known, needed
from azpreflight.cli.question import below, budget, configured, unseen
from azpreflight.engine.inspection import Question, Takes, Tell, inspect
from azpreflight.host import HostError
from azpreflight.host.clock import Clock
from azpreflight.host.disk import raw
from azpreflight.host.disk.mounted import mount_point, opened
from azpreflight.host.local import RUN_BUDGET
from azpreflight.model import Probe
from azpreflight.model.errors import UsageError
from azpreflight.probes import image as subject
from azpreflight.sinks.stderr import say

NOWHERE = os.devnull
"""A root without a file in it."""
ABROAD = "; or mount it elsewhere, read-only, and use check --root"


def image(asked: argparse.Namespace) -> int:
    """Open, look, judge and print."""
    known(asked)
    probes = needed(asked.only)
    run = unseen(asked, os.path.abspath(asked.file))
    with mount_point() as place:
        snapshot = inspect(partial(_question, asked, probes, place), probes, budget(asked), run)
    return deliver(asked, snapshot)


@contextmanager
def _question(
    asked: argparse.Namespace, probes: Sequence[Probe[Any]], place: Optional[str], spent: float, tell: Tell
) -> Iterator[Question]:
    """Everything, or what is known of the file itself where its root filesystem is not mounted; made in the child."""
    config = configured(asked, budget(asked) - spent)
    clock = Clock((asked.timeout or config.timeout or RUN_BUDGET) - spent)

    def takes(seconds: float) -> None:
        """Unpacking is given its own time, unless the caller has said how long everything may take."""
        if asked.timeout is None:
            clock.stop()
            tell(Takes(seconds + clock.left()))

    with ExitStack() as stack:
        try:
            found = stack.enter_context(opened(asked.file, place, clock, takes, say))
        except HostError as error:
            raise UsageError(f"cannot look into {asked.file}: {error}") from None
        asked.root = found.root or NOWHERE
        disk = found.disk if found.root is not None else replace(found.disk, error=f"{found.disk.error}{ABROAD}")
        host, run = below(asked, config, clock.left(), disk)
        repeatable = disk.format not in raw.DRIVERS
        if found.root is not None:
            yield Question(host, run, probes, repeatable=repeatable)
        else:
            yield Question(host, run, [subject.PROBE], disk.error, repeatable)
