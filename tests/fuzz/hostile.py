"""The whole program among servers, tools and disks that mean harm: `python -m tests.fuzz.hostile [SECONDS] [WORD]`.

Every row is one state of the world and one run with a time limit of so many seconds. It must end in time with a report
in which nothing is a bug, and leave no process. The word chooses rows; the tests run a few of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

from azpreflight.standin.servers import hostile
from tests.images.disks import MIB, Part, System, converted, disk, volume_group
from tests.netns import topology
from tests.netns.observe import CHECK, OF_IMAGES
from tests.netns.standin import Fault, standin
from tests.netns.vm import Done, Vm
from tests.support.processes import left

SECONDS = 10.0
LATE_S = 1.0
"""Seconds that a run may take besides its limit, for the interpreter to start and the report to be printed."""
STARTS = 3.0
"""Or as many times as long as the program takes to start, print and end at that moment, on a machine that is busy."""
ENDS = (0, 1, 3)
CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ran:
    """How one row went."""

    name: str
    wall_s: float
    start_s: float
    """What the program took to start, print something and end, just before."""
    problems: tuple[str, ...]

    def late(self, seconds: float) -> bool:
        """It took longer than it was given."""
        return self.wall_s > seconds + max(LATE_S, STARTS * self.start_s)


def problems(done: Done, seconds: float) -> Iterator[str]:
    """What must not be, whatever the world is like; its own clock counts. Pure."""
    if done.status not in ENDS:
        yield f"exit {done.status}: {done.stderr[-300:]!r}"
        return
    if "Traceback" in done.stderr or "\x1b" in done.stdout + done.stderr:
        yield f"standard error: {done.stderr[-300:]!r}"
    report = json.loads(done.stdout)
    yield from (f"bug: {row['reason']}" for row in report["results"] if row["traceback"])
    if report["run"]["duration_s"] > seconds:
        yield f"it took {report['run']['duration_s']} s"
    if len(done.stdout) > 2 * MIB:
        yield f"a report of {len(done.stdout)} bytes"


def check(vm: Vm, name: str, seconds: float) -> Ran:
    """One run in the VM."""
    start_s = vm.azpreflight("list").wall_s
    done = vm.azpreflight(*CHECK, "firstboot", "--format", "json", "--timeout", str(seconds), *OF_IMAGES)
    return Ran(name, done.wall_s, start_s, (*problems(done, seconds), *(f"left: {one}" for one in programs_left(vm))))


# --- the network --------------------------------------------------------------------------------------------------

PLATFORM = ("wire", "hostgaplugin", "imds")


def network() -> Iterator[tuple[str, Fault]]:
    """Every kind of answer at all servers of the platform, at the store, and at the DNS server."""
    for kind in hostile.HTTP:
        behaviour = f"{hostile.PREFIX}{kind}"
        yield f"platform: {kind}", Fault(behaviours=dict.fromkeys(PLATFORM, behaviour))
        yield f"store: {kind}", Fault(behaviours={"store": behaviour})
    for kind in (*hostile.NAMES, *hostile.STREAMS):
        yield f"names: {kind}", Fault(dns={topology.WIRE_SERVER: f"{hostile.PREFIX}{kind}"})


def among_servers(name: str, fault: Fault, seconds: float) -> Ran:
    """One run with such servers."""
    with standin(fault) as platform:
        return check(platform.vm, name, seconds)


# --- tools --------------------------------------------------------------------------------------------------------

PROGRAMS = (
    *(
        f"{family}tables{kind}{end}"
        for family in ("ip", "ip6")
        for kind in ("", "-legacy", "-nft")
        for end in ("", "-save")
    ),
    *("nft", "ipset", "ip", "systemctl", "journalctl", "dpkg-query"),
)
NAP = "sleep 987"
TOOLS: Mapping[str, str] = {
    "hang": NAP,
    "hang and ignore signals": f"trap '' TERM HUP INT QUIT; {NAP} & while :; do wait; done",
    "stop themselves": "kill -STOP $$",
    "leave a child in a session of its own": f"setsid {NAP} & exit 0",
    "leave a child that holds the output": f"setsid sh -c '{NAP}' & echo '*filter'",
    "leave a child of a child": f"setsid sh -c 'setsid {NAP} & setsid {NAP} & wait' & {NAP}",
    "start a hundred": f"for n in $(seq 100); do {NAP} & done; wait",
    "flood": "exec yes '-A OUTPUT -j DROP'",
    "flood with zeros": "exec cat /dev/zero",
    "flood standard error": "exec yes >&2",
    "drip": "while :; do echo x; sleep 0.2; done",
    "print 30 MB and end well": "yes '-A OUTPUT -j ACCEPT' | head -c 30000000",
    "print one line of 10 MB": "head -c 10000000 /dev/zero | tr '\\0' a",
    "print noise": "head -c 100000 /dev/urandom",
    "print escapes": "printf '*filter\\n:\\033[2J ACCEPT [0:0]\\n-A \\033[2J -j \\033]0;x\\007\\nCOMMIT\\n'",
    "print rules without a name": "printf '*filter\\n-A\\n:I\\n-I\\n-P\\nCOMMIT\\n'",
    "print deep JSON": "printf '%0100000d' 0 | tr 0 '['",
    "print nothing": "exit 0",
    "fail": "echo no >&2; exit 1",
    "are killed": "kill -SEGV $$",
    "close their output and hang": f"exec >&- 2>&-; {NAP}",
}
"""What each of the programs does instead of its work."""


def replace_tools(vm: Vm, script: str) -> None:
    """Let every tool of this VM be such a script."""
    places = " ".join(f"/usr/sbin/{name} /usr/bin/{name}" for name in PROGRAMS)
    text = f"#!/bin/sh\n{script}\n".replace("'", "'\\''")
    done = vm.run("sh", "-ec", f"for p in {places}; do rm -f $p; printf %s '{text}' >$p; chmod 755 $p; done")
    assert done.status == 0, done.stderr


def programs_left(vm: Vm) -> list[str]:
    """Programs of the VM that run although nobody waits for them."""
    for _ in range(40):
        said = vm.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout
        found = [words for words in (NAP, "yes", "azpreflight") if words in said]
        if not found:
            break
        time.sleep(0.05)
    return found


# --- disks --------------------------------------------------------------------------------------------------------


def _fields(place: Path, seed: int) -> Path:
    """Noise in the tables of a filesystem: superblock, groups, inodes, directories."""
    chance = random.Random(seed)
    path = disk(place / "disk.raw", [Part(16, System().write(place / "tree"))])
    with path.open("r+b") as file:
        for _ in range(chance.choice((3, 30, 300))):
            file.seek(MIB + chance.randrange(1024, 2 * MIB))
            file.write(chance.randbytes(chance.choice((1, 4, 64))))
    return path


def _table(place: Path, seed: int) -> Path:
    """Noise in the tables of the disk or of LVM, or a file that ends within them."""
    chance = random.Random(seed)
    part = Part(8, System().write(place / "tree"))
    raw = place / "disk.raw"
    path = volume_group(raw, {"root": part}) if seed % 2 else disk(raw, [part])
    with path.open("r+b") as file:
        if seed % 3 == 0:
            file.truncate(chance.randrange(1, 40 * 512))
        for _ in range(20):
            file.seek(chance.randrange(0, MIB + 64 * 1024 if seed % 2 else 34 * 512))
            file.write(chance.randbytes(8))
    return path


def _container(place: Path, seed: int) -> Path:
    """Noise in the head of a qcow2 or a dynamic VHD, which qemu-img is to unpack."""
    chance = random.Random(seed)
    path = converted(
        disk(place / "disk.raw", [Part(8, System().write(place / "tree"))]), ("qcow2", "dynamic")[seed % 2]
    )
    with path.open("r+b") as file:
        for _ in range(6):
            file.seek(chance.randrange(8, 2048))
            file.write(chance.randbytes(2))
    return path


def _mounts(place: Path, seed: int) -> Path:
    """Thousands of lines of fstab, of which each is a mount."""
    line = "UUID=22222222-2222-4222-8222-222222222222 /var ext4 defaults 0 2\n"
    tree = System(fstab="LABEL=x / ext4 defaults 0 1\n" + line * 3000).write(place / "tree")
    return disk(place / "disk.raw", [Part(16, tree), Part(8, uuid="22222222-2222-4222-8222-222222222222")])


DISKS: Mapping[str, tuple[Callable[[Path, int], Path], int]] = {
    "noise in a filesystem": (_fields, 16),
    "noise in tables": (_table, 12),
    "noise in a container": (_container, 12),
    "very many mounts": (_mounts, 1),
}
"""By kind, how one is made and how many there are."""


def in_disk(kind: str, seed: int, seconds: float) -> Ran:
    """One run of `image` on such a disk, which must be as it was; nothing of it stays."""
    with tempfile.TemporaryDirectory(prefix="azp-image-") as folder:
        path = DISKS[kind][0](Path(folder), seed)
        before = path.read_bytes()
        mark = f"{folder}/{seed}"
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "azpreflight", "list"], capture_output=True, check=True, timeout=60)
        start_s, began = time.monotonic() - began, time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "azpreflight", "image", str(path), "--format", "json", "--timeout", str(seconds)],
            capture_output=True,
            text=True,
            timeout=seconds + 60,
            check=False,
            env={**os.environ, "TEST_HOSTILE": mark},
        )
        wall_s = time.monotonic() - began
        if done.returncode == 2 and "cannot look into" in done.stderr:  # it is no disk any more
            found: list[str] = []
        else:
            found = list(problems(Done(done.returncode, done.stdout, done.stderr, wall_s), seconds))
        found += ["the file was changed"] if path.read_bytes() != before else []
        found += [f"left: {pid}" for pid in left(f"TEST_HOSTILE={mark}", 3)]
        with open("/proc/self/mounts", encoding="utf-8") as mounts:
            found += ["a mount is left"] if "azpreflight-image" in mounts.read() else []
        return Ran(f"disk: {kind} {seed}", wall_s, start_s, tuple(found))


# --- all of it ----------------------------------------------------------------------------------------------------


def rows(seconds: float, word: str = "") -> Iterator[Ran]:
    """Run all whose name has the word."""
    for name, fault in network():
        if word in name:
            yield among_servers(name, fault, seconds)
    with contextlib.ExitStack() as stack:
        vm: Optional[Vm] = None
        for kind, script in TOOLS.items():
            if word in f"tools: {kind}":
                vm = vm or stack.enter_context(standin()).vm
                replace_tools(vm, script)
                yield check(vm, f"tools: {kind}", seconds)
    for kind, (_, many) in DISKS.items():
        for seed in range(many):
            if word in f"disk: {kind} {seed}":
                yield in_disk(kind, seed, seconds)


def main() -> int:
    """Run and print; 1 if one had a problem or was late."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    ran = []
    for row in rows(seconds, sys.argv[2] if len(sys.argv) > 2 else ""):
        ran.append(row)
        said = "; ".join(row.problems) or ("late" if row.late(seconds) else "")
        print(f"{row.wall_s:6.1f} s ({row.start_s:.1f} s)  {row.name}{': ' if said else ''}{said}", flush=True)
    slowest = max(ran, key=lambda row: row.wall_s)
    bad = [row for row in ran if row.problems or row.late(seconds)]
    print(f"{len(ran)} rows, {len(bad)} bad; slowest {slowest.wall_s:.1f} s of {seconds:g}: {slowest.name}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
