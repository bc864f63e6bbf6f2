"""Whole processes that look at a Debian that does not run: as a tree, and as the disk that is made of it.

It has what Debian's own image for clouds has: both agents, a kernel and an initramfs, so that no probe is let off.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.agents.cloud import CLOUD
from tests.images.disks import Part, converted, disk
from tests.support.scratchroot import debian_tree

MIB = 1536
FOUND = (0, 1, 3)
"""Exit codes of a run that came to its end, whatever it says of the tree."""


@contextmanager
def programs() -> Iterator[Mapping[str, tuple[str, ...]]]:
    """Arguments of Python by what is measured; the tree is kept, the disk is not."""
    tree = debian_tree("bookworm", CLOUD)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        raw = disk(Path(folder, "disk.raw"), [Part(MIB, tree)])
        command = ("-m", "azpreflight")
        yield {
            "azpreflight check --root, a Debian tree": (*command, "check", "--root", str(tree)),
            "azpreflight image, its raw disk": (*command, "image", str(raw)),
            "azpreflight image, its qcow2": (*command, "image", str(converted(raw, "qcow2"))),
        }


def weigh(weigher: str, program: Sequence[str], ends: Sequence[int] = FOUND) -> tuple[float, float, float]:
    """Seconds, seconds of the processor, MiB. RuntimeError for a run that did not come to one of these ends."""
    command = [sys.executable, "-I", "-S", "-c", weigher, sys.executable, *program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    wall, cpu, peak, status = done.stderr.splitlines()[-1].split()
    if int(status) not in ends:
        raise RuntimeError(f"{' '.join(program)}: exit {status}\n{done.stdout}\n{done.stderr}")
    return float(wall), float(cpu), float(peak)
