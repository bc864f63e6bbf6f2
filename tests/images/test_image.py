"""`azpreflight image` on real disks: what is found in them, what is left of them, and what a hostile one can do."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from azpreflight.host.descendants import below
from azpreflight.host.disk.mount_point import mount_point
from tests.agents.planting import let_waagent_provision, plant
from tests.agents.test_deprovision import PACKAGES
from tests.images.disks import ESP, MIB, XBOOTLDR, Part, System, converted, disk, put, tool, volume_group
from tests.support.processes import left
from tests.support.scratchroot import overlay, tree_for_test

pytestmark = [pytest.mark.root, pytest.mark.xdist_group("images")]
"""One after the other, because each looks for what is left on the whole machine."""

CHECKOUT = Path(__file__).parents[2]
BOOT_UUID = "22222222-2222-4222-8222-222222222222"
FSTAB = f"UUID=11111111-1111-4111-8111-111111111111 / ext4 defaults 0 1\nUUID={BOOT_UUID} /boot ext4 defaults 0 2\n"
SENTINEL = {"var/lib/waagent/provisioned": "0c8bd3a1-5bd9-4b38-9a6c-54c7a4fd5a11"}
TIMEOUT = 60
KILLS = int(os.environ.get("TEST_KILLS", "3"))
"""Runs of each kind that are killed; the tests take few of them."""
ENDS = (0, 1, 3)
"""Exit codes of one that was quicker."""

Done = subprocess.CompletedProcess[str]


def azpreflight(*arguments: str, before: Sequence[str] = ()) -> Done:
    """Run it; what it left on the machine is a failure, whatever the test is about."""
    command = [*before, sys.executable, "-m", "azpreflight", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert leftovers() == []
    assert "Traceback" not in done.stderr
    return done


def looked(path: Path, *more: str) -> dict[str, Any]:
    """The report of `image` on a file, which must be byte for byte what it was."""
    before = fingerprint(path)
    done = azpreflight("image", str(path), "--format", "json", *more)
    assert done.stdout, done.stderr
    assert fingerprint(path) == before
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def statuses(report: dict[str, Any]) -> dict[str, str]:
    return {result["check"]: result["status"] for result in report["results"]}


def reason(report: dict[str, Any], check: str = "image-filesystems") -> str:
    return next(str(result["reason"]) for result in report["results"] if result["check"] == check)


def fingerprint(path: Path) -> tuple[str, int, int]:
    """Content, size and time of the last change."""
    seen = path.stat()
    with path.open("rb") as file:
        digest = hashlib.sha256()
        for piece in iter(lambda: file.read(MIB), b""):
            digest.update(piece)
    return digest.hexdigest(), seen.st_size, seen.st_mtime_ns


def leftovers() -> list[str]:
    """Loop devices of a test's file, mounts, and directories; the kernel takes a moment to give a device back."""
    for _ in range(100):
        loops = [line for line in tool("losetup", "--list", "--noheadings").splitlines() if "azp-image-" in line]
        mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if "azpreflight-image" in line]
        if not loops and not mounts:
            break
        time.sleep(0.05)
    return loops + mounts + [str(path) for path in Path("/run").glob("azpreflight-image-*")]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory whose name shows in what a loop device says of its file."""
    named = tmp_path / "azp-image-test"
    named.mkdir()
    return named


def two_parts(place: Path, **system: Any) -> list[Part]:
    """A system with /boot on a partition of its own."""
    boot = place / "boot"
    boot.mkdir(exist_ok=True)
    (boot / "vmlinuz-6.1.0-1-cloud-amd64").write_bytes(b"MZ")
    root = System(**{"fstab": FSTAB, "files": SENTINEL, **system}).write(place / "tree")
    return [Part(4, role=ESP, kind=""), Part(8, boot, uuid=BOOT_UUID), Part(16, root)]


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


# --- every way to end ---------------------------------------------------------------------------------------------


def mounts_of(pid: int) -> Iterator[list[list[str]]]:
    """The mounts of an image in the namespaces of the threads of a process, which may be gone."""
    for path in Path(f"/proc/{pid}/task").glob("*/mounts"):
        with suppress(OSError):
            lines = path.read_text().splitlines()
            yield [line.split() for line in lines if "azpreflight-image" in line]


def mounted_below(pid: int) -> list[list[str]]:
    """What a process below this one has mounted of an image."""
    return max((mounts for one in below(pid) for mounts in mounts_of(one)), key=len, default=[])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_however_it_ends(place: Path, number: int) -> None:
    """Ended while everything is mounted, by threads of a process below it, and a probe that never ends looks at it."""
    path = disk(place / "disk.raw", two_parts(place))
    command = [sys.executable, "-m", "tests.support.hogs", "spins", "image", str(path), "--timeout", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=CHECKOUT) as process:
        while len(own := mounted_below(process.pid)) < 3 and process.poll() is None:
            time.sleep(0.05)
        kinds = [(line[2], set(line[3].split(",")) >= {"nodev", "nosuid", "noexec"}) for line in own]
        assert kinds == [("tmpfs", True), ("ext4", True), ("ext4", True)]
        assert all("ro" in line[3].split(",") for line in own[1:])
        process.send_signal(number)
        process.communicate(timeout=TIMEOUT)
    empty = [path for path in Path("/run").glob("azpreflight-image-*") if number == signal.SIGKILL]
    assert [list(directory.iterdir()) for directory in empty] == [[]] * len(empty)
    looked(path)  # removes it, and itself leaves nothing
    assert leftovers() == []


@pytest.mark.parametrize("form", ["raw", "qcow2"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_may_be_killed_at_any_moment(place: Path, form: str, number: int) -> None:
    """No process, mount or device stays, nor what it unpacked; the file is as it was, and the next run works."""
    path = converted(disk(place / "disk.img", two_parts(place)), form)
    before = fingerprint(path)
    scratch, mark, chance = place / "tmp", f"TEST_KILLED={place}", random.Random(form)
    scratch.mkdir()
    name, _, value = mark.partition("=")
    env = {**os.environ, name: value, "TMPDIR": str(scratch)}
    command = [sys.executable, "-m", "azpreflight", "image", str(path)]
    nowhere = subprocess.DEVNULL
    for _ in range(KILLS):
        with subprocess.Popen(command, stdout=nowhere, stderr=nowhere, env=env, start_new_session=True) as process:
            time.sleep(chance.uniform(0.05, 1.2))
            process.send_signal(number)
        assert process.returncode in (-number, 128 + number, *ENDS)
        assert left(mark) == []
        mine = [Path("/proc/self/mounts").read_text().count("azpreflight-image"), len(list(scratch.iterdir()))]
        assert (mine, tool("losetup", "--list", "--noheadings").count("azp-image-")) == ([0, 0], 0)
        assert fingerprint(path) == before
        assert statuses(looked(path))["gen-provisioned-sentinel"] == "fail"


def test_a_run_does_not_disturb_another(place: Path) -> None:
    """What stands in /run may be in use: the mounts of one that is looked at by now outlive the start of the next."""
    path = disk(place / "disk.raw", two_parts(place))
    command = [sys.executable, "-m", "tests.support.hogs", "spins", "image", str(path), "--timeout", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=CHECKOUT) as process:
        while len(mounted_below(process.pid)) < 3:
            assert process.poll() is None
            time.sleep(0.05)
        with mount_point() as another:
            assert another is not None and len(mounted_below(process.pid)) == 3
        process.terminate()
        process.communicate(timeout=TIMEOUT)
    assert leftovers() == []
