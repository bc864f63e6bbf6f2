"""Whether a VM made from this starts: drivers, initramfs, console, root, swap, room and patience."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from azpreflight.guest.initramfs import AT_START
from azpreflight.host import Room
from azpreflight.model import Platform, Run, Severity, Stage
from azpreflight.probes.boot.drivers import DRIVERS
from tests.support.fakes import Denied
from tests.support.judging import by_check, statuses
from tests.support.machines.boot import (
    BROKEN,
    FILES,
    HEALTHY,
    MOUNTED,
    PROBE,
    RELEASE,
    RUN,
    grub,
    host,
    image,
    kernel,
    report,
    said,
)

OLDER = "6.1.0-9-cloud-amd64"
IMAGE = f"/boot/initrd.img-{RELEASE}"


@pytest.mark.parametrize("run", [RUN, replace(RUN, stage=Stage.FIRSTBOOT), MOUNTED])
def test_a_healthy_image_passes(run: Run) -> None:
    """Debian for clouds, at every stage and mounted."""
    found = statuses(report(HEALTHY[0], run))
    assert {found[check.id] for check in PROBE.checks} <= {"pass", "notapplicable"}


@pytest.mark.parametrize("check", BROKEN)
def test_each_check_speaks(check: str) -> None:
    """Every check fails on its own broken image, and it alone."""
    found = statuses(report(*BROKEN[check]))
    assert [one.id for one in PROBE.checks if found[one.id] == "fail"] == [check]


# --- drivers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "severity"), [(name, severity) for name, (severity, _) in DRIVERS.items()])
def test_a_kernel_without_a_driver(name: str, severity: Severity) -> None:
    """As bad as what does not work without it; in an older kernel a note; and built in it is there."""
    file = f"/lib/modules/{RELEASE}/kernel/drivers/{name}.ko"
    ((found, message),) = said(host(kernel(without=(name,)), file), "boot-drivers")
    assert (found, message.startswith(f"{name} is missing from kernel {RELEASE}: ")) == (severity, True)
    ((found, message),) = said(host(kernel(OLDER, without=(name,))), "boot-drivers")
    assert (found, OLDER in message) == (Severity.NOTE, True)
    assert said(host(kernel(built_in=(name,))), "boot-drivers") == []


def test_a_blocked_driver() -> None:
    """modprobe.d may keep a module from being loaded; what is built in it does not touch."""
    line = {"/etc/modprobe.d/a.conf": "blacklist hv_netvsc\n"}
    ((severity, message),) = said(host(line), "boot-drivers")
    assert (severity, "blocked by line 1 of /etc/modprobe.d/a.conf" in message) == (Severity.ERROR, True)
    assert said(host({**line, **kernel(built_in=("hv_netvsc",))}), "boot-drivers") == []


def test_where_there_is_no_kernel() -> None:
    """A container has none; what one without modules can do is not known."""
    elsewhere = replace(RUN, platform=Platform.NONE)
    there = statuses(report(host({"/boot/vmlinuz-6.1.0": b"MZ"}, *kernel()), MOUNTED))
    assert (there["boot-drivers"], there["boot-initramfs"]) == ("unknown", "unknown")
    bare = [path for path in FILES if path.startswith(("/boot/", "/lib/modules/"))]
    for run in (RUN, MOUNTED, elsewhere):
        found = statuses(report(host({}, *bare), run))
        names = ("boot-drivers", "boot-initramfs", "boot-console", "boot-root")
        assert [found[name] for name in names] == ["notapplicable"] * len(names)


# --- initramfs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "severity", "words"),
    [
        (("sd_mod", "pci_hyperv"), Severity.ERROR, "lacks hv_vmbus, hv_storvsc and nvme: a VM sees neither disk"),
        (("hv_vmbus", "hv_storvsc", "sd_mod"), Severity.WARNING, "lacks nvme and pci_hyperv: a VM of a size with NVMe"),
    ],
)
def test_an_image_without_a_driver(names: tuple[str, ...], severity: Severity, words: str) -> None:
    """Without the disk nothing starts; without NVMe the newer sizes do not."""
    ((found, message),) = said(host(image(*names)), "boot-initramfs")
    assert (found, words in message) == (severity, True), message


def test_what_is_built_in_needs_not_be_in_the_image() -> None:
    """And what the kernel does not have is said of the kernel."""
    assert said(host({**kernel(built_in=AT_START), **image()}), "boot-initramfs") == []


def test_an_older_kernel_is_a_note() -> None:
    """It starts only where somebody chooses it."""
    ((severity, message),) = said(host({**kernel(OLDER), **image("sd_mod", release=OLDER)}), "boot-initramfs")
    assert (severity, OLDER in message) == (Severity.NOTE, True)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({IMAGE: b"\x28\xb5\x2f\xfd..."}, f"{IMAGE}: no program zstd"),
        ({IMAGE: b"\x7fELF"}, f"{IMAGE}: it goes on with 7f454c46"),
        ({IMAGE: Denied()}, f"{IMAGE}: cannot read {IMAGE}: Permission denied"),
    ],
)
def test_an_image_that_cannot_be_read_is_unknown(changes: dict[str, Any], reason: str) -> None:
    """With the file and the reason."""
    result = by_check(report(host(changes)))["boot-initramfs"]
    assert (result.status.value, (result.reason or "").startswith(reason)) == ("unknown", True), result.reason


def test_no_image_is_unknown_unless_all_is_built_in() -> None:
    """/boot may be a partition that nobody mounted; a kernel of its own needs none."""
    (alone,) = (by_check(report(host({}, IMAGE), MOUNTED))["boot-initramfs"],)
    assert (alone.status.value, "no initramfs of kernel" in (alone.reason or "")) == ("unknown", True)
    empty = by_check(report(host({}, IMAGE, f"/boot/vmlinuz-{RELEASE}"), MOUNTED))["boot-initramfs"]
    assert "its partition is not mounted" in (empty.reason or "")
    assert statuses(report(host(kernel(built_in=AT_START), IMAGE)))["boot-initramfs"] == "pass"


def test_at_first_boot_no_image_is_read() -> None:
    """It has done its work, and reading it would cost the boot a second."""
    facts = PROBE.gather(host({}), replace(RUN, stage=Stage.FIRSTBOOT))
    assert facts.drivers is not None and facts.drivers.images == ()


@pytest.mark.parametrize("path", ["/boot/initramfs-{}.img", "/boot/initrd-{}", "/boot/0123abcd/{}/initrd"])
def test_other_distributions_name_it_otherwise(path: str) -> None:
    """RHEL, SUSE, and systemd's kernel-install."""
    content = image("sd_mod")[IMAGE]
    ((_, message),) = said(host({path.format(RELEASE): content}, IMAGE), "boot-initramfs")
    assert message.startswith(path.format(RELEASE))


# --- disk and DHCP ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("root", "severity"),
    [
        ("root=/dev/vda1", Severity.ERROR),
        ("root=/dev/xvda1", Severity.ERROR),
        ("root=/dev/sda1", Severity.WARNING),
        ("root=/dev/nvme0n1p1", Severity.WARNING),
        ("root=/dev/disk/by-id/scsi-360022480-part2", Severity.ERROR),
        ("root=/dev/disk/by-id/dm-uuid-LVM-Xy1", None),
        ("root=PARTUUID=ab-01", None),
        ("root=LABEL=root", None),
        ("root=/dev/mapper/rootvg-rootlv", None),
        ("root=/dev/disk/by-uuid/1a2b", None),
        ("ro", None),
    ],
)
def test_names_of_the_root(root: str, severity: Severity | None) -> None:
    """By what it is, not by where it was; the last root= counts."""
    found = said(host(grub("root=/dev/sda9" if severity else "ro", root, "console=ttyS0")), "boot-root")
    assert [one for one, _ in found] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("name", "severity", "why"),
    [
        ("UUID=ab", Severity.NOTE, "the OS disk is slow and paid for"),
        ("/swap.img", Severity.NOTE, "the OS disk is slow and paid for"),
        ("/mnt/swapfile", Severity.NOTE, "the temporary disk of a new VM is empty, and this unit fails there"),
        ("/dev/disk/cloud/azure_resource-part2", Severity.NOTE, "the temporary disk of a new VM is empty, and this "),
        ("/dev/sdb1", Severity.WARNING, "a VM without that device waits 90 s for it"),
    ],
)
def test_swap(name: str, severity: Severity, why: str) -> None:
    """A missing device costs 90 s; on the OS disk it only costs money; the temporary disk begins empty."""
    (found,) = said(host({"/etc/fstab": f"{name} none swap sw 0 0\n"}), "boot-swap")
    assert found[0] is severity and found[1].startswith(f"fstab has swap on {name}: {why}")


@pytest.mark.parametrize(
    ("rooms", "found"),
    [
        ({"/": (49, 900_000)}, [Severity.ERROR]),
        ({"/": (499, 900_000)}, [Severity.WARNING]),
        ({"/": (500, 900_000)}, []),
        ({"/": (500, 0)}, [Severity.ERROR]),
        ({"/": (500, 1999)}, [Severity.WARNING]),
        ({"/": (500, None)}, []),
        ({"/": (5000, None), "/var": (20, None)}, [Severity.ERROR]),
        ({"/": (5000, None), "/boot": (60, 90)}, []),
        ({"/": (5000, None), "/boot": (10, 90)}, [Severity.WARNING]),
    ],
)
@pytest.mark.parametrize("run", [RUN, MOUNTED])
def test_room(rooms: dict[str, tuple[int, Any]], found: list[Severity], run: Run) -> None:
    """Of megabytes and of inodes, each filesystem by itself; some have no number of inodes to run out of."""
    there = {place: Room(number, mib << 20, inodes) for number, (place, (mib, inodes)) in enumerate(rooms.items())}
    assert [one for one, _ in said(host({}, rooms=there), "boot-space", run)] == found


def test_one_filesystem_is_told_once() -> None:
    """By the first place on it."""
    ((_, message),) = said(host({}, rooms={"/": Room(1, 1 << 20), "/var": Room(1, 1 << 20)}), "boot-space")
    assert message.startswith("/ has 1 MiB left")


def test_room_that_cannot_be_told() -> None:
    """A mount that hangs is unknown; a directory has no room of its own."""
    hanging = report(host({}, rooms={"/": Denied("did not answer")}))
    assert by_check(hanging)["boot-space"].status.value == "unknown"
    assert by_check(report(host({}, rooms={}), MOUNTED))["boot-space"].status.value == "notapplicable"
