"""Measure how long the probe takes for real initramfs images: `python -m tests.bench.initramfs [RUNS]`.

The images are those of Debian's kernel for all machines, made by initramfs-tools (MODULES=most) and by dracut for any
host, in each compression, with the Hyper-V drivers and without them: then every name has to be read. Making them takes
some minutes, once. Nothing is asserted; the minimum says what the program can do. Needs root.
"""

import sys
import time
from collections.abc import Sequence

from azpreflight.host import LocalHost
from azpreflight.probes.boot.drivers import AT_START
from azpreflight.probes.initramfs import modules
from tests.agents.test_boot import PACKAGES, PACKERS, kept
from tests.scratchroot import debian_tree

RUNS = 3
COMMON = 60e6
"""Bytes to which the times are scaled: a distribution's image with all drivers."""
PATIENCE_S = 60.0
"""Longer than the probe has, so that what is too slow is measured too."""
ROW = "{:16} {:6} {:8} {:>6} {:>8} {:>14}"


def main(arguments: "Sequence[str]") -> int:
    """Measure and print."""
    runs = int(arguments[0]) if arguments else RUNS
    print(ROW.format("initramfs by", "as", "drivers", "MB", "seconds", "s for 60 MB"))
    for tool, packages in PACKAGES.items():
        tree = debian_tree("bookworm", ("linux-image-amd64", *packages[1:]))
        (release,) = (path.name for path in (tree / "usr/lib/modules").iterdir())
        for compression in PACKERS:
            for with_drivers in (True, False):
                data = kept(tree, tool, compression, with_drivers).read_bytes()
                best = min(read(data, release) for _ in range(runs))
                figures = (f"{len(data) / 1e6:.1f}", f"{best:.2f}", f"{best * COMMON / len(data):.2f}")
                print(ROW.format(tool, compression, "there" if with_drivers else "missing", *figures), flush=True)
    return 0


def read(data: bytes, release: str) -> float:
    """Seconds until the probe knows which modules are in it."""
    host = LocalHost(budget=PATIENCE_S)
    began = time.monotonic()
    modules(data, lambda compression, rest: host.unpack(compression, rest, PATIENCE_S), release, AT_START)
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
