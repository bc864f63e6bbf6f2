"""`azpreflight image`: the checks of a disk that is a file, mounted for this run alone."""

import argparse
import os
from dataclasses import replace

from azpreflight.commands.check import deliver, known, look, needed
from azpreflight.commands.words import say
from azpreflight.errors import UsageError
from azpreflight.host import HostError
from azpreflight.host.disk.opened import Opened, opened
from azpreflight.model import Gathered, Snapshot
from azpreflight.probes import image as subject

NOWHERE = os.devnull
"""A root without a file in it."""
ABROAD = "; or mount it elsewhere, read-only, and use check --root"


def image(asked: argparse.Namespace) -> int:
    """Open, look, judge and print."""
    known(asked)
    try:
        with opened(asked.file, say) as found:
            return deliver(asked, _look(asked, found))
    except HostError as error:
        raise UsageError(f"cannot look into {asked.file}: {error}") from None


def _look(asked: argparse.Namespace, found: Opened) -> Snapshot:
    """Everything, or what is known of the file itself where its root filesystem is not mounted."""
    probes = needed(asked.only)
    asked.root = found.root or NOWHERE
    if found.root is not None:
        return look(asked, probes, found.disk)
    disk = replace(found.disk, error=f"{found.disk.error}{ABROAD}")
    seen = look(asked, [subject.PROBE], disk)
    unseen = {probe.name: Gathered(None, disk.error) for probe in probes}
    return replace(seen, probes={**unseen, **seen.probes})
