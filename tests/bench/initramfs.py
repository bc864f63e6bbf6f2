"""Measure how long the probe takes for real initramfs images: `python -m tests.bench.initramfs [RUNS]`.

The images are those of Debian's kernel for all machines, made by initramfs-tools (MODULES=most) and by dracut for any
host, in each compression, with the Hyper-V drivers and without them: then all that could hold them has to be read.
Making them takes some minutes, once. The column "alone" is the compression's own program on the whole of it, told to
use all processors where it can: nothing that reads to the end is faster. Nothing is asserted; the minimum says what the
program can do. Needs root.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

from azpreflight.guest.initramfs import AT_START, Unreadable, modules
from azpreflight.host import LocalHost
from tests.agents.packing import PACKAGES, PACKERS, kept
from tests.support.scratchroot import debian_tree

RUNS = 3
COMMON = 60e6
"""Bytes to which the times are scaled: a distribution's image with all drivers."""
PATIENCE_S = 60.0
"""Longer than the probe has, so that what is too slow is measured too."""
PROGRAMS = {
    "gzip": ("gzip", "-dc"),
    "xz": ("xz", "-dcT0"),
    "lzma": ("xz", "--format=lzma", "-dc"),
    "bzip2": ("bzip2", "-dc"),
    "zstd": ("zstd", "-dc"),
    "lz4": ("lz4", "-dc"),
}
ROW = "{:16} {:6} {:8} {:>6} {:>9} {:>8} {:>8} {:>14}"
HEAD = ("initramfs by", "as", "drivers", "MB", "unfolded", "alone s", "ours s", "s for 60 MB")


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    runs = int(arguments[0]) if arguments else RUNS
    print(ROW.format(*HEAD))
    for tool, packages in PACKAGES.items():
        tree = debian_tree("bookworm", ("linux-image-amd64", *packages[1:]))
        (release,) = (path.name for path in (tree / "usr/lib/modules").iterdir())
        for compression in PACKERS:
            for with_drivers in (True, False):
                data = kept(tree, tool, compression, with_drivers).read_bytes()
                drivers = "there" if with_drivers else "missing"
                print(ROW.format(tool, compression, drivers, *measured(data, release, runs)), flush=True)
    return 0


def measured(data: bytes, release: str, runs: int) -> Iterator[str]:
    """The figures of a row; both times are of the same minute, so that their ratio holds on a busy machine too."""
    packed_as, rest = compressed(data, release)
    unfolded = len(data) - len(rest) + sum(map(len, LocalHost().unpack(packed_as, rest, PATIENCE_S)))
    pairs = [(alone(packed_as, rest), read(data, release)) for _ in range(runs)]
    ours = min(second for _, second in pairs)
    yield from (f"{len(data) / 1e6:.1f}", f"{unfolded / 1e6:.0f}")
    yield from (f"{min(first for first, _ in pairs):.2f}", f"{ours:.2f}", f"{ours * COMMON / len(data):.2f}")


def compressed(data: bytes, release: str) -> tuple[str, memoryview]:
    """How the compressed part is compressed, and that part."""
    asked: list[tuple[str, memoryview]] = []

    def note(compression: str, rest: memoryview) -> Iterator[bytes]:
        asked.append((compression, rest))
        return iter(())

    with suppress(Unreadable):
        modules(data, note, release, AT_START)
    return asked[0]


def alone(compression: str, packed: memoryview) -> float:
    """Seconds that the compression's own program takes to unfold it into nothing."""
    with tempfile.TemporaryFile() as file:
        file.write(packed)
        file.seek(0)
        began = time.monotonic()
        subprocess.run(PROGRAMS[compression], stdin=file, stdout=subprocess.DEVNULL, check=True, timeout=PATIENCE_S)
        return time.monotonic() - began


def read(data: bytes, release: str) -> float:
    """Seconds until the probe knows which modules are in it."""
    host = LocalHost(budget=PATIENCE_S)
    began = time.monotonic()
    modules(data, lambda compression, rest: host.unpack(compression, rest, PATIENCE_S), release, AT_START)
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
