"""Measure whether the package delays a boot: `python -m tests.bench.boottime [RUNS]`.

The same Debian 12 image boots in the emulator with and without the package, in turn, and systemd itself says when it
reached multi-user.target and what that waited for. Nothing is asserted: the minimum and the median say what the package
costs, and the critical chain must not name it. Needs root, as the boots of the tests do.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.netns.certificates import certificates
from tests.qemu.boot import Boot, boot
from tests.qemu.image import RIGHT, Image, build
from tests.qemu.watching import BOOT_TIMEOUT, until
from tests.support.built import build_deb

RUNS = 5
TARGET = "multi-user.target"
REACHED = f"systemctl show --property=ActiveEnterTimestampMonotonic --value {TARGET}"
BEGAN = "systemctl show --property=UserspaceTimestampMonotonic --value"
"""Microseconds since the kernel's start."""
SERVICE = "azpreflight"
ROW = "{:<18}" + "{:>8}" * 3 + "   {}"


@dataclass(frozen=True)
class Boots:
    """How one boot went."""

    target_s: float
    """Seconds of userspace until multi-user.target."""
    chain: str
    """What that waited for, as `systemd-analyze critical-chain` prints it."""


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    runs = int(arguments[0]) if arguments else RUNS
    with tempfile.TemporaryDirectory() as folder:
        deb, authority = build_deb(Path(folder)), certificates()["authority"]
        images = {
            "without": build(replace(RIGHT, package=False), authority, deb),
            "with the package": build(RIGHT, authority, deb),
        }
    boots: dict[str, list[Boots]] = {name: [] for name in images}
    for _ in range(runs):
        for name, image in images.items():
            boots[name].append(measure(image))
    print(f"{runs} boots each, in turn; seconds of userspace until {TARGET}\n")
    print(ROW.format("", "min", "median", "max", ""))
    for name, ones in boots.items():
        times = [one.target_s for one in ones]
        columns = [f"{one:.2f}" for one in (min(times), statistics.median(times), max(times))]
        print(ROW.format(name, *columns, " ".join(f"{one:.2f}" for one in times)))
    for name, ones in boots.items():
        quickest = min(ones, key=lambda one: one.target_s)
        print(f"\n{name}: critical chain of the quickest boot\n{quickest.chain}")
    named = sum(SERVICE in one.chain for ones in boots.values() for one in ones)
    print(f"{SERVICE} is in the critical chain of {named} of {runs} boots with the package")
    return 0


def measure(image: Image) -> Boots:
    """One boot, until all of systemd's jobs are done."""
    with boot(image, Boot()) as machine:
        machine.wait_for_agent(BOOT_TIMEOUT)
        until(machine, "systemctl list-jobs", "No jobs running.")
        reached, began = (int(machine.run(command).output) for command in (REACHED, BEGAN))
        chain = machine.run(f"systemd-analyze critical-chain --no-pager {TARGET}").output
    return Boots((reached - began) / 1e6, chain)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
