"""Whether what the boot loader starts is there, and fits the image.

A kernel without its initramfs ends in "unable to mount root fs"; options that name volumes of another disk end in
dracut's emergency shell (Microsoft Learn, "Troubleshoot Linux VM boot issues"; dracut.cmdline(7); systemd,
kernel-command-line(7)).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field, replace
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import boot_entry, kernels
from azpreflight.guest.boot_entry import BootEntry, BootFile
from azpreflight.guest.bootloader import shown_option
from azpreflight.guest.fstab import Entry, required
from azpreflight.guest.initramfs import AT_START
from azpreflight.guest.kernels import Presence
from azpreflight.guest.limits import SMALL
from azpreflight.host import Host
from azpreflight.model import Confidence, Finding, NotApplicable, Run, Severity, Unknown, Verdict
from azpreflight.probes.generalization.leftover import agents_of
from azpreflight.probes.startup import options
from azpreflight.probes.startup.check import check
from azpreflight.probes.startup.options import OptionFacts
from azpreflight.probes.subjects import part
from azpreflight.shell import argument
from azpreflight.text import plain, several

STOPS = (
    "single",
    "rescue",
    "emergency",
    "1",
    "S",
    "rd.break",
    "systemd.unit=rescue.target",
    "systemd.unit=emergency.target",
)
"""Options that end a boot before the agents run."""
BY_TAG = ("UUID=", "LABEL=", "/dev/mapper/", "/dev/disk/", "ZFS=")
"""Roots that only an initramfs finds; the kernel itself knows PARTUUID= and names of devices."""
GRUBS = ("/boot/grub", "/boot/grub2")
SWAP = re.compile(r"^[ \t]*([^# \t]\S*)[ \t]+\S+[ \t]+swap\b", re.MULTILINE)


@dataclass(frozen=True)
class EntryFacts:
    """The entry, and what fstab and crypttab say beside it."""

    entry: Optional[BootEntry] = None
    kernel_installed: bool = True
    boot_seen: bool = True
    """There is something in /boot: False where it is a partition that is not mounted."""
    root: Optional[Entry] = None
    """fstab's line for /."""
    swaps: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    """Volume groups that fstab names."""
    other_image: Optional[str] = None
    """An initramfs of the kernel under another name, where that kernel has all drivers for the disk built in."""
    encrypted: tuple[str, ...] = ()
    """Names of crypttab that must be opened at boot."""
    beside: OptionFacts = field(default_factory=OptionFacts)
    """What options are compared with, beside fstab."""
    grub_without_entries: bool = False
    """GRUB has a directory beside the kernels, and no entry."""


def look(host: Host, run: Run) -> EntryFacts:
    """The boot loader's files, fstab and crypttab."""
    fstab = host.text("/etc/fstab", SMALL) or ""
    entries = [Entry(*row) for row in required(fstab)]
    entry = boot_entry.chosen(host)
    return EntryFacts(
        entry=replace(entry, options=tuple(map(shown_option, entry.options))) if entry is not None else None,
        other_image=_other_image(host, entry) if entry is not None else None,
        kernel_installed=kernels.is_there(host),
        boot_seen=bool(host.list("/boot")),
        root=next((one for one in entries if one.mount_point == "/"), None),
        swaps=tuple(name.replace('"', "") for name in SWAP.findall(fstab)),
        groups=tuple(dict.fromkeys(one.volume_group for one in entries if one.volume_group)),
        encrypted=tuple(_crypted(host.text("/etc/crypttab", SMALL) or "")),
        beside=options.look(host, entry, entries),
        grub_without_entries=kernels.in_boot(host) and any(host.info(path) is not None for path in GRUBS),
    )


def _other_image(host: Host, entry: BootEntry) -> Optional[str]:
    if all(image.path is not None for image in entry.images):
        return None
    release = entry.kernel.name.rpartition("/")[2].partition("-")[2]
    path = next((path for path in host.glob("/boot/init*") if release and release in path), None)
    kernel = next((one for one in kernels.kernels(host, AT_START) if one.release == release), None)
    built_in = kernel is not None and all(one.presence is Presence.BUILT_IN for one in kernel.drivers.values())
    return path if built_in else None


def _crypted(text: str) -> Iterator[str]:
    for line in text.splitlines():
        words = line.split("#")[0].split()
        options = words[3].split(",") if len(words) > 3 else []
        temporary = len(words) > 2 and words[2] in ("/dev/urandom", "/dev/random")
        if len(words) > 1 and not {"nofail", "noauto"} & set(options) and not temporary:
            yield words[0]


def judge(facts: EntryFacts, run: Run) -> Iterator[Verdict]:
    """Kernel and initramfs are there, and the options fit fstab."""
    if facts.entry is None:
        yield _without_entry(facts, run)
        return
    if facts.entry.unresolved:
        yield Unknown(f"{facts.entry.source} names its kernel by variables")
    else:
        yield from _judge_files(facts, facts.entry, run)
    yield from _judge_stops(facts.entry)
    yield from _judge_volumes(facts, facts.entry)
    yield from options.judge(facts.beside, facts.entry, facts.swaps)
    if facts.encrypted:
        yield Finding(
            Severity.ERROR,
            f"crypttab has {several(facts.encrypted)} opened at boot without nofail: a VM waits for a disk and a"
            " key that it has not",
            "Add nofail, or remove the entry.",
            (
                r"sed -i -E '/^[^#]/s/^([^[:space:]]+[[:space:]]+[^[:space:]]+)[[:space:]]*$/\1 none luks/; "
                r"/^[^#]/s/[[:space:]]*$/,nofail/' /etc/crypttab",
            ),
            confidence=Confidence.LIKELY,
            confidence_reason="it may be on the OS disk, with a key that the image has",
        )


def _without_entry(facts: EntryFacts, run: Run) -> Verdict:
    if not facts.kernel_installed:
        return NotApplicable("no kernel is installed here")
    if not facts.grub_without_entries:
        return Unknown("no entry of a boot loader was found; its partition may not be mounted")
    return Finding(
        Severity.ERROR,
        "GRUB has no entry: grub.cfg is missing or without one, and there is no file of the Boot Loader Specification",
        "Make the boot loader's entries again.",
        _remake(run),
        confidence=Confidence.LIKELY,
        confidence_reason="another boot loader may have entries on a partition that is not mounted",
    )


def _judge_files(facts: EntryFacts, entry: BootEntry, run: Run) -> Iterator[Verdict]:
    for named, what in ((entry.kernel, "kernel"), *((image, "initramfs") for image in entry.images)):
        if named.path is None or named.empty:
            yield _missing(entry, named, what, run, facts.other_image if what == "initramfs" else None)
    roots = entry.values("root")
    unified = entry.source == entry.kernel.name
    if not unified and not entry.images and entry.kernel.path is not None and roots and roots[-1].startswith(BY_TAG):
        yield Finding(
            Severity.ERROR,
            f"{entry.source} starts {plain(entry.kernel.name)} without an initramfs (no initrd line), which alone finds"
            f" root={plain(roots[-1])}",
            "Make the boot loader's entries again.",
            _remake(run),
        )


def _missing(entry: BootEntry, named: BootFile, what: str, run: Run, other: Optional[str]) -> Finding:
    state = f"{named.path} is empty" if named.path is not None else f"{plain(named.name)} is not there"
    initramfs = rebuild(run) if what == "initramfs" else ()
    state += f", and {plain(other)} is; the kernel has the drivers for the disk built in" if other is not None else ""
    return Finding(
        Severity.NOTE if other is not None else Severity.ERROR,
        f"the {what} that {plain(entry.source)} starts is missing: {state}",
        "Make the initramfs, and the boot loader's entries again."
        if initramfs
        else "Install that kernel again, or make the boot loader's entries again.",
        (*initramfs, *_remake(run)),
    )


def _debian(run: Run) -> bool:
    return agents_of(run).distribution.of("debian", "ubuntu")


def rebuild(run: Run) -> tuple[str, ...]:
    """The command that makes every initramfs again."""
    return ("update-initramfs -c -k all",) if _debian(run) else ("dracut --force --regenerate-all",)


def _remake(run: Run) -> tuple[str, ...]:
    return ("update-grub",) if _debian(run) else ("grub2-mkconfig -o /boot/grub2/grub.cfg",)


def _judge_stops(entry: BootEntry) -> Iterator[Verdict]:
    begins = (f"init={options.SHELLS}", "rd.break=")
    found = [option for option in entry.options if option in STOPS or option.startswith(begins)]
    if found:
        yield Finding(
            Severity.ERROR,
            f"{plain(entry.source)} starts with {several(found)}: the boot ends in a shell, and no agent runs",
            "Remove the option from the boot loader's defaults and entries.",
            (f"grep -rn -e {argument(found[0])} /etc/default/grub /etc/kernel/cmdline",),
        )


def _judge_volumes(facts: EntryFacts, entry: BootEntry) -> Iterator[Verdict]:
    root = facts.root.device if facts.root is not None else None
    named = entry.values("root")
    kinds = ("UUID=", "LABEL=", "PARTUUID=")
    differ = root is not None and named and any(root.startswith(kind) and named[-1].startswith(kind) for kind in kinds)
    if differ and root is not None and root.lower() != named[-1].lower():
        yield _other(f"root={plain(named[-1])}", entry, f"fstab has {plain(root)} for /")
    known = {*facts.groups}
    for name in ("rd.lvm.vg", "rd.lvm.lv"):
        for value in entry.values(name):
            group = value.split("/")[0]
            if known and group not in known:
                yield _other(
                    f"{name}={plain(value)}", entry, f"fstab knows the volume group {several(sorted(known))} alone"
                )
    for value in entry.values("resume"):
        if value not in facts.swaps and value not in ("0", "none", ""):
            yield _other(f"resume={plain(value)}", entry, "fstab has no such swap", Severity.WARNING)


def _other(option: str, entry: BootEntry, against: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(
        severity,
        f"{option} in {plain(entry.source)} names what is not on this disk: {against}",
        "Correct the option in the boot loader's defaults, and make its entries again.",
        ("grubby --update-kernel=ALL --remove-args=" + option.partition("=")[0],)
        if entry.source.endswith(".conf") and not option.startswith("root=")
        else (),
        confidence=Confidence.LIKELY,
        confidence_reason="the disk itself is not asked",
    )


CHECKS = (check("boot-entry", "the kernel and initramfs of the boot loader's entry are there", part("entry", judge)),)
