"""Judging the facts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from azpreflight.host.disk.types import EFI, Disk, Format, Layout, Table
from azpreflight.model import Cause, Check, Finding, Judge, NotApplicable, Run, Severity, Unknown, Verdict
from azpreflight.probes.image.facts import ImageFacts
from azpreflight.shell import argument
from azpreflight.text import count, files, plain

MIB, GIB = 1 << 20, 1 << 30
LARGEST_GIB = 4095
"""An OS disk of Azure is no larger (Microsoft Learn, "Managed disks overview")."""
EFI_SYSTEM = ("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "ef")
"""Type of the partition that VMs of generation 2 start from, in a GPT and in an MBR."""
BIOS_BOOT = "21686148-6449-6e6f-744e-656564454649"
"""Type of the partition that GRUB lies in for VMs of generation 1, where the table is a GPT."""
FIXED = "-O vpc -o subformat=fixed,force_size"
QEMU = {Format.RAW: "raw", Format.VHD: "vpc", Format.DYNAMIC_VHD: "vpc", Format.QCOW2: "qcow2"}
"""What qemu-img calls them."""


def of_disk(judge: Callable[[Disk], Iterator[Verdict]]) -> Judge:
    """The judge of a disk as a judge of the facts."""

    def judge_disk(facts: ImageFacts, run: Run) -> Iterator[Verdict]:
        if facts.disk is None:
            yield NotApplicable("no file of a disk image is inspected")
        else:
            yield from judge(facts.disk)

    return judge_disk


def judge_footer(disk: Disk) -> Iterator[Verdict]:
    """A VHD is fixed, whole, and says of itself what it is."""
    if disk.format is Format.RAW and disk.path.lower().endswith(".vhd"):
        yield _not_taken(disk, "it is named .vhd, and its last 512 bytes are no footer: it is cut off, or a raw disk")
    elif disk.format is Format.DYNAMIC_VHD:
        yield _not_taken(replace(disk, footer=None), "it is a dynamic VHD, and Azure takes fixed ones")
    elif disk.footer is None:
        yield NotApplicable(f"it is no VHD yet ({disk.format.value})")
    elif not disk.footer.intact:
        yield _not_taken(disk, "the checksum of its footer is wrong")
    elif disk.footer.size != disk.size:
        yield _not_taken(disk, f"its footer speaks of {disk.footer.size} bytes, and {disk.size} are before it")


def _not_taken(disk: Disk, message: str) -> Finding:
    return Finding(
        Severity.ERROR,
        message,
        "Convert the disk again from what it was made of, to a fixed VHD.",
        (_convert(disk, FIXED, ".fixed.vhd"),) if disk.footer is None else (),
    )


def _convert(disk: Disk, to: str, ending: str) -> str:
    return f"qemu-img convert -f {QEMU[disk.format]} {to} {files((disk.path, disk.path + ending))}"


def judge_size(disk: Disk) -> Iterator[Verdict]:
    """The disk has a whole number of MiB, and not more than an OS disk may have."""
    over = disk.size % MIB
    if over:
        yield Finding(
            Severity.ERROR if disk.format is Format.VHD else Severity.WARNING,
            f"the disk has {disk.size} bytes, {over} more than a whole number of MiB: Azure does not take it as a VHD",
            "Enlarge the raw disk to whole MiB, and make the VHD of that.",
            _enlarge(disk, disk.size - over + MIB),
        )
    if disk.size > LARGEST_GIB * GIB:
        yield Finding(
            Severity.ERROR,
            f"the disk has {disk.size / GIB:.0f} GiB, and an OS disk of Azure has at most {LARGEST_GIB}",
            "Make the image on a smaller disk.",
        )


def _enlarge(disk: Disk, size: int) -> tuple[str, ...]:
    raw = argument(disk.path if disk.format is Format.RAW else f"{disk.path}.raw")
    first = () if disk.format is Format.RAW else (_convert(disk, "-O raw", ".raw"),)
    fixed = argument(f"{disk.path}.fixed.vhd")
    return (*first, f"qemu-img resize -f raw {raw} {size}", f"qemu-img convert -f raw {FIXED} {raw} {fixed}")


def judge_partitions(disk: Disk) -> Iterator[Verdict]:
    """A firmware finds something to start."""
    if disk.layout is None:
        yield Unknown(disk.error or "the disk was not read")
        return
    lost = not disk.layout.volumes
    if disk.layout.damage is not None:
        yield Finding(
            Severity.ERROR if lost else Severity.WARNING,
            f"{plain(disk.layout.damage)}; " + ("nothing is known of its partitions" if lost else "its copy was read"),
            "Write the partition table again from its copy.",
            (f"sgdisk --verify {argument(disk.path)}",) if disk.format is Format.RAW else (),
        )
    elif not _starts(disk.layout):
        yield Finding(
            Severity.ERROR,
            f"{_divided(disk.layout)}, without an EFI system partition and without boot code: no VM starts from it",
            "Look into the file of the whole disk, not that of one partition; or install a boot loader.",
        )


def _starts(layout: Layout) -> bool:
    roles = {volume.role for volume in layout.volumes}
    return layout.boot_code or bool(roles.intersection((*EFI_SYSTEM, BIOS_BOOT)))


def _divided(layout: Layout) -> str:
    if layout.table is Table.NONE:
        kind = layout.volumes[0].kind if layout.volumes else None
        return f"no partition table{f' but {kind}' if kind else ''}"
    partitions = sum(volume.number is not None for volume in layout.volumes)
    return f"a {layout.table.value} with {count(partitions, 'partition')}"


def judge_filesystems(disk: Disk) -> Iterator[Verdict]:
    """All of the system is on this disk, and was inspected."""
    if disk.root is None:
        yield Unknown(disk.error or "no root filesystem was found")
    if disk.fstab_error is not None:
        yield Unknown(f"{disk.fstab_error}; what it mounts is not known, so nothing in those places was inspected")
    for one in disk.attached:
        where = f"fstab: {plain(one.source)} on {one.place}"
        if one.error is not None:
            yield Unknown(
                f"{where}: {plain(one.error)}" + ("" if one.place in EFI else "; nothing there was inspected")
            )
        elif one.missing:
            yield Finding(
                Severity.ERROR,
                f"{where} is not on this disk: a VM without it goes into emergency mode",
                "Put the filesystem on the OS disk, or remove the entry.",
            )


def judge_unmounted(disk: Disk) -> Iterator[Verdict]:
    """The disk was copied when nothing wrote to it."""
    if disk.layout is None:
        yield Unknown(disk.error or "the disk was not read")
        return
    for volume in disk.layout.volumes:
        if volume.clean is False:
            yield Finding(
                Severity.WARNING,
                f"the {volume.kind} of {plain(volume.name)} was not unmounted: its journal has changes that its files "
                "have not, and this report knows nothing of them",
                "Shut the VM down before its disk is copied, and copy it again.",
            )


def check(name: str, title: str, judge: Callable[[Disk], Iterator[Verdict]], severity: Severity) -> Check:
    """A check of the disk itself."""
    return Check(name, title, of_disk(judge), severity, cause=Cause.BOOT_CONFIG, offline=True)


CHECKS = (
    check("image-vhd-footer", "the VHD is fixed-size and its footer is valid", judge_footer, Severity.ERROR),
    check("image-size", "the disk size is valid for Azure", judge_size, Severity.ERROR),
    check("image-partitions", "the disk has an EFI system partition or boot code", judge_partitions, Severity.ERROR),
    check(
        "image-filesystems",
        "every filesystem that the system mounts is on the disk",
        judge_filesystems,
        Severity.ERROR,
    ),
    check("image-unmounted", "its filesystems were cleanly unmounted", judge_unmounted, Severity.WARNING),
)
