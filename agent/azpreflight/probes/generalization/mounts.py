"""fstab entries for disks that the next VM does not have.

An entry without `nofail` that cannot be mounted sends the boot into emergency mode: no network, no agent, and the
platform reports OSProvisioningTimedOut. Names such as /dev/sdc change from boot to boot on Azure, and the temporary
disk is another one in every VM (systemd.mount(5); Microsoft Learn, "Troubleshoot Linux VM boot issues due to fstab
errors").
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from functools import cached_property
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import fstab
from azpreflight.guest.block_devices import OF_ONE_DISK
from azpreflight.guest.fstab import FSTAB, LINKS, Entry, required
from azpreflight.guest.limits import KEPT, SMALL
from azpreflight.host import Host
from azpreflight.host.disk.fstab import is_here
from azpreflight.host.disk.types import PLACES
from azpreflight.model import ALL_PROFILES, Cause, Run, Severity, Verdict
from azpreflight.probes.generalization.check import ERROR, check
from azpreflight.probes.generalization.leftover import leftover
from azpreflight.probes.subjects import part
from azpreflight.text import files, plain

TEMPORARY = (
    "/dev/disk/cloud/azure_resource",
    "/dev/disk/azure/resource",
    "/dev/disk/azure/local",
    "LABEL=Temporary",
    "/dev/disk/by-label/Temporary",
)
"""What udev calls the temporary disk, and the label of its file system."""
BY_NAME = ("/dev/sd", "/dev/hd", "/dev/vd", "/dev/xvd", "/dev/nvme", "/dev/mmcblk", "/dev/md")
REMOVABLE = ("/dev/sr", "/dev/cdrom", "/dev/dvd", "/dev/scd", "/dev/fd", "/dev/disk/by-label/rd_rdfe")
"""The provisioning disc is there at the first boot only, and a floppy never."""
DATA_DISK = ("/dev/disk/azure/scsi", "/dev/disk/azure/data", "/dev/disk/cloud/azure_data")
"""Data disks by their place on the VM (udev rules of waagent and of azure-vm-utils)."""
REQUIRED_UNITS = "/etc/systemd/system/local-fs.target.requires/*.mount"
DISCS = ("udf", "iso9660")


@dataclass(frozen=True)
class MountFacts:
    """What must be mounted."""

    entries: tuple[Entry, ...] = ()
    root_disk: Optional[str] = None
    """The disk of the entry for /; None where it cannot be told."""
    live: bool = False
    """The devices of the running system were inspected."""
    shares: tuple[Entry, ...] = ()
    """What is mounted from other machines, and without nofail."""
    by_unit: tuple[tuple[str, Entry], ...] = ()
    """What mount units of the image's own must mount for local-fs.target, by the link that requires it."""

    @cached_property
    def root(self) -> Optional[Entry]:
        """The entry for /."""
        return next((entry for entry in self.entries if entry.mount_point == "/"), None)

    @cached_property
    def system_devices(self) -> frozenset[str]:
        """Devices of what is on the OS disk by where it is mounted."""
        return frozenset(entry.device for entry in self.entries if entry.of_the_system)


def look(host: Host, run: Run) -> MountFacts:
    """fstab, and on a running system the disks behind it."""
    live = not run.offline
    layout = host.disk.layout if host.disk is not None else None
    entries = tuple(
        Entry(
            device,
            point,
            kind,
            disk=_disk(host, device) if live else None,
            here=is_here(device, layout) if layout is not None else None,
        )
        for device, point, kind in required(host.text(FSTAB, SMALL) or "")
    )
    root = next((entry.disk for entry in entries if entry.mount_point == "/"), None)
    shares = fstab.over_the_network(host.text(FSTAB, SMALL) or "")
    return MountFacts(entries, root, live, tuple(Entry(*row) for row in shares), tuple(_by_unit(host)))


def _by_unit(host: Host) -> Iterator[tuple[str, Entry]]:
    """Units that local-fs.target requires; what fstab's generator makes is in no image (systemd.mount(5))."""
    for path in host.glob(REQUIRED_UNITS)[:KEPT]:
        rows = (line.partition("=") for line in (host.text(path, SMALL) or "").splitlines())
        values = {key.strip(): value.strip() for key, _, value in rows}
        where, options = values.get("Where", ""), values.get("Options", "").split(",")
        if values.get("What", "").startswith("/dev/") and where and "nofail" not in options:
            yield path, Entry(values["What"], where, values.get("Type", ""))


def _disk(host: Host, device: str) -> Optional[str]:
    """The whole disk that a device of fstab is on, by the links that udev makes."""
    key, _, value = device.partition("=")
    path = f"/dev/disk/{LINKS[key]}/{value.strip(chr(34))}" if key in LINKS else device
    info = host.info(path, follow=False)
    if info is None:
        return None
    name = (info.target or path).rpartition("/")[2]
    return name.rstrip("0123456789") if name.startswith(("sd", "vd", "hd", "xvd")) else name.partition("p")[0]


def judge(facts: MountFacts, run: Run) -> Iterator[Verdict]:
    """Everything that must be mounted is on the disk that is captured."""
    yield from _judge_entries(facts, run)
    yield from _judge_others(facts, run)


def _judge_entries(facts: MountFacts, run: Run) -> Iterator[Verdict]:
    for entry in facts.entries:
        certain = _why(entry, facts)
        why = certain or _perhaps(entry, facts)
        if why is not None:
            device, point = plain(entry.device), plain(entry.mount_point)
            commands = (_with_nofail(device, point),) if entry.mount_point != "/" and "#" not in device + point else ()
            yield leftover(
                run,
                Severity.WARNING if entry.mount_point == "/" else Severity.ERROR,
                f"fstab: {device} on {point} has no nofail, and {why}",
                "Add nofail, or remove the entry.",
                commands,
                cleaned=False,
                unless=None if certain else "on a mounted image no device can be asked, and it may be on the OS disk",
            )


def _judge_others(facts: MountFacts, run: Run) -> Iterator[Verdict]:
    for share in facts.shares:
        device, point = plain(share.device), plain(share.mount_point)
        yield leftover(
            run,
            Severity.WARNING,
            f"fstab: {device} on {point} is mounted from another machine and has no nofail: where a VM does not reach"
            " it, logins wait for it",
            "Add nofail, or remove the entry.",
            (_with_nofail(device, point),) if "#" not in device + point else (),
            cleaned=False,
            unless="all VMs may be in a network that has that server",
        )
    for path, entry in facts.by_unit:
        why = _why(entry, facts) or _perhaps(entry, facts)
        if why is not None:
            yield leftover(
                run,
                Severity.ERROR,
                f"{plain(path)} has local-fs.target require the mount of {plain(entry.device)} on"
                f" {plain(entry.mount_point)}, and {why}",
                "Have the target want the unit and not require it, or remove it.",
                (f"rm -f {files([path])}",),
                cleaned=False,
                unless="on a mounted image no device can be asked, and it may be on the OS disk",
            )


def _perhaps(entry: Entry, facts: MountFacts) -> Optional[str]:
    """Why an entry of a mounted image may be of a data disk: no device is there to be asked."""
    if (
        facts.live
        or entry.here
        or entry.mount_point == "/"
        or (entry.device in facts.system_devices and not entry.volume_group)
    ):
        return None
    group, own = entry.volume_group, facts.root.volume_group if facts.root is not None else None
    if group is not None and group == own:
        return None
    if group is not None and not (own is None and entry.of_the_system):
        return f"its volume group {plain(group)} is not that of /"
    return None if entry.of_the_system else "nothing says that it is on the OS disk"


def _with_nofail(device: str, point: str) -> str:
    """Put nofail before the options of the entry."""
    blank, word = r"[[:space:]]\+", r"[^[:space:]]\+"
    script = rf"s#^\({device}{blank}{point}{blank}{word}{blank}\)#\1nofail,#"
    return f"sed -i {shlex.quote(script)} {FSTAB}"


def _why(entry: Entry, facts: MountFacts) -> Optional[str]:
    if entry.device.startswith(REMOVABLE) or entry.kind in DISCS:
        return "the disc is there at the first boot only, if at all"
    if entry.device.startswith(DATA_DISK):
        return "a new VM has no data disk of the machine that was captured"
    if entry.device.startswith(TEMPORARY):
        return "the temporary disk is another one in every VM, or is not there"
    if entry.device.startswith(BY_NAME):
        return "such names change from boot to boot"
    if entry.device.startswith(OF_ONE_DISK):
        return "that is the name of one disk, and a new VM has another"
    if entry.here is False and entry.mount_point not in PLACES:
        return "it is not on this disk"
    if not facts.live or entry.device.startswith("/dev/") or facts.root_disk is None:
        return None
    if entry.disk is None:
        return "no such device is here"
    return None if entry.disk == facts.root_disk else f"it is on the disk {plain(entry.disk)}, which is not captured"


CHECKS = (
    check(
        "gen-fstab",
        "every filesystem that fstab requires is on the captured disk",
        part("mounts", judge),
        ERROR,
        profiles=ALL_PROFILES,
        cause=Cause.BOOT_CONFIG,
    ),
)
