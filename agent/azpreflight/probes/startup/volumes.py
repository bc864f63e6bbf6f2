"""Whether LVM takes the disk of a new VM: its list of devices and its filters name disks, and a new VM has another.

RHEL 9 uses no disk that is not in /etc/lvm/devices/system.devices, and knows one there by its serial number, of which
each VM's disk has its own (lvmdevices(8); lvm.conf(5)).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from azpreflight.dataclass import dataclass
from azpreflight.guest import bootloader
from azpreflight.guest.fstab import Entry, required
from azpreflight.guest.limits import SMALL
from azpreflight.host import Host
from azpreflight.model import Confidence, Finding, NotApplicable, Run, Severity, Verdict
from azpreflight.probes.startup.check import check
from azpreflight.probes.startup.entry import rebuild
from azpreflight.probes.subjects import part
from azpreflight.text import count, plain, several

DEVICES = "/etc/lvm/devices/system.devices"
CONFIGS = ("/etc/lvm/lvm.conf", "/etc/lvm/lvmlocal.conf")
OF_ONE_DISK = ("sys_wwid", "sys_serial", "devname", "scsi_debug", "loop_file", "mpath_uuid")
"""Types of names that a copy of the disk does not keep."""
LINE = 2000
"""Characters of a filter that are read."""
_SETTING = re.compile(r"^[ \t]*(use_devicesfile|devicesfile|filter|global_filter)[ \t]*=[ \t]*(\S.*)$", re.MULTILINE)


@dataclass(frozen=True)
class VolumeFacts:
    """Volumes that the boot needs, and what LVM is told to take."""

    groups: tuple[str, ...] = ()
    """Volume groups of fstab and of root=; empty: the boot needs none."""
    names: tuple[str, ...] = ()
    """Types of the list's entries: sys_wwid."""
    used: bool = True
    """LVM goes by the list."""
    filters: tuple[str, ...] = ()
    """What filters accept, where they reject all else."""


def look(host: Host, run: Run) -> VolumeFacts:
    """fstab, the command line, the list and lvm.conf."""
    groups = [Entry(*row).volume_group for row in required(host.text("/etc/fstab", SMALL) or "")]
    line = bootloader.command_line(host)
    groups += [Entry(root, "/").volume_group for root in (line.values("root") if line is not None else ())]
    listed = (host.text(DEVICES, SMALL) or "").splitlines()
    types = [
        word[7:] for row in listed for word in row.split() if row.startswith("IDTYPE=") and word.startswith("IDTYPE=")
    ]
    settings = [pair for path in CONFIGS for pair in _SETTING.findall(host.text(path, SMALL) or "")]
    values = dict(settings)
    return VolumeFacts(
        groups=tuple(dict.fromkeys(group for group in groups if group)),
        names=tuple(types),
        used=values.get("use_devicesfile", "1").strip() != "0",
        filters=tuple(_accepted(values.get("global_filter", "")) or _accepted(values.get("filter", ""))),
    )


def _accepted(line: str) -> list[str]:
    """Patterns that a filter accepts, if what is left is rejected."""
    text = line[:LINE]
    patterns = text.split('"')[1::2]
    rejects = any(pattern[:1] == "r" and pattern[2:] == f".*{pattern[1:2]}" for pattern in patterns)
    accepted = [
        pattern for pattern in patterns if pattern[:1] == "a" and len(pattern) > 2 and pattern[1] == pattern[-1]
    ]
    return [pattern[2:-1] for pattern in accepted] if rejects else []


def judge(facts: VolumeFacts, run: Run) -> Iterator[Verdict]:
    """LVM takes the disk of a new VM, where the boot needs its volumes."""
    if not facts.groups:
        yield NotApplicable("nothing that must be mounted is on LVM")
        return
    bound = [name for name in facts.names if name in OF_ONE_DISK]
    if facts.used and bound and len(bound) == len(facts.names):
        yield Finding(
            Severity.ERROR,
            f"{DEVICES} names {count(len(bound), 'disk')} by {several(sorted(set(bound)))}, and a new VM has another:"
            f" volumes of {several(facts.groups)} are not found",
            "Remove the list, so that LVM looks at every disk, and rebuild the initramfs.",
            (f"rm -f {DEVICES}", *rebuild(run)),
            confidence=Confidence.LIKELY,
            confidence_reason="LVM from 2.03.24 on renews the list where it runs on another machine",
        )
    if facts.filters and not any(_takes(pattern) for pattern in facts.filters):
        yield Finding(
            Severity.ERROR,
            f"lvm.conf takes {several(facts.filters)} alone, no disk of a VM on Azure",
            "Remove the filter, and rebuild the initramfs.",
            (r"sed -i -E 's/^([[:space:]]*(global_)?filter[[:space:]]*=)/# \1/' /etc/lvm/lvm.conf", *rebuild(run)),
            confidence=Confidence.LIKELY,
            confidence_reason=plain("patterns are compared with /dev/sda, /dev/sdb and /dev/nvme0n1 alone"),
        )


def _takes(pattern: str) -> bool:
    """The pattern fits disks of both kinds of controllers; plain parts of it are compared, no expression is run."""
    text = pattern.lstrip("^").rstrip("$").replace(".*", "").replace("/.", "")
    return text in ("", "/", "/dev", "/dev/") or any(
        part in text for part in ("/sd", "nvme", "/dev/disk/azure", "by-uuid")
    )


CHECKS = (check("boot-volumes", "LVM takes the disk of a new VM", part("volumes", judge)),)
