"""What the serial console of a booting VM says: how far it has come, and what went wrong. Pure.

Sources: the kernel (init/main.c, init/do_mounts.c, kernel/panic.c, mm/oom_kill.c), systemd (src/core/manager.c,
job.c, transaction.c, src/shared/condition.c; units emergency.service and rescue.service), initramfs-tools
(scripts/local), dracut (modules.d/99base), cloud-init (DataSourceAzure.py), GRUB (kern/rescue_reader.c), OVMF (BdsDxe)
and SeaBIOS (boot.c).
"""

from __future__ import annotations

import re
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.model import Cause
from azpreflight.rehearse.facts import Sign
from azpreflight.text import plain

LINE, SHOWN = 400, 160
"""Characters of a line that are searched, and that are kept."""
ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?=]{0,16}[A-Za-z]|[()][A-Z0-9]|[=>78cM])")
"""Colours and cursor movements (ECMA-48)."""


@dataclass(frozen=True)
class Milestone:
    """A line that shows how far the boot has come."""

    name: str
    pattern: re.Pattern[str]


MILESTONES = (
    Milestone(
        "loader", re.compile(r"Welcome to GRUB|Booting `|BdsDxe: starting Boot|Booting from Hard Disk|EFI stub:")
    ),
    Milestone("kernel", re.compile(r"Linux version \d|Command line: ")),
    Milestone("init", re.compile(r"systemd\[1\]: systemd \S+ running in system mode|Welcome to (?!GRUB).{3,60}!")),
    Milestone("disc", re.compile(r"\bsr \d+:\d+:\d+:\d+: \[sr0\]")),
    Milestone("prompt", re.compile(r"^\S{1,64} login:")),
)
"""In the order in which a VM comes up."""
IN_INITRAMFS = re.compile(r"\(Initramfs\)|dracut-\d|in initrd|initrd-")
"""A line that speaks of another systemd, that of the initramfs."""


@dataclass(frozen=True)
class Signature:
    """A line that shows what went wrong."""

    id: str
    pattern: re.Pattern[str]
    cause: Optional[Cause]
    fix: str
    final: bool = False
    """The boot comes no further by itself."""


NUMBER = re.compile(r"\d+")


def _boot(id: str, pattern: str, fix: str, final: bool = False) -> Signature:
    return Signature(id, re.compile(pattern), Cause.BOOT_CONFIG, fix, final)


DISC_MISSED = "disc-missed"
UNIT = r"(?P<what>[A-Za-z0-9@_.\\:-]{1,100})"
"""The name of a unit, as systemd writes it."""
SIGNATURES = (
    _boot(
        "no-boot-device",
        r"No bootable (?:device|option)|Boot failed: not a bootable disk|UEFI Interactive Shell",
        "Install a boot loader where the firmware of this generation looks for one.",
    ),
    _boot(
        "grub-stops",
        r"grub rescue>|^grub>|error: (?:file|disk|no such device|unknown filesystem|symbol)",
        "Let GRUB find its files and the kernel that its entry names.",
    ),
    _boot(
        "no-root",
        r"ALERT! +(?P<what>[A-Za-z0-9/=._-]{1,100}) +does not exist|Gave up waiting for root"
        r"|VFS: (?:Unable to mount root fs|Cannot open root device)|dracut-initqueue timeout",
        "Put the driver of the root's disk into the initramfs, or let the kernel's root= name what is on the disk.",
        final=True,
    ),
    _boot(
        "panic",
        r"Kernel panic - not syncing(?:: (?:Attempted to kill init|System is deadlocked on memory|No working init))?",
        "Repair what the kernel names before it panics.",
        final=True,
    ),
    _boot(
        "initramfs-shell",
        r"^\(initramfs\)|Entering emergency mode\. Exit the shell to continue|[Dd]ropping to a shell",
        "Let the initramfs find and mount the root filesystem.",
        final=True,
    ),
    _boot(
        "device-timeout",
        rf"Timed out waiting for device {UNIT}",
        "Remove the line of fstab for what is not on every VM, or give it the option nofail.",
    ),
    _boot(
        "ordering-cycle",
        rf"Found ordering cycle on {UNIT}|Job {UNIT.replace('what', 'job')}/start deleted to break ordering cycle",
        "Remove one of the After= or Before= that make the circle; systemd leaves out a job of it at each boot.",
    ),
    _boot(
        "emergency",
        r"You are in (?:emergency|rescue) mode|Started (?:(?:emergency|rescue)\.service|(?:Emergency|Rescue) Shell)"
        r"|Give root password for maintenance|Cannot open access to console",
        "Repair the mount or unit that failed before it, or set the default target to multi-user.target.",
        final=True,
    ),
    _boot(
        "waits",
        r"A start job is running for (?P<what>[A-Za-z0-9@_./-]{1,60})",
        "Let the unit that it waits for end, or do not order what provisions after it.",
    ),
    _boot(
        "unit-failed",
        rf"(?:Failed to start|Dependency failed for) {UNIT}",
        "Read the journal of the unit that failed, and repair it.",
    ),
    _boot(
        "out-of-memory",
        r"Out of memory: Killed process|System is deadlocked on memory",
        "Reserve less memory, such as huge pages.",
    ),
    Signature(
        DISC_MISSED,
        re.compile(r"Unable to find provisioning media, falling back to IMDS"),
        Cause.PROVISIONING_MEDIA,
        "Let the drivers of the disc's drive, udf and iso9660 load before cloud-init looks for the disc.",
    ),
    _boot(
        "initramfs-unread",
        r"Initramfs unpacking failed: [A-Za-z ]{1,40}",
        "Rebuild the initramfs: the kernel cannot unpack what is there.",
    ),
    _boot("disk-full", r"No space left on device", "Leave more room on the image's filesystems."),
)
"""By how much they explain, the most first."""
JOB = re.compile(
    r"(?:^ +|\] )(?P<word>Starting|Started|Finished|Failed to start|Stopped|Reached target)"
    r" (?P<unit>[A-Za-z0-9@_.\\:-]{4,100})"
)
"""What systemd prints of a unit; before version 250 it prints a description, which names nothing that can be found."""
MAX_PENDING = 5


def lines(said: bytes) -> list[str]:
    """What was printed, without colours and control characters."""
    text = ESCAPES.sub(b"", said).replace(b"\r", b"\n").decode("utf-8", "replace")
    clean = ("".join(char for char in line if char.isprintable())[:LINE] for line in text.split("\n"))
    return [line for line in clean if line.strip()]


def without_numbers(line: str) -> str:
    """A line by which it is known again when it is printed with another time, address or count."""
    return NUMBER.sub("", line)


def reached(line: str) -> Optional[str]:
    """The milestone that a line shows."""
    if IN_INITRAMFS.search(line):
        return None
    return next((one.name for one in MILESTONES if one.pattern.search(line)), None)


def sign(line: str, at_s: float) -> Optional[Sign]:
    """What a line shows to have gone wrong: of its words those that are known, and the object that they are about."""
    for one in SIGNATURES:
        found = one.pattern.search(line)
        if found is not None:
            return Sign(one.id, plain(found.group(), SHOWN), at_s)
    return None


def pending(said: bytes, at_s: float) -> tuple[Sign, ...]:
    """Units that were being started and have not come to an end, of which systemd itself may say no more.

    It cuts long names in the middle of a line, so that names are compared as far as they are there.
    """
    jobs = [found for line in lines(said) if (found := JOB.search(line)) is not None]
    ended = [job["unit"] for job in jobs if job["word"] != "Starting"]
    begun = dict.fromkeys(job["unit"] for job in jobs if job["word"] == "Starting")
    waits = [unit for unit in begun if not any(unit.startswith(one) or one.startswith(unit) for one in ended)]
    return tuple(
        Sign("waits", f"{unit} was being started and had not ended", at_s)
        for unit in [unit for unit in waits if "." in unit][:MAX_PENDING]
    )


def signature(id: str) -> Signature:
    """The signature of this id. KeyError where there is none."""
    return {one.id: one for one in SIGNATURES}[id]


def final(signs: tuple[Sign, ...]) -> Optional[Sign]:
    """The sign by which the boot has come to its end; None while it may go on."""
    return next((one for one in signs if signature(one.id).final), None)
