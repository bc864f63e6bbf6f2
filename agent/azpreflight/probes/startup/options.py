"""Kernel options that end a boot on Azure, or that were made for another disk.

dracut waits for each volume that rd.luks.uuid= or rd.md.uuid= names and gives up in its emergency shell; rootfstype=
has the root mounted as nothing else; fips=1 has the checksum of the kernel looked for in /boot, which boot= must name
where it is a partition of its own; without ACPI there is no VMBus, and so no disk (dracut.cmdline(7); Linux,
admin-guide/kernel-parameters and drivers/hv/vmbus_drv.c; Red Hat, "Installing the system in FIPS mode").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest.boot_entry import BootEntry
from azpreflight.guest.fstab import Entry
from azpreflight.guest.limits import SMALL
from azpreflight.host import FileKind, Host
from azpreflight.model import Confidence, Finding, Severity, Verdict
from azpreflight.text import plain

RESUME = "/etc/initramfs-tools/conf.d/resume"
DEBCONF = "/var/cache/debconf/config.dat"
DEBCONF_LIMIT = 8 << 20
"""Bytes; with some hundred packages it has 200 KiB."""
OF_ONE_DISK = ("/dev/disk/by-id/", "/dev/vda", "/dev/xvda")
WITHOUT_ACPI = ("acpi=off", "pci=off")
SHELLS = "/bin/"
"""An init from here is a shell, whether it is there or not."""
NO_RESUME = ("none", "auto", "")
OF_LUKS = ("rd.luks.uuid", "rd.luks.name")
ALIKE = {"ext2": "ext4", "ext3": "ext4"}
"""One driver mounts them all."""
KINDS = ("ext2", "ext3", "ext4", "xfs", "btrfs")
"""What a root is on Azure; of another kind in fstab nothing is told."""


@dataclass(frozen=True)
class OptionFacts:
    """What options are compared with."""

    opens_disks: bool = False
    """crypttab has a line, or fstab a disk that is opened with a key."""
    has_arrays: bool = False
    """fstab or mdadm's configuration has an array of disks."""
    root_kind: Optional[str] = None
    """The file system of / in fstab."""
    own_boot: bool = False
    """/boot is a partition of its own."""
    resume: Optional[str] = None
    """The swap that initramfs-tools waits for, by its own file."""
    no_init: Optional[str] = None
    """What init= names, where that is not there."""
    installs_to: Optional[str] = None
    """The disk that Debian's package of GRUB is to be installed to, by the name of one disk (debconf)."""
    no_modules: Optional[str] = None
    """The release of the kernel that is started, where its modules are not there."""
    no_list: bool = False
    """Of those, only depmod's list is missing."""


def look(host: Host, entry: Optional[BootEntry], entries: list[Entry]) -> OptionFacts:
    """Files beside the boot loader's: fstab, crypttab, mdadm's and initramfs-tools', and the modules."""
    crypttab = (line.split("#")[0].split() for line in (host.text("/etc/crypttab", SMALL) or "").splitlines())
    keyed = any(words for words in crypttab) or any("/mapper/luks" in one.device for one in entries)
    arrays = (host.text(path, SMALL) or "" for path in ("/etc/mdadm/mdadm.conf", "/etc/mdadm.conf"))
    has_arrays = any(line.startswith("ARRAY") for text in arrays for line in text.splitlines())
    lines = (host.text(RESUME, SMALL) or "").splitlines()
    resume = next((line.partition("=")[2].strip("\"' ") for line in lines if line.startswith("RESUME=")), None)
    root = next((one for one in entries if one.mount_point == "/"), None)
    gone, no_list = _modules(host, entry.kernel.path if entry is not None else None)
    inits = entry.values("init")[-1:] if entry is not None else ()
    return OptionFacts(
        opens_disks=keyed,
        has_arrays=has_arrays or any(one.device.startswith("/dev/md") for one in entries),
        root_kind=root.kind if root is not None else None,
        own_boot=any(one.mount_point == "/boot" for one in entries),
        resume=resume,
        no_init=next((init for init in inits if init.startswith("/") and host.info(init) is None), None),
        installs_to=_installs_to(host),
        no_modules=gone,
        no_list=no_list,
    )


def _installs_to(host: Host) -> Optional[str]:
    """The value of grub-pc/install_devices, where it is the serial number of a disk."""
    if host.info(DEBCONF) is None:
        return None
    block = (
        (host.text(DEBCONF, DEBCONF_LIMIT) or "").partition("Name: grub-pc/install_devices\n")[2].partition("\n\n")[0]
    )
    values = [line.partition(":")[2].strip() for line in block.splitlines() if line.startswith("Value:")]
    return next((value for value in values if value.startswith(OF_ONE_DISK)), None)


def _modules(host: Host, kernel: Optional[str]) -> tuple[Optional[str], bool]:
    """The release whose modules or whose list of them is missing.

    Neither a name without a version nor a unified image tells a release.
    """
    release = (kernel or "").rpartition("/")[2].partition("-")[2]
    if not release[:1].isdigit() or release.endswith(".efi"):
        return None, False
    info = host.info(f"/lib/modules/{release}")
    if info is None or info.kind is not FileKind.DIRECTORY:
        return release, False
    listed = any(host.info(f"/lib/modules/{release}/{name}") is not None for name in ("modules.dep", "modules.dep.bin"))
    return (None, False) if listed else (release, True)


def judge(facts: OptionFacts, entry: BootEntry, swaps: tuple[str, ...]) -> Iterator[Verdict]:
    """No option waits for what is not there."""
    if facts.no_init is not None and not facts.no_init.startswith(SHELLS):
        what = "names what is not there: the kernel takes /sbin/init instead, or ends in a panic"
        yield _found(entry, f"init={plain(facts.no_init, 80)}", what)
    if facts.no_modules is not None:
        yield _modules_finding(facts, entry)
    for key in OF_LUKS:
        if entry.values(key) and not facts.opens_disks:
            what = "has the boot wait for an encrypted disk, and neither crypttab nor fstab has one"
            yield _found(entry, f"{key}=", what)
    if entry.values("rd.md.uuid") and not facts.has_arrays:
        what = "has the boot wait for an array of disks, and neither fstab nor mdadm's configuration has one"
        yield _found(entry, "rd.md.uuid=", what)
    kinds = entry.values("rootfstype")
    if kinds and facts.root_kind in KINDS:
        named = [ALIKE.get(kind, kind) for kind in kinds[-1].split(",")]
        if ALIKE.get(facts.root_kind, facts.root_kind) not in (*named, *(KINDS if "auto" in named else ())):
            what = f"has / mounted as that, and fstab has {facts.root_kind}"
            yield _found(entry, f"rootfstype={plain(kinds[-1], 40)}", what)
    if "fips=1" in entry.options and facts.own_boot and not entry.values("boot"):
        yield _found(entry, "fips=1", "without boot= stops the boot: /boot is a partition of its own")
    for option in WITHOUT_ACPI:
        if option in entry.options:
            yield _found(entry, option, "keeps the kernel from finding VMBus, on which disk and NIC are")
    if facts.installs_to is not None:
        yield Finding(
            Severity.NOTE,
            f"debconf has GRUB installed to {plain(facts.installs_to, 80)}, which no VM has: its updates fail",
            "Let it be asked for again.",
            ("echo grub-pc grub-pc/install_devices multiselect | debconf-set-selections",),
        )
    if facts.resume is not None and facts.resume not in (*swaps, *NO_RESUME):
        yield Finding(
            Severity.WARNING,
            f"RESUME={plain(facts.resume, 80)} in {RESUME} is no swap of fstab: each boot waits half a minute for it",
            "Set RESUME=none, and rebuild the initramfs.",
            (f"echo RESUME=none > {RESUME}", "update-initramfs -u -k all"),
        )


def _modules_finding(facts: OptionFacts, entry: BootEntry) -> Finding:
    release = plain(facts.no_modules or "", 80)
    lacks = "modules.dep, without which no module is found" if facts.no_list else "the directory itself"
    return Finding(
        Severity.ERROR,
        f"{plain(entry.source)} starts kernel {release}, whose modules are not in /lib/modules/{release}: {lacks} is"
        " missing",
        "Have depmod list the modules." if facts.no_list else "Install that kernel again.",
        (f"depmod -a {release}",) if facts.no_list else (),
        confidence=Confidence.LIKELY,
        confidence_reason="a kernel with everything built in needs none",
    )


def _found(entry: BootEntry, option: str, what: str) -> Finding:
    remove = option.removesuffix("=")
    return Finding(
        Severity.ERROR,
        f"{option} in {plain(entry.source)} {what}",
        "Remove the option from the boot loader's defaults, and make its entries again.",
        (f"grubby --update-kernel=ALL --remove-args={remove}",) if entry.source.endswith(".conf") else (),
        confidence=Confidence.LIKELY,
        confidence_reason="the disk itself is not asked",
    )
