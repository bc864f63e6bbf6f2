"""Whether the kernel can mount what fstab says must be mounted: driver there, and not switched off by modprobe.d.

Hardening guides switch off file systems by name, vfat and udf and squashfs among them, and one that fstab needs ends
the boot in emergency mode. A mount asks for a file system by the alias fs-NAME, so that a blacklist stops it too
(modprobe.d(5); Linux, fs/filesystems.c).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

from azpreflight.dataclass import dataclass
from azpreflight.guest import kernels, modprobe
from azpreflight.guest.fstab import required
from azpreflight.guest.kernels import Kernel, Presence
from azpreflight.guest.limits import SMALL
from azpreflight.guest.modprobe import Rule
from azpreflight.host import Host
from azpreflight.model import Finding, Run, Severity, Verdict
from azpreflight.probes.startup.check import check
from azpreflight.probes.startup.entry import rebuild
from azpreflight.probes.subjects import part
from azpreflight.text import plain, several

OF_FUSE = ("auto", "none", "bind", "tmpfs", "proc", "sysfs", "devtmpfs", "swap", "nfs", "nfs4", "cifs", "overlay")
"""Kinds in fstab that name no driver of a disk's file system."""
OTHER_NAME = {"msdos": "msdos", "ext3": "ext4", "ext2": "ext4"}
"""Kinds whose driver has another name."""


@dataclass(frozen=True)
class Mounted:
    """One file system that must be mounted."""

    point: str
    driver: str


@dataclass(frozen=True)
class FilesystemFacts:
    """What must be mounted, and what of it the newest kernel can."""

    mounted: tuple[Mounted, ...] = ()
    kernels: tuple[Kernel, ...] = ()
    blocked: Mapping[str, Rule] = field(default_factory=dict)
    boot_seen: bool = True


def look(host: Host, run: Run) -> FilesystemFacts:
    """fstab, lists of modules, and modprobe.d."""
    rows = required(host.text("/etc/fstab", SMALL) or "")
    mounted = tuple(
        Mounted(point, driver)
        for _, point, kinds in rows
        for kind in kinds.split(",")
        if (driver := OTHER_NAME.get(kind, kind).replace("-", "_")) not in OF_FUSE and driver.isidentifier()
    )
    names = tuple(dict.fromkeys(one.driver for one in mounted))
    found = kernels.kernels(host, names)
    rules = modprobe.rules(host)
    needs = {name: found[0].drivers[name].needs if found else () for name in names}
    blocked = {name: modprobe.blocking(rules, name, needs[name], f"fs_{name}") for name in names}
    kept = {name: rule for name, rule in blocked.items() if rule is not None}
    return FilesystemFacts(mounted, found, kept, kernels.in_boot(host))


def judge(facts: FilesystemFacts, run: Run) -> Iterator[Verdict]:
    """Every file system that must be mounted has a driver that may be loaded."""
    if not facts.kernels:
        yield kernels.without_modules(facts.boot_seen)
        return
    newest = facts.kernels[0]
    for name in dict.fromkeys(one.driver for one in facts.mounted):
        points = several([one.point for one in facts.mounted if one.driver == name])
        rule, driver = facts.blocked.get(name), newest.drivers[name]
        if rule is not None and driver.presence is Presence.MODULE:
            yield Finding(
                Severity.ERROR,
                f"{name} is blocked by {rule.where} ({rule.text}), and fstab has {points} mounted with it: the boot"
                " ends in an emergency shell",
                "Remove the line, and rebuild the initramfs.",
                (*modprobe.comment_out(rule), *rebuild(run)),
            )
        elif driver.presence is Presence.ABSENT:
            yield Finding(
                Severity.ERROR,
                f"{name} is missing from kernel {plain(newest.release)}, and fstab has {points} mounted with it",
                "Install the package with the rest of this kernel's modules, or a kernel that has the driver.",
            )


CHECKS = (
    check(
        "boot-filesystems",
        "the kernel has a driver for each file system that must be mounted",
        part("filesystems", judge),
    ),
)
