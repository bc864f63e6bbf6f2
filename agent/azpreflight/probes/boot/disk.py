"""The disk that a VM starts from: how the kernel finds it, and whether there is room on it.

Azure gives no promise about /dev/sda: with data disks, and in sizes with NVMe, the OS disk has another name, and virtio
names exist only under other hypervisors. Swap belongs on the temporary disk, because the OS disk is limited in
operations and paid for. A full disk is what nobody expects of a new VM, and an image captured full makes only such.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import bootloader, kernels
from azpreflight.guest.block_devices import OF_ONE_DISK
from azpreflight.host import Host, HostError
from azpreflight.model import Finding, NotApplicable, Run, Severity, Unknown, Verdict
from azpreflight.probes.boot.check import check
from azpreflight.probes.boot.console import no_command_line
from azpreflight.probes.subjects import part
from azpreflight.text import plain

FSTAB = "/etc/fstab"
FOREIGN = ("/dev/vd", "/dev/xvd")
"""Disks of KVM and Xen."""
BY_NAME = ("/dev/sd", "/dev/hd", "/dev/nvme")
TEMPORARY = ("/mnt/", "/dev/disk/cloud/azure_resource", "/dev/disk/azure/resource")
"""Where the temporary disk is mounted by both agents' defaults, and its names by their udev rules."""
PLACES = ("/", "/boot", "/var")
LITTLE_MIB, NOTHING_MIB = 500, 50
"""The agent's own update and an extension take some 100 MiB, their logs as much again; below 50 MiB nothing starts."""
SIMPLE = re.compile(r"[\w/=:.-]+$", re.ASCII)
"""Names that a command can have in it as they are."""
LITTLE_INODES = 2000
"""An extension unpacks some hundred files."""


@dataclass(frozen=True)
class Space:
    """What is free on one filesystem."""

    place: str
    mib: int
    inodes: Optional[int] = None
    """None: the filesystem makes inodes as it needs them."""


@dataclass(frozen=True)
class DiskFacts:
    """Root, swap and room."""

    source: Optional[str] = None
    """The file that has the kernel command line; None: no boot loader was found."""
    root: Optional[str] = None
    """root= of it; None: not given."""
    swap: tuple[str, ...] = ()
    """Devices and files of fstab that are swap."""
    space: tuple[Space, ...] = ()
    """Empty where a directory that is no filesystem of its own is inspected."""
    space_error: Optional[str] = None
    """Why it could not be told; None if it could."""
    kernel: bool = True
    """A kernel is installed, for which there must be a boot loader."""


def look(host: Host, run: Run) -> DiskFacts:
    """The command line, fstab, and what is free on the filesystems."""
    line = bootloader.command_line(host)
    space, error = _space(host)
    roots = line.shown().values("root") if line is not None else ()
    return DiskFacts(
        source=line.source if line is not None else None,
        root=roots[-1] if roots else None,
        swap=swaps(host.text(FSTAB) or ""),
        space=space,
        space_error=error,
        kernel=kernels.is_there(host),
    )


def swaps(text: str) -> tuple[str, ...]:
    """Devices and files that fstab(5) has as swap."""
    rows = (line.split() for line in text.splitlines() if not line.lstrip().startswith("#"))
    return tuple(row[0] for row in rows if len(row) >= 3 and row[2] == "swap")


def _space(host: Host) -> tuple[tuple[Space, ...], Optional[str]]:
    """Each filesystem once, by the first place that is on it."""
    found: dict[int, Space] = {}
    for place in PLACES:
        try:
            room = host.room(place)
        except HostError as error:
            return tuple(found.values()), str(error)
        if room is not None:
            found.setdefault(room.device, Space(place, room.free >> 20, room.inodes_free))
    return tuple(found.values()), None


def judge_root(facts: DiskFacts, run: Run) -> Iterator[Verdict]:
    """The root filesystem is found by what it is and not by where it happened to be."""
    if facts.source is None:
        yield no_command_line(facts.kernel, run)
    elif facts.root is not None and facts.root.startswith(FOREIGN):
        yield _by_name(facts, Severity.ERROR, "is a disk of another hypervisor")
    elif facts.root is not None and facts.root.startswith(OF_ONE_DISK):
        yield _by_name(facts, Severity.ERROR, "is the name of one disk, and a new VM has another")
    elif facts.root is not None and facts.root.startswith(BY_NAME):
        yield _by_name(facts, Severity.WARNING, "has another name in sizes with NVMe disks, or with data disks")


def _by_name(facts: DiskFacts, severity: Severity, why: str) -> Finding:
    return Finding(
        severity,
        f"root={plain(facts.root or '')} in {facts.source} {why}",
        "Name the root filesystem by its UUID.",
        ("findmnt --noheadings --output UUID /",),
    )


def judge_swap(facts: DiskFacts, run: Run) -> Iterator[Verdict]:
    """No swap is on the OS disk, and none is expected where a new VM has none."""
    for name in facts.swap:
        shifting = name.startswith((*FOREIGN, *BY_NAME))
        why = "the OS disk is slow and paid for"
        if shifting:
            why = "a VM without that device waits 90 s for it"
        elif name.startswith(TEMPORARY):
            why = "the temporary disk of a new VM is empty, and this unit fails there"
        yield Finding(
            Severity.WARNING if shifting else Severity.NOTE,
            f"fstab has swap on {plain(name)}: {why}",
            "Remove the entry, and let the agent make swap on the temporary disk (ResourceDisk.EnableSwap).",
            (f"sed -i -E 's|^{name}[[:space:]]|#&|' {FSTAB}",) if SIMPLE.match(name) else (),
        )


def judge_space(facts: DiskFacts, run: Run) -> Iterator[Verdict]:
    """Agents and extensions have room to work."""
    if facts.space_error is not None:
        yield Unknown(facts.space_error)
    elif not facts.space:
        yield NotApplicable("the image is a directory, and no filesystem of its own")
    for space in facts.space:
        if space.mib < LITTLE_MIB and (space.place != "/boot" or space.mib < NOTHING_MIB):
            severe = space.mib < NOTHING_MIB and space.place != "/boot"
            yield _full(space, f"{space.mib} MiB", Severity.ERROR if severe else Severity.WARNING)
        if space.inodes is not None and space.inodes < LITTLE_INODES and space.place != "/boot":
            yield _full(space, f"{space.inodes} inodes", Severity.WARNING if space.inodes else Severity.ERROR)


def _full(space: Space, left: str, severity: Severity) -> Finding:
    return Finding(
        severity,
        f"{space.place} has {left} left: agents and extensions have no room",
        "Remove what is not needed, or enlarge the disk.",
        (f"du -xh --max-depth=2 {space.place} | sort -h | tail",),
    )


CHECKS = (
    check(
        "boot-root",
        "the root filesystem does not depend on a device name",
        part("disk", judge_root),
        Severity.ERROR,
    ),
    check("boot-swap", "no swap is on the OS disk", part("disk", judge_swap), Severity.WARNING),
    check(
        "boot-space",
        "there is enough free space for agents and extensions",
        part("disk", judge_space),
        Severity.ERROR,
    ),
)
