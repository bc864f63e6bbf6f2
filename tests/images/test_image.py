"""`azpreflight image` on real disks: what is found in them, what is left of them, and what a hostile one can do."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.agents.debian import PACKAGES
from tests.agents.planting import let_waagent_provision, plant
from tests.images.disks import MIB, XBOOTLDR, Part, System, converted, disk, put, tool, volume_group
from tests.images.looking import BOOT_UUID, FSTAB, SENTINEL, azpreflight, looked, statuses, two_parts
from tests.support.scratchroot import overlay, tree_for_test

pytestmark = [pytest.mark.root, pytest.mark.xdist_group("images")]
"""One after the other, because each looks for what is left on the whole machine."""


def reason(report: dict[str, Any], check: str = "image-filesystems") -> str:
    return next(str(result["reason"]) for result in report["results"] if result["check"] == check)


# --- what is found ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "footer"),
    [
        ("raw", "notapplicable"),
        ("vhd", "pass"),
        ("dynamic", "fail"),
        ("qcow2", "notapplicable"),
        ("compressed", "notapplicable"),
    ],
)
def test_a_disk_is_looked_into(place: Path, form: str, footer: str) -> None:
    """In every format: its footer, the system on it, and its /boot, which is a partition of its own."""
    path = converted(disk(place / "disk.img", two_parts(place)), form)
    report = looked(path)
    found = statuses(report)
    assert (report["run"]["root"], report["run"]["image"]) == (str(path), True)
    assert report["run"]["os"] == {"id": "debian", "version_id": "12"}
    assert found["image-vhd-footer"] == footer
    assert [found[f"image-{name}"] for name in ("size", "partitions", "filesystems", "unmounted")] == ["pass"] * 4
    assert found["gen-provisioned-sentinel"] == "fail"
    assert reason(report, "boot-drivers") == "no kernel with modules is in /lib/modules"
    seen = report["facts"]["image"]["disk"]
    assert (seen["root"], [one["volume"] for one in seen["attached"]]) == ("partition 3", ["partition 2"])


@pytest.mark.parametrize(("names", "status"), [(("linux", "initrd"), "pass"), (("linux",), "fail")])
def test_a_boot_partition_that_fstab_does_not_name(place: Path, names: tuple[str, ...], status: str) -> None:
    """XBOOTLDR is mounted on an empty /boot by its type, and what its entry names is there, or is not."""
    entry = place / "boot/loader/entries/debian-6.1.conf"
    entry.parent.mkdir(parents=True)
    entry.write_text("linux /d/6.1/linux\ninitrd /d/6.1/initrd\noptions root=UUID=1a2b\n")
    for name in names:
        (place / "boot/d/6.1").mkdir(parents=True, exist_ok=True)
        (place / "boot/d/6.1" / name).write_bytes(b"MZ")
    root = System(fstab="UUID=1a2b / ext4 defaults 0 1\n").write(place / "tree")
    (root / "boot").mkdir(exist_ok=True)
    report = looked(disk(place / "disk.raw", [Part(8, place / "boot", role=XBOOTLDR, uuid=BOOT_UUID), Part(16, root)]))
    assert [one["volume"] for one in report["facts"]["image"]["disk"]["attached"]] == ["partition 1"]
    assert statuses(report)["boot-entry"] == status


@pytest.mark.parametrize(("kind", "mib"), [("xfs", 320), ("btrfs", 128), ("ext4", 16)])
def test_every_filesystem_that_images_have(place: Path, kind: str, mib: int) -> None:
    """By an MBR, or by none at all."""
    if kind not in Path("/proc/filesystems").read_text():
        pytest.skip(f"this kernel has no {kind}")
    tree = System(files=SENTINEL).write(place / "tree")
    for label in ("dos", "gpt"):
        report = looked(disk(place / "disk.raw", [Part(mib, tree, kind)], label))
        assert statuses(report)["gen-provisioned-sentinel"] == "fail", reason(report)


def test_a_system_in_lvm(place: Path) -> None:
    """Volumes in one piece are found without LVM, /var of fstab too; one in two pieces is named."""
    fstab = "/dev/mapper/root--vg-root / ext4 defaults 0 1\n/dev/root-vg/var /var ext4 defaults 0 2\n"
    (place / "var/lib/waagent").mkdir(parents=True)
    (place / "var/lib/waagent/provisioned").write_text("0c8bd3a1-5bd9-4b38-9a6c-54c7a4fd5a11")
    tree = System(fstab=fstab).write(place / "tree")
    volumes = {"root": Part(16, tree), "var": Part(16, place / "var")}
    report = looked(volume_group(place / "disk.raw", volumes))
    assert report["facts"]["image"]["disk"]["root"] == "logical volume root-vg/root"
    assert statuses(report)["gen-provisioned-sentinel"] == "fail", reason(report)
    report = looked(volume_group(place / "two.raw", volumes, grown="root"))
    assert "logical volume root-vg/root: it is in more than one piece" in reason(report)


def test_it_says_what_check_says_of_the_same_tree(place: Path) -> None:
    """A whole Debian with every artefact planted, as a tree and as a disk: every check has the same status."""
    with overlay(tree_for_test("bookworm", PACKAGES)) as root:
        plant(root)
        let_waagent_provision(root)
        path = place / "disk.raw"
        disk(path, [Part(2500, root)])
        tree = json.loads(azpreflight("check", "--root", str(root), "--format", "json").stdout)
    image = looked(path)
    expected = {name: status for name, status in statuses(tree).items() if not name.startswith("image-")}
    assert {name: status for name, status in statuses(image).items() if name in expected} == expected
    assert sum(status == "fail" for status in expected.values()) > 20


def test_a_disk_of_a_running_machine(place: Path) -> None:
    """Its journal is not replayed, its superblock's wish for a panic is overruled, and it is said that it is old."""
    path = disk(place / "disk.raw", two_parts(place))
    copy = place / "root.ext4"
    with path.open("rb") as file:
        file.seek(13 * MIB)
        copy.write_bytes(file.read(16 * MIB))
    tool("tune2fs", "-e", "panic", str(copy))
    tool("debugfs", "-w", "-R", "feature needs_recovery", str(copy))
    put(path, copy, 13 * MIB)
    report = looked(path)
    found = statuses(report)
    assert (found["image-unmounted"], found["gen-provisioned-sentinel"]) == ("fail", "fail")


# --- what cannot be inspected -------------------------------------------------------------------------------------


def test_what_is_not_mounted_is_never_well(place: Path) -> None:
    """Where /var is encrypted, what is found in it is unknown, not absent; the same where it is on another disk."""
    fstab = "LABEL=x / ext4 defaults 0 1\nPARTLABEL=var /var ext4 defaults 0 2\n"
    tree = System(fstab=fstab).write(place / "tree")
    path = disk(place / "disk.raw", [Part(16, tree), Part(4, kind="", role='linux, name="var"')])
    with path.open("r+b") as file:
        file.seek(17 * MIB)
        file.write(b"LUKS\xba\xbe")
    report = looked(path)
    assert "PARTLABEL=var on /var: it is encrypted (LUKS)" in reason(report)
    assert statuses(report)["gen-provisioned-sentinel"] == "unknown"
    tool("sfdisk", "--quiet", "--part-label", str(path), "2", "other")
    found = statuses(looked(path))
    assert (found["image-filesystems"], found["gen-provisioned-sentinel"]) == ("fail", "unknown")


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (("setpriv", "--reuid", "65534", "--clear-groups"), "mounting its filesystems needs root"),
        (("setpriv", "--bounding-set=-sys_admin"), "no mount namespace is to be had (Operation not permitted)"),
        (
            ("unshare", "--mount", "sh", "-c", 'mount --bind /dev/null /dev/loop-control; exec "$@"', "sh"),
            "no loop device is to be had",
        ),
    ],
)
def test_where_nothing_can_be_mounted(place: Path, before: tuple[str, ...], words: str) -> None:
    """Footer and size are judged all the same, the rest is unknown with a fix, and the exit code is 3."""
    for directory in (place, *place.parents):
        if directory.stat().st_mode & 0o005 != 0o005:
            directory.chmod(0o755)
    path = converted(disk(place / "disk.img", two_parts(place)), "vhd")
    done = azpreflight("image", str(path), "--format", "json", before=before)
    report = json.loads(done.stdout)
    found = statuses(report)
    assert (done.returncode, found["image-vhd-footer"], found["gen-users"]) == (3, "pass", "unknown")
    assert words in reason(report)
    assert "use check --root" in reason(report)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is no disk: 0 bytes"),
        (b"vhdxfile" + bytes(MIB), "it is VHDX, which Azure does not take: qemu-img convert"),
        (b"text\n" * MIB, "it is no disk: it has no partition table, no boot code and no filesystem that is known"),
        (None, "no such file or directory"),
    ],
    ids=["empty", "VHDX", "text", "absent"],
)
def test_what_is_no_disk_is_a_usage_error(place: Path, content: bytes | None, words: str) -> None:
    """Exit 2 and one sentence."""
    path = place / "disk.img"
    if content is not None:
        path.write_bytes(content)
    done = azpreflight("image", str(path))
    assert (done.returncode, done.stderr) == (2, done.stderr)
    assert done.stderr.startswith(f"azpreflight: cannot look into {path}: {words}")


def test_what_is_no_regular_file_is_not_opened(place: Path) -> None:
    """A FIFO would wait for ever."""
    os.mkfifo(place / "disk.img")
    done = azpreflight("image", str(place / "disk.img"))
    assert (done.returncode, "it is not a regular file" in done.stderr) == (2, True)


# --- hostile disks ------------------------------------------------------------------------------------------------


def test_a_disk_cannot_name_other_files(place: Path) -> None:
    """A qcow2 whose content is in another file, here one of this machine, is not followed."""
    secret = place / "secret.raw"
    disk(secret, two_parts(place))
    path = place / "disk.qcow2"
    tool("qemu-img", "create", "-f", "qcow2", "-b", str(secret), "-F", "raw", str(path))
    report = looked(path)
    assert "partly in another file (a backing file)" in reason(report)
    assert report["run"]["os"]["id"] is None


def test_a_disk_cannot_mount_over_this_machine(place: Path) -> None:
    """Links in it lead nowhere but into itself."""
    outside = place / "outside"
    outside.mkdir()
    parts = two_parts(place)
    tree = place / "tree"
    (tree / "boot").rmdir()
    (tree / "boot").symlink_to("../../../../../../../../.." + str(outside))
    (tree / str(outside).lstrip("/")).mkdir(parents=True)
    report = looked(disk(place / "disk.raw", parts))
    assert report["facts"]["image"]["disk"]["attached"][0]["error"] is None
    assert list(outside.iterdir()) == []


def test_a_damaged_disk_is_unknown(place: Path) -> None:
    """The kernel refuses the filesystem, and that is said."""
    path = disk(place / "disk.raw", two_parts(place))
    with path.open("r+b") as file:
        file.seek(13 * MIB + 1024 + 4)
        file.write(b"\xff" * 40)
    report = looked(path)
    assert "partition 3: the kernel does not mount its ext4" in reason(report)
    assert statuses(report)["gen-users"] == "unknown"


def test_very_many_lines_of_fstab_do_not_take_the_time_of_the_run(place: Path) -> None:
    """Nine hundred mounts of /boot on top of one another: those that no system needs are not made, and that is said."""
    boot = f"UUID={BOOT_UUID} /boot ext4 defaults 0 2\n"
    report = looked(disk(place / "disk.raw", two_parts(place, fstab=FSTAB + boot * 900)), "--timeout", "10")
    assert report["run"]["duration_s"] < 11
    attached = report["facts"]["image"]["disk"]["attached"]
    assert len(attached) == 33
    assert attached[-1]["error"] == "more than 32 lines of fstab for the places of the system (and 868 more)"
    assert statuses(report)["image-filesystems"] == "unknown"


def test_a_larger_fstab_than_is_read_is_not_taken_for_an_empty_one(place: Path) -> None:
    """The places that may be filesystems of their own are unknown, and so is what would be found there."""
    report = looked(disk(place / "disk.raw", two_parts(place, fstab="# comment\n" * 110_000 + FSTAB)))
    assert reason(report).startswith("cannot read /etc/fstab: larger than 1048576 bytes; what it mounts is not known")
    found = statuses(report)
    assert (found["image-filesystems"], found["gen-provisioned-sentinel"], found["boot-drivers"]) == ("unknown",) * 3
    report = looked(disk(place / "disk.raw", two_parts(place, fstab="# comment\n" * 10_000 + FSTAB)))
    assert report["facts"]["image"]["disk"]["attached"][0]["place"] == "/boot"


def test_a_small_file_cannot_fill_this_machine(place: Path) -> None:
    """A disk that unpacks to more than there is room for is not unpacked."""
    path = converted(disk(place / "disk.raw", two_parts(place)), "qcow2")
    small = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=4m tmpfs /var/tmp; exec "$@"', "sh")
    done = azpreflight("image", str(path), "--format", "json", before=small)
    assert "unpacking this qcow2 takes" in reason(json.loads(done.stdout))
