"""The further parts of booting: firmware, the agent's rules, accelerated networking, and what the log says."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from azpreflight.model import Run, Severity
from azpreflight.probes import agents
from tests.support.fakes import Denied, FakeHost, Link
from tests.support.judging import by_check, findings, judged, statuses
from tests.support.machines import agents as with_agents
from tests.support.machines.boot import (
    FIRSTBOOT,
    KERNEL,
    MANAGER,
    MOUNTED,
    PROBE,
    RUN,
    booted,
    entry,
    host,
    journal,
    kernel,
    netfilter,
)

EFI = {"/sys/firmware/efi": None}
RECORDED = Path(__file__).parents[2] / "data" / "journal"
DEFAULT = "/boot/efi/EFI/BOOT/BOOTX64.EFI"


def report(on: FakeHost, run: Run = RUN) -> Any:
    return judged(replace(on, root=run.root), run, agents.PROBE, PROBE)


def said(on: FakeHost, check: str, run: Run = RUN) -> list[tuple[Severity, str]]:
    return [(finding.severity, finding.message) for finding in findings(report(on, run), check)]


@pytest.mark.parametrize(
    ("files", "run", "status"),
    [
        ({}, RUN, "notapplicable"),
        ({**EFI, DEFAULT: ""}, RUN, "pass"),
        ({**EFI, "/boot/efi/efi/boot/bootx64.efi": ""}, RUN, "pass"),
        ({**EFI, "/efi/EFI/BOOT/BOOTX64.EFI": ""}, RUN, "pass"),
        ({**EFI, "/boot/efi/EFI/debian/grubx64.efi": ""}, RUN, "fail"),
        ({**EFI, "/boot/efi/EFI/BOOT/fbx64.efi": ""}, RUN, "fail"),
        ({**EFI, DEFAULT: "", "/lib/ld-linux-aarch64.so.1": ""}, RUN, "fail"),
        ({**EFI, "/boot/efi/EFI/BOOT/BOOTAA64.EFI": "", "/lib/ld-linux-aarch64.so.1": ""}, RUN, "pass"),
        (EFI, RUN, "unknown"),
        ({**EFI, "/boot/efi": None}, RUN, "unknown"),
        ({**EFI, "/boot/EFI/BOOT/BOOTX64.EFI": ""}, RUN, "pass"),
        ({"/boot/efi": None}, MOUNTED, "notapplicable"),
        ({**EFI, "/boot/efi": Denied()}, RUN, "unknown"),
        ({**EFI, "/boot/efi/EFI/debian/grubx64.efi": ""}, FIRSTBOOT, "notapplicable"),
        ({"/boot/efi/EFI/debian/grubx64.efi": ""}, RUN, "notapplicable"),
        ({"/boot/efi/EFI/debian/grubx64.efi": ""}, MOUNTED, "fail"),
        ({DEFAULT: ""}, MOUNTED, "pass"),
        ({}, MOUNTED, "notapplicable"),
        ({"/etc/fstab": "UUID=1 / ext4 defaults 0 1\nUUID=AB-12 /boot/efi vfat umask=0077 0 1\n"}, MOUNTED, "unknown"),
    ],
)
def test_the_default_boot_loader(files: dict[str, Any], run: Run, status: str) -> None:
    """It is asked for where UEFI starts the system; a partition that is not mounted is unknown, and a boot is proof."""
    assert statuses(report(host(files), run))["boot-firmware"] == status


def program(certificates: bytes) -> bytes:
    """The headers of a program for UEFI, and its table of certificates."""
    head = b"MZ".ljust(0x3C, b"\0") + (64).to_bytes(4, "little") + b"PE\0\0".ljust(24, b"\0")
    head += (0x20B).to_bytes(2, "little").ljust(112 + 32, b"\0")
    return head + (len(head) + 8).to_bytes(4, "little") + len(certificates).to_bytes(4, "little") + certificates


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (program(b""), "is not signed:"),
        (program(b"Debian Secure Boot CA"), "not signed by Microsoft's"),
        (program(b"Microsoft Corporation UEFI CA 2011"), "by the UEFI CA 2011 alone"),
        (program(b"Microsoft Corporation UEFI CA 2011, Microsoft UEFI CA 2023"), None),
        (program(b"Microsoft UEFI CA 2023"), None),
        (b"MZ", None),
        (b"MZ" + b"\xff" * 80, None),
    ],
)
def test_who_signed_what_firmware_starts(content: bytes, words: str | None) -> None:
    """A note where some VMs with Secure Boot refuse it; what is no program says nothing."""
    found = said(host({**EFI, "/boot/efi/EFI/BOOT/BOOTX64.EFI": content}), "boot-firmware")
    assert [severity for severity, _ in found] == ([Severity.NOTE] if words else [])
    assert all((words or "") in message for _, message in found)


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ({}, None),
        (netfilter(), None),
        (netfilter("nft_ct", "ip_tables", "iptable_security"), None),
        (netfilter("xt_owner"), "xt_owner"),
        (netfilter("xt_conntrack"), "xt_conntrack"),
        (netfilter("nft_compat"), "nft_compat"),
        (netfilter("iptable_security", program="iptables"), "iptable_security"),
        (netfilter("nft_compat", "nf_tables", program="iptables"), None),
        (netfilter("xt_owner", "nft_compat", program="nft"), None),
        (netfilter("nft_ct", program="nft"), "nft_ct"),
        (netfilter(program="none"), "neither iptables nor nft is installed"),
        ({**netfilter(), "/etc/modprobe.d/a.conf": "install xt_owner /bin/true\n"}, "xt_owner is blocked by line 1"),
        ({**netfilter(), "/etc/modprobe.d/a.conf": "blacklist xt_conntrack\n"}, "xt_conntrack is blocked"),
        ({**netfilter(program="iptables"), "/etc/modprobe.d/a.conf": "blacklist ip_tables\n"}, None),
    ],
)
def test_what_the_agents_rules_need(files: dict[str, Any], missing: str | None) -> None:
    """By the program that makes them; nothing is needed where the agent makes none."""
    found = said(host(files), "boot-netfilter")
    assert [severity for severity, _ in found] == [Severity.WARNING] * (missing is not None)
    assert all(message.startswith(missing or "") for _, message in found)


def test_modules_that_are_built_in_are_there() -> None:
    """And where the agent makes no rules the question is not asked."""
    built_in = ("xt_owner", "xt_conntrack", "nf_tables", "nft_compat")
    files = {**netfilter(*built_in), **kernel(built_in=built_in)}
    assert statuses(report(host(files)))["boot-netfilter"] == "pass"
    assert statuses(report(host({})))["boot-netfilter"] == "notapplicable"


RULES = "/etc/udev/rules.d/68-azure-sriov-nm-unmanaged.rules"
MICROSOFT = 'SUBSYSTEM=="net", DRIVERS=="hv_pci", ACTION=="add", ENV{NM_UNMANAGED}="1"\n'
LATER = (
    'SUBSYSTEM=="net", ACTION!="remove", DRIVERS=="mana|mlx4_core|mlx5_core", ATTR{flags}=="0x?[89ABCDEF]??", '
    'ENV{AZURE_UNMANAGED_SRIOV}="1", ENV{ID_NET_MANAGED_BY}="unmanaged", ENV{NM_UNMANAGED}="1"\n'
)
SEVERAL = 'DRIVERS!="mlx5_core", GOTO="end"\nENV{NM_UNMANAGED}="1"\nLABEL="end"\n'
SETTING = "[keyfile]\nunmanaged-devices=driver:mlx4_core;driver:mlx5_core\n"


@pytest.mark.parametrize(
    ("files", "speaks"),
    [
        ({}, False),
        (MANAGER, True),
        ({**MANAGER, RULES: MICROSOFT}, False),
        ({**MANAGER, RULES: LATER}, False),
        ({**MANAGER, RULES: SEVERAL}, False),
        ({**MANAGER, RULES: f"#{MICROSOFT}"}, True),
        ({**MANAGER, RULES: 'ENV{ID_NET_DRIVER}=="veth", ENV{NM_UNMANAGED}="1"\n'}, True),
        ({**MANAGER, "/etc/NetworkManager/conf.d/99-azure-unmanaged-devices.conf": SETTING}, False),
        ({"/lib/systemd/system/NetworkManager.service": "[Unit]\n"}, False),
    ],
)
def test_virtual_functions_are_left_alone(files: dict[str, Any], speaks: bool) -> None:
    """By the rule of Microsoft's instructions, by that of azure-vm-utils, or by NetworkManager's own settings."""
    found = findings(report(host(files)), "boot-sriov")
    assert bool(found) is speaks


NETWORKD_UNIT = "/lib/systemd/system/systemd-networkd.service"
NETWORKD: dict[str, Any] = {
    NETWORKD_UNIT: "[Unit]\n",
    "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service": Link(NETWORKD_UNIT),
}
EVERY = {"/etc/systemd/network/20-all.network": "[Match]\nName=en* eth*\n\n[Network]\nDHCP=yes\n"}
OF_UTILS = "[Match]\nProperty=AZURE_UNMANAGED_SRIOV=1\n\n[Link]\nUnmanaged=yes\n"


@pytest.mark.parametrize(
    ("files", "speaks"),
    [
        (EVERY, False),
        ({**NETWORKD, **EVERY}, True),
        ({**NETWORKD, **EVERY, "/usr/lib/systemd/network/01-azure-unmanaged-sriov.network": OF_UTILS}, False),
        ({**NETWORKD, **EVERY, "/usr/lib/systemd/network/99-azure-unmanaged-sriov.network": OF_UTILS}, True),
        ({**NETWORKD, "/etc/systemd/network/20-x.network": "[Match]\nName=eth0\n"}, False),
        ({**NETWORKD, "/etc/systemd/network/20-x.network": "[Match]\nName=eth*\nDriver=hv_netvsc\n"}, False),
        ({**NETWORKD, "/etc/systemd/network/20-x.network": "[Match]\nType=ether\n"}, True),
        ({**NETWORKD, **EVERY, "/lib/systemd/network/20-all.network": OF_UTILS}, True),
    ],
)
def test_networkd_leaves_virtual_functions_alone(files: dict[str, Any], speaks: bool) -> None:
    """The first file that matches counts, and of two of one name the administrator's."""
    assert bool(findings(report(host(files)), "boot-sriov")) is speaks


def test_the_file_for_networkd_mends_it(tmp_path: Path) -> None:
    """As the command writes it."""
    (finding,) = findings(report(host({**NETWORKD, **EVERY})), "boot-sriov")
    command, _, path = finding.commands[0].partition(" > ")
    written = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=10, check=True).stdout
    assert findings(report(host({**NETWORKD, **EVERY, path: written})), "boot-sriov") == ()


def test_hostile_rules_cost_no_time() -> None:
    """Whatever a file of the greatest size repeats, each line is inspected once."""
    for line in ("mana " * 12_000, "mana\n" * 13_000, "NM_UNMANAGED\n" * 5_000, "ATTR{flags" * 6_000):
        assert len(findings(report(host({**MANAGER, RULES: line})), "boot-sriov")) == 1


def test_the_finding_mends_itself() -> None:
    """The rule that it proposes satisfies it."""
    (finding,) = findings(report(host(MANAGER)), "boot-sriov")
    rule, _, path = finding.commands[0].removeprefix("echo '").rpartition("' > ")
    assert findings(report(host({**MANAGER, path: f"{rule}\n"})), "boot-sriov") == ()


HARMLESS = (
    "blk_update_request: I/O error, dev fd0, sector 0 op 0x0:(READ) flags 0x0",
    "I/O error, dev sr0, sector 8 op 0x0:(READ)",
    "hv_vmbus: registering driver hv_storvsc",
    "ACPI BIOS Error (bug): Could not resolve symbol",
    "systemd-modules-load.service: Failed with result 'exit-code'.",
    "Failed to start something.service - Something.",
    "EXT4-fs (sda1): mounted filesystem with ordered data mode. Opts: errors=remount-ro",
    "hv_utils: Registering HyperV Utility Driver",
)
TELLING = {
    "Reached target emergency.target - Emergency Mode.": Severity.ERROR,
    "EXT4-fs (sda1): Remounting filesystem read-only": Severity.ERROR,
    "Timed out waiting for device dev-disk-by\\x2duuid-1.device - /dev/disk/by-uuid/1.": Severity.WARNING,
    "EXT4-fs error (device sda1): ext4_lookup:1855: inode #131: comm ls: iget: checksum invalid": Severity.WARNING,
    "XFS (sda2): Metadata corruption detected at xfs_agf_read_verify": Severity.WARNING,
    "blk_update_request: I/O error, dev sda, sector 4096 op 0x0:(READ)": Severity.WARNING,
    "nvme nvme0: I/O 24 QID 1 timeout, aborting": Severity.WARNING,
    "Out of memory: Killed process 812 (python3) total-vm:1998884kB": Severity.WARNING,
}


def test_a_healthy_log_says_nothing() -> None:
    """Floppies and discs have errors in every VM, and units fail for reasons that are told elsewhere."""
    assert said(booted(*HARMLESS), "boot-messages", FIRSTBOOT) == []


@pytest.mark.parametrize("line", TELLING)
def test_a_line_that_matters_is_shown(line: str) -> None:
    """With how often it was there, and what it means."""
    ((severity, message),) = said(booted(*HARMLESS, line, line), "boot-messages", FIRSTBOOT)
    assert (severity, "(2 times): " in message) == (TELLING[line], True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "ext4",
            [
                (
                    Severity.ERROR,
                    "a filesystem was made read-only after errors: EXT4-fs (loop0): Remounting filesystem read-only",
                ),
                (
                    Severity.WARNING,
                    "a filesystem has errors: EXT4-fs error (device loop0): htree_dirblock_to_tree:1051: inode #12",
                ),
            ],
        ),
        (
            "xfs",
            [
                (
                    Severity.WARNING,
                    "a filesystem has errors: XFS (loop0): Metadata corruption detected at __xfs_buf_ioend",
                )
            ],
        ),
    ],
)
def test_what_a_real_kernel_said_of_damage(name: str, expected: list[tuple[Severity, str]]) -> None:
    """Recorded when a block of a real filesystem had been overwritten (tests/data/journal)."""
    lines = (RECORDED / f"{name}.txt").read_text().splitlines()
    assert said(booted(*lines), "boot-messages", FIRSTBOOT) == expected


def test_a_journal_that_says_nothing_is_unknown() -> None:
    """Not all may read it; and where systemd does not run there is none."""
    assert by_check(report(booted(""), FIRSTBOOT))["boot-messages"].status.value == "unknown"
    assert statuses(report(host(with_agents.SYSTEMD_RUNS), FIRSTBOOT))["boot-messages"] == "unknown"
    assert statuses(report(host({}), FIRSTBOOT))["boot-messages"] == "notapplicable"


EMERGENCY = "Reached target emergency.target - Emergency Mode."


@pytest.mark.parametrize(
    ("fields", "believed"),
    [
        (KERNEL, True),
        ({"_TRANSPORT": "journal", "_PID": "1"}, True),
        ({"_TRANSPORT": "syslog", "_PID": "812", "SYSLOG_IDENTIFIER": "systemd", "SYSLOG_PID": "1"}, False),
        ({"_TRANSPORT": "stdout", "_PID": "812", "SYSLOG_IDENTIFIER": "systemd"}, False),
        ({"_TRANSPORT": "journal", "_PID": "812", "SYSLOG_IDENTIFIER": "kernel", "TRANSPORT": "kernel"}, False),
        ({"_TRANSPORT": "stdout", "_PID": "1"}, False),
        ({"_PID": "1"}, False),
    ],
)
def test_the_sender_is_whoever_journald_says(fields: dict[str, str], believed: bool) -> None:
    """What an entry says of itself, anybody may write; the fields that begin with an underscore are journald's."""
    on = journal(*map(entry, HARMLESS), entry(EMERGENCY, **fields))
    assert bool(said(on, "boot-messages", FIRSTBOOT)) is believed


@pytest.mark.parametrize(
    "line",
    [
        "EXT4-fs error (d[812]: segfault at 0 ip 0000000000000000 sp 00007ffc error 14",
        "BTRFS critical [812]: segfault at 0 ip 0",
        "nvme nvme0: I/O[812]: segfault at 0 ip 0 sp 0 error 4 in timeout[400000+1000]",
        "a[812]: segfault at 0\nEXT4-fs (sda1): Remounting filesystem read-only",
        'audit: type=1400 comm="x" EXT4-fs error (device sda1): x',
        "Unmounted /tmp/Timed out waiting for device sdb.",
        "/tmp/I/O error, dev sda: mounted",
    ],
)
def test_a_name_that_a_user_chose_is_no_message(line: str) -> None:
    """Programs and mount points of users are quoted by the kernel and by systemd."""
    assert said(booted(line, *HARMLESS), "boot-messages", FIRSTBOOT) == []


def test_what_follows_the_words_that_are_known_is_left_out() -> None:
    """A program's name, which may be anything, is behind them."""
    line = "EXT4-fs error (device sda1): ext4_lookup:1855: inode #131: comm s3cret-w0rd: iget: checksum invalid"
    ((_, message),) = said(booted(line), "boot-messages", FIRSTBOOT)
    assert message == "a filesystem has errors: EXT4-fs error (device sda1): ext4_lookup:1855: inode #131"


def test_a_message_that_cannot_be_printed_is_read_too() -> None:
    """journalctl writes it as numbers; entries that make no sense are left out."""
    telling = {"MESSAGE": list(b"EXT4-fs error (device sda1): \xff"), **KERNEL}
    broken = ("{", "[]", '{"MESSAGE": null, "_TRANSPORT": "kernel"}', '{"MESSAGE": [300], "_TRANSPORT": "kernel"}')
    assert len(said(journal(json.dumps(telling), *broken), "boot-messages", FIRSTBOOT)) == 1
