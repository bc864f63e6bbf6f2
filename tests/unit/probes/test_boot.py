"""Whether a VM made from this starts: drivers, initramfs, console, root, swap, room and patience."""

from __future__ import annotations

import gzip
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from azpreflight.guest.initramfs import AT_START
from azpreflight.host import Completed, Room
from azpreflight.model import Platform, Run, Severity, Stage
from azpreflight.probes import agents, boot
from azpreflight.probes.boot import messages
from azpreflight.probes.boot.drivers import DRIVERS
from tests.support.fakes import Denied, FakeHost, Link
from tests.support.judging import by_check, findings, judged, statuses
from tests.unit.guest.test_initramfs import archive
from tests.unit.probes import test_agents as with_agents

PROBE = boot.PROBE
RELEASE = "6.1.0-50-cloud-amd64"
OLDER = "6.1.0-9-cloud-amd64"
IMAGE = f"/boot/initrd.img-{RELEASE}"
GRUB = "/boot/grub/grub.cfg"
UUID = "root=UUID=1a2b3c4d"
PLENTY = {
    "/": Room(1, 20_000 << 20, 900_000),
    "/boot": Room(2, 300 << 20, 49_000),
    "/var": Room(1, 20_000 << 20, 900_000),
}
RUN = Run(stage=Stage.CAPTURE, platform=Platform.AZURE)
MOUNTED = replace(RUN, root="/mnt")


def kernel(
    release: str = RELEASE,
    without: tuple[str, ...] = (),
    built_in: tuple[str, ...] = (),
    more: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The lists and files of one kernel's modules, and the kernel itself."""
    base = f"/lib/modules/{release}"
    files = {name: f"kernel/drivers/{name}.ko" for name in (*DRIVERS, *more) if name not in (*without, *built_in)}
    return {
        f"/boot/vmlinuz-{release}": "",
        f"{base}/modules.dep": "".join(f"{file}:\n" for file in files.values()),
        f"{base}/modules.builtin": "".join(f"kernel/{name}.ko\n" for name in built_in),
        **{f"{base}/{file}": "" for file in files.values()},
    }


def image(*names: str, release: str = RELEASE) -> dict[str, Any]:
    """An initramfs with these modules."""
    paths = [f"usr/lib/modules/{release}/kernel/{name}.ko.zst" for name in names]
    return {f"/boot/initrd.img-{release}": archive("microcode.bin") + gzip.compress(archive("init", *paths))}


def grub(*options: str) -> dict[str, Any]:
    return {GRUB: f"menuentry 'Debian' {{\n linux /vmlinuz-{RELEASE} {' '.join(options)}\n}}\n"}


FILES = {
    **kernel(),
    **image(*AT_START),
    **grub(UUID, "ro", "console=tty0", "console=ttyS0,115200"),
    "/etc/fstab": "UUID=1a2b3c4d / ext4 defaults 0 1\n",
    "/sbin/dhclient": "",
    "/etc/dhcp/dhclient.conf": "#timeout 60;\nretry 60;\n",
}


def host(changes: dict[str, Any], *removed: str, rooms: dict[str, Any] = PLENTY) -> FakeHost:
    """An image that starts on Azure, with some files changed."""
    files = with_agents.host({**FILES, **changes}, *removed).files
    return FakeHost(files=files, rooms=rooms)


FIRSTBOOT = replace(RUN, stage=Stage.FIRSTBOOT)
MANAGER = {
    "/lib/systemd/system/NetworkManager.service": "[Unit]\n",
    "/etc/systemd/system/multi-user.target.wants/NetworkManager.service": Link(
        "/lib/systemd/system/NetworkManager.service"
    ),
}
NFT = ("nf_tables", "nft_compat", "xt_owner", "xt_conntrack", "nft_ct", "ip_tables", "iptable_security")


def netfilter(*missing: str, program: str = "iptables-nft") -> dict[str, Any]:
    """An agent that makes rules, and a kernel that lacks some of what they need."""
    programs = {
        "iptables-nft": {"/usr/sbin/iptables": Link("/etc/alternatives/iptables")},
        "iptables": {"/usr/sbin/iptables": Link("xtables-legacy-multi"), "/usr/sbin/xtables-legacy-multi": ""},
        "nft": {"/usr/sbin/nft": ""},
    }
    there = kernel(more=tuple(name for name in NFT if name not in missing))
    files = programs.get(program, {})
    backend = {"/etc/alternatives/iptables": Link("/usr/sbin/xtables-nft-multi"), "/usr/sbin/xtables-nft-multi": ""}
    return {**there, **files, **backend, **with_agents.conf("OS.EnableFirewall=y")}


KERNEL = {"_TRANSPORT": "kernel"}
"""What journald adds to a line of the kernel."""


def entry(line: str, **fields: str) -> str:
    """An entry of the journal as `journalctl --output=json` prints it; of the kernel unless it says otherwise."""
    return json.dumps({"MESSAGE": line, **(fields or KERNEL)})


def booted(*lines: str) -> FakeHost:
    """A VM at its first boot whose kernel said these lines."""
    return journal(*map(entry, lines))


def journal(*entries: str) -> FakeHost:
    """A VM at its first boot whose journal has these entries."""
    first = host(with_agents.SYSTEMD_RUNS)
    return replace(first, programs={**first.programs, messages.COMMAND: Completed(0, "\n".join(entries), "")})


HEALTHY = (host({}), RUN)
BROKEN = {
    "boot-drivers": (host(kernel(without=("hv_netvsc",)), f"/lib/modules/{RELEASE}/kernel/drivers/hv_netvsc.ko"), RUN),
    "boot-initramfs": (host(image("virtio_blk", "sd_mod")), RUN),
    "boot-root": (host(grub("root=/dev/vda1", "console=ttyS0")), RUN),
    "boot-console": (host(grub(UUID, "ro", "quiet")), RUN),
    "boot-swap": (host({"/etc/fstab": "/swapfile none swap sw 0 0\n"}), RUN),
    "boot-space": (host({}, rooms={"/": Room(1, 31 << 20, 900_000)}), RUN),
    "boot-dhcp-timeout": (host({"/etc/dhcp/dhclient.conf": "timeout 60;\n"}), RUN),
    "boot-firmware": (
        host({"/sys/firmware/efi": None, "/boot/efi/EFI/debian/shimx64.efi": ""}),
        RUN,
    ),
    "boot-netfilter": (host(netfilter("xt_owner")), RUN),
    "boot-sriov": (host(MANAGER), RUN),
    "boot-messages": (
        booted("systemd started", "Timed out waiting for device dev-sdc1.device - /dev/sdc1."),
        FIRSTBOOT,
    ),
}


def report(on: FakeHost, run: Run = RUN) -> Any:
    return judged(replace(on, root=run.root), run, agents.PROBE, PROBE)


def said(on: FakeHost, check: str, run: Run = RUN) -> list[tuple[Severity, str]]:
    return [(finding.severity, finding.message) for finding in findings(report(on, run), check)]


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


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("quiet",), [Severity.NOTE]),
        (("loglevel=0",), [Severity.NOTE]),
        (("systemd.show_status=0", "loglevel=3"), [Severity.NOTE]),
        (("rootdelay=3000",), [Severity.NOTE]),
        (("rootdelay=300", "loglevel=7", "systemd.show_status=1"), []),
        (("loglevel=0", "loglevel=4"), []),
    ],
)
def test_what_hides_the_console(options: tuple[str, ...], expected: list[Severity]) -> None:
    """Options that keep errors from the log of a boot, and a delay above the usual one."""
    found = said(host(grub(UUID, "ro", *options, "console=ttyS0")), "boot-console")
    assert [severity for severity, _ in found] == expected


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


# --- console ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "severity", "words"),
    [
        (("console=tty0",), Severity.WARNING, "no console=ttyS0 in /boot/grub/grub.cfg"),
        (("console=ttyS1",), Severity.WARNING, "no console=ttyS0"),
        (("console=ttyS0,115200", "console=tty0"), Severity.WARNING, "console=tty0 comes after console=ttyS0"),
        (("console=ttyS0,9600",), Severity.NOTE, "console=ttyS0,9600 asks for another speed"),
        (("console=tty1", "console=ttyS0"), None, ""),
        (("console=ttyS0,115200n8",), None, ""),
    ],
)
def test_consoles(options: tuple[str, ...], severity: Severity | None, words: str) -> None:
    """The serial port is there, and the last; Microsoft's images name no speed."""
    found = said(host(grub(UUID, *options)), "boot-console")
    assert [one for one, _ in found] == ([severity] if severity else [])
    assert all(words in message for _, message in found)


@pytest.mark.parametrize(
    ("release", "last"),
    [
        ("ID=debian\n", "update-grub"),
        ('ID="sles"\nID_LIKE="suse"\n', "grub2-mkconfig -o /boot/grub2/grub.cfg"),
        ("ID=azurelinux\n", "grub2-mkconfig -o /boot/grub2/grub.cfg"),
        ('ID="rhel"\nID_LIKE="fedora"\n', "grubby --update-kernel=ALL --args='console=tty0 console=ttyS0,115200'"),
    ],
)
def test_the_console_is_set_with_what_the_distribution_has(release: str, last: str) -> None:
    """SUSE and Azure Linux have no grubby."""
    (finding,) = findings(report(host({"/etc/os-release": release, **grub(UUID)})), "boot-console")
    assert finding.commands[-1] == last


def test_dracuts_own_file_for_azure_is_added_to(tmp_path: Path) -> None:
    """Images for Azure mostly have one of that name, with other drivers in it."""
    files = {"/etc/os-release": 'ID="rhel"\n', **image("virtio_blk", "sd_mod")}
    (finding,) = findings(report(host(files)), "boot-initramfs")
    (tmp_path / "azure.conf").write_text('add_drivers+=" mana "\n')
    command = finding.commands[0].replace("/etc/dracut.conf.d/", "")
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, timeout=30)
    lines = (tmp_path / "azure.conf").read_text().splitlines()
    assert lines == ['add_drivers+=" mana "', 'add_drivers+=" hv_vmbus hv_storvsc nvme pci_hyperv "']


def test_arm_has_another_port() -> None:
    """On ARM64 the first serial port is ttyAMA0."""
    arm = {"/lib/ld-linux-aarch64.so.1": ""}
    ((_, message),) = said(host(arm), "boot-console")
    assert message.startswith("no console=ttyAMA0")
    assert said(host({**arm, **grub(UUID, "console=ttyAMA0")}), "boot-console") == []


@pytest.mark.parametrize("unit", ["serial-getty@ttyS0.service", "serial-getty@.service"])
def test_a_masked_login_is_a_note(unit: str) -> None:
    """Some mean it."""
    ((severity, _),) = said(host({f"/etc/systemd/system/{unit}": Link("/dev/null")}), "boot-console")
    assert severity is Severity.NOTE


def test_without_a_boot_loader() -> None:
    """A container has none; of an image its partition may be missing."""
    bare = host({}, GRUB)
    assert statuses(report(bare, replace(RUN, platform=Platform.NONE)))["boot-console"] == "notapplicable"
    found = statuses(report(bare, MOUNTED))
    assert (found["boot-console"], found["boot-root"]) == ("unknown", "unknown")


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
