"""`azpreflight image`: the checks of a disk that is a file, mounted for this run alone."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Optional

from azpreflight.cli import options, values
from azpreflight.cli.inspecting import below, budget, configured, needed, unseen
from azpreflight.cli.judging import deliver, known
from azpreflight.cli.options import Asking, Judging, Output
from azpreflight.dataclass import dataclass
from azpreflight.engine.inspection import Question, Takes, Tell, inspect
from azpreflight.host import HostError
from azpreflight.host.clock import Clock
from azpreflight.host.disk import raw
from azpreflight.host.disk.mount_point import mount_point
from azpreflight.host.disk.mounted import opened
from azpreflight.host.disk.types import Layout, Table
from azpreflight.host.local import RUN_BUDGET
from azpreflight.model import Probe
from azpreflight.model.errors import UsageError
from azpreflight.probes import image as subject
from azpreflight.sinks.stderr import say

NOTHING = "it has no partition table, no boot code and no filesystem that is known"
NOWHERE = os.devnull
"""A root without a file in it."""
ABROAD = "; or mount it elsewhere, read-only, and use check --root"


@dataclass(frozen=True)
class Request:
    """What is asked."""

    path: str
    """Of the image."""
    asking: Asking
    judging: Judging
    output: Output


def add_options(parser: argparse.ArgumentParser) -> None:
    """The image, and those of every inspection but the root."""
    parser.description = """\
Inspect a disk image file before it is uploaded: its footer, size and partitions, and
its filesystems, mounted read-only in a private namespace, as check --root does. The
file is not changed. Mounting needs root and a loop device; a qcow2 is unpacked with
qemu-img below TMPDIR (default: /var/tmp) first.
"""
    parser.add_argument("file", metavar="FILE", type=values.absolute, help="raw, fixed or dynamic VHD, or qcow2")
    options.add_asking(parser, root=False)
    options.add_judging(parser)
    options.add_output(parser)


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request(asked.file, options.asking(asked), options.judging(asked), options.output(asked))


def run(request: Request) -> int:
    """Open, look, judge and print."""
    known(request.judging)
    probes = needed(request.judging.checks)
    asking = replace(request.asking, root=os.path.abspath(request.path))
    with mount_point() as place:
        snapshot = inspect(partial(question, asking, probes, place), probes, budget(asking), unseen(asking))
    return deliver(request.judging, request.output, snapshot)


def holds_nothing(layout: Optional[Layout]) -> bool:
    """A file of something else: nothing in it is known. None: it could not be read, which is another matter."""
    if layout is None or layout.table is not Table.NONE or layout.damage is not None or layout.boot_code:
        return False
    return all(volume.kind is None for volume in layout.volumes)


@contextmanager
def question(
    asking: Asking, probes: Sequence[Probe[Any]], place: Optional[str], spent: float, tell: Tell
) -> Iterator[Question]:
    """Everything, or what is known of the file itself where its root filesystem is not mounted; made in the child.

    The root of `asking` is the image's path.
    """
    config = configured(asking, budget(asking) - spent)
    clock = Clock((asking.timeout or config.timeout or RUN_BUDGET) - spent)

    def takes(seconds: float) -> None:
        """Unpacking is given its own time, unless the caller has said how long everything may take."""
        if asking.timeout is None:
            clock.stop()
            tell(Takes(seconds + clock.left()))

    with ExitStack() as stack:
        try:
            found = stack.enter_context(opened(asking.root, place, clock, takes, say))
        except HostError as error:
            raise UsageError(f"cannot look into {asking.root}: {error}") from None
        if holds_nothing(found.disk.layout):
            raise UsageError(f"cannot look into {asking.root}: it is no disk: {NOTHING}")
        disk = found.disk if found.root is not None else replace(found.disk, error=f"{found.disk.error}{ABROAD}")
        host, run = below(replace(asking, root=found.root or NOWHERE), config, clock.left(), disk)
        repeatable = disk.format not in raw.DRIVERS
        if found.root is not None:
            yield Question(host, run, probes, repeatable=repeatable)
        else:
            yield Question(host, run, [subject.PROBE], disk.error, repeatable)
