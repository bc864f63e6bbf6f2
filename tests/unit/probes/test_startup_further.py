"""States of the boot of public reports: units that are enabled and do not run, options, directories, sizes."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from azpreflight.guest import unified
from azpreflight.probes import agents
from tests.support import fixing
from tests.support.fakes import FakeHost, Link
from tests.support.judging import findings
from tests.support.machines.startup import GRUB, KERNEL, MODULES, PROBE, RELEASE, RUN, UNIT, WANTED, grub, host, said

OVERRIDE = "/etc/systemd/system/{}.d/x.conf"
SSH = {
    UNIT.format("ssh.service"): "[Unit]\nConditionPathExists=!/etc/ssh/sshd_not_to_be_run\n[Service]\n"
    "ExecStartPre=/usr/sbin/sshd -t\nExecStart=/usr/sbin/sshd -D $OPTS\n",
    WANTED.format("ssh.service"): Link(UNIT.format("ssh.service")),
    "/usr/sbin/sshd": "",
}
WHOLE = {"/var/lib/dpkg/status": ""}
DEBCONF = "Name: grub-pc/install_devices\nTemplate: x\nValue: {}\nOwners: grub-pc\n\nName: other\nValue: 1\n"
EARLIER = "/lib/systemd/system/walinuxagent.service"
LOCAL = OVERRIDE.format("cloud-init-local.service")
AGENT = OVERRIDE.format("walinuxagent.service")
GENERATOR = "/etc/systemd/system-generators/cloud-init-generator"
UKI = "/boot/efi/EFI/Linux/debian-6.1.efi"


def program(cmdline: str) -> bytes:
    """An EFI program of two sections, as ukify lays them out."""
    names = [(b".osrel", b"ID=debian\n"), (b".cmdline", cmdline.encode())]
    start = 0x40 + 24 + 40 * len(names)
    table, content = b"", b""
    for name, data in names:
        table += struct.pack("<8sIIII16x", name, len(data), 0, len(data), start + len(content))
        content += data
    header = b"MZ" + bytes(0x3A) + struct.pack("<I", 0x40)
    return header + b"PE\0\0" + struct.pack("<HH12xHH", 0x8664, len(names), 0, 0) + table + content


STATES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "a condition": (
        "boot-units",
        {LOCAL: "[Unit]\nConditionVirtualization=kvm\n"},
        "error",
        "ConditionVirtualization=kvm",
    ),
    "a file of a site": (
        "boot-units",
        {AGENT: "[Unit]\nConditionPathExists=/etc/x\n"},
        "warning",
        "=/etc/x does not hold",
    ),
    "a file in the way": ("boot-units", {**SSH, "/etc/ssh/sshd_not_to_be_run": ""}, "error", "sshd_not_to_be_run"),
    "a program": ("boot-units", {LOCAL: "[Service]\nExecStart=\nExecStart=/opt/wrap\n"}, "error", "starts /opt/wrap"),
    "sshd": ("boot-units", {**SSH, **WHOLE, "/usr/sbin/sshd": Link("/gone")}, "error", "starts /usr/sbin/sshd"),
    "an option": (
        "boot-units",
        {**SSH, **grub("root=UUID=1a2b ro systemd.mask=ssh.service")},
        "error",
        "systemd.mask=ssh",
    ),
    "a generator": ("boot-units", {GENERATOR: Link("/dev/null")}, "error", "generator is switched off"),
    "a link to a disk": ("boot-directories", {"/home": Link("/mnt/home")}, "error", "/home is a link to /mnt/home"),
    "a link that is there": (
        "boot-directories",
        {"/var/log": Link("/mnt/a"), "/mnt/a": None},
        "warning",
        "/var/log is",
    ),
    "read-only": ("boot-directories", {"/etc/fstab": "UUID=1a2b / ext4 ro,noatime 0 1\n"}, "error", "read-only"),
    "a key": ("boot-entry", grub("root=UUID=1a2b rd.luks.uuid=luks-77"), "error", "rd.luks.uuid="),
    "an array": ("boot-entry", grub("root=UUID=1a2b rd.md.uuid=77:78"), "error", "rd.md.uuid="),
    "another file system": ("boot-entry", grub("root=UUID=1a2b rootfstype=xfs"), "error", "fstab has ext4"),
    "no ACPI": ("boot-entry", grub("root=UUID=1a2b acpi=off"), "error", "VMBus"),
    "FIPS": (
        "boot-entry",
        {**grub("root=UUID=1a2b fips=1"), "/etc/fstab": "UUID=1a2b / ext4 rw\nUUID=3c /boot ext4 rw\n"},
        "error",
        "fips=1",
    ),
    "a swap to resume from": (
        "boot-entry",
        {"/etc/initramfs-tools/conf.d/resume": "RESUME=UUID=77\n"},
        "warning",
        "RESUME=UUID=77",
    ),
    "a disk for GRUB": (
        "boot-entry",
        {"/var/cache/debconf/config.dat": DEBCONF.format("/dev/disk/by-id/ata-QEMU_1")},
        "note",
        "GRUB installed to /dev/disk/by-id/ata-QEMU_1",
    ),
    "another init": ("boot-entry", grub("root=UUID=1a2b init=/opt/init"), "error", "init=/opt/init"),
    "no entry": ("boot-entry", {GRUB: ""}, "error", "GRUB has no entry"),
    "an option of a unified image": (
        "boot-entry",
        {GRUB: Link("/gone"), UKI: program("root=UUID=1a2b ro acpi=off")},
        "error",
        f"acpi=off in {UKI}",
    ),
    "memory for a crash": ("boot-memory", grub("root=UUID=1a2b crashkernel=2G,high"), "warning", "takes 2048 MiB"),
    "promises": (
        "boot-memory",
        {"/etc/sysctl.d/a.conf": "vm.overcommit_memory = 2\nvm.overcommit_ratio = 10\n"},
        "warning",
        "leaves programs 10 %",
    ),
    "no drivers later": (
        "boot-memory",
        {"/etc/sysctl.d/a.conf": "kernel.modules_disabled=1\n"},
        "error",
        "no driver load",
    ),
}
"""State: its check, what is changed, the severity, and what the message has."""


@pytest.mark.parametrize("state", STATES)
def test_a_state_is_named(state: str) -> None:
    """By its check, with the object."""
    check, changes, severity, text = STATES[state]
    assert [(found, text in message) for found, message in said(host(changes), check)] == [(severity, True)]


SILENT: dict[str, tuple[str, dict[str, Any]]] = {
    "conditions that hold": (
        "boot-units",
        {LOCAL: "[Unit]\nConditionVirtualization=microsoft\nConditionPathExists=/run/x\nConditionPathExists=|/etc/x\n"},
    ),
    "a condition taken back": (
        "boot-units",
        {LOCAL: "[Unit]\nConditionPathExists=/etc/x\nConditionPathExists=\n"},
    ),
    "a program by a name": ("boot-units", {LOCAL: "[Service]\nExecStart=/opt/%p\nExecStart=-x\n"}),
    "sshd": ("boot-units", {**SSH, **WHOLE}),
    "a program that may have been left out": ("boot-units", {**SSH, "/usr/sbin/sshd": Link("/gone")}),
    "an init": ("boot-target", {**WHOLE, "/sbin/init": ""}),
    "a mask of another unit": ("boot-units", grub("root=UUID=1a2b systemd.mask=tmp.mount")),
    "a link within": ("boot-directories", {"/home": Link("/var/home"), "/var/home": None}),
    "a root that is written": ("boot-directories", {"/etc/fstab": "UUID=1a2b / ext4 rw,errors=remount-ro 0 1\n"}),
    "a key that is known": (
        "boot-entry",
        {**grub("root=UUID=1a2b rd.luks.uuid=luks-77"), "/etc/crypttab": "luks-77 UUID=77 none nofail\n"},
    ),
    "the same file system": ("boot-entry", grub("root=UUID=1a2b rootfstype=ext3,ext4")),
    "FIPS with its partition": (
        "boot-entry",
        {**grub("root=UUID=1a2b fips=1 boot=UUID=3c"), "/etc/fstab": "UUID=1a2b / ext4 rw\nUUID=3c /boot ext4 rw\n"},
    ),
    "a disk for GRUB": ("boot-entry", {"/var/cache/debconf/config.dat": DEBCONF.format("/dev/sda")}),
    "an init that is there": ("boot-entry", {**grub("root=UUID=1a2b init=/opt/init"), "/opt/init": ""}),
    "nothing to resume from": ("boot-entry", {"/etc/initramfs-tools/conf.d/resume": "RESUME=none\n"}),
    "a unified image": ("boot-entry", {GRUB: Link("/gone"), UKI: program("root=UUID=1a2b ro console=ttyS0")}),
    "memory by size": ("boot-memory", grub("root=UUID=1a2b crashkernel=1G-4G:192M,4G-:256M")),
    "promises of half": ("boot-memory", {"/etc/sysctl.d/a.conf": "vm.overcommit_memory = 2\n"}),
    "drivers later": ("boot-memory", {"/etc/sysctl.d/a.conf": "kernel.modules_disabled=0\n"}),
}


@pytest.mark.parametrize("state", SILENT)
def test_its_neighbour_is_not(state: str) -> None:
    """What looks alike and works."""
    check, changes = SILENT[state]
    assert said(host(changes), check) == []


def test_the_modules_of_the_kernel_that_starts() -> None:
    """Their directory, and the list of depmod."""
    other = grub("root=UUID=1a2b", kernel="/boot/vmlinuz-6.9.0-1")
    ((_, gone),) = said(host({**other, "/boot/vmlinuz-6.9.0-1": "MZ"}), "boot-entry")
    assert "whose modules are not in /lib/modules/6.9.0-1: the directory itself" in gone
    ((_, unlisted),) = said(host({}, f"{MODULES}/modules.dep"), "boot-entry")
    assert f"/lib/modules/{RELEASE}: modules.dep" in unlisted
    assert said(host({**grub("root=UUID=1a2b", kernel="/boot/vmlinuz-a"), "/boot/vmlinuz-a": "MZ"}), "boot-entry") == []


def test_a_kernel_without_an_init() -> None:
    """In a whole image; a part of one tells nothing."""
    ((severity, message),) = said(host(WHOLE, "/lib/systemd/systemd"), "boot-target")
    assert (severity, "no init is there" in message) == ("error", True)
    assert said(host({}, "/lib/systemd/systemd"), "boot-target") == []


def test_an_agent_of_a_target_that_is_not_reached() -> None:
    """It is enabled, and nothing starts it; the target that is reached starts it."""
    graphical = "/etc/systemd/system/graphical.target.wants/walinuxagent.service"
    ours = WANTED.format("walinuxagent.service")
    ((severity, message),) = said(host({graphical: Link(EARLIER)}, ours), "boot-units")
    assert (severity, "for a target that default.target does not lead to" in message) == ("warning", True)
    assert said(host({graphical: Link(EARLIER)}), "boot-units") == []


def test_a_unified_image_without_options() -> None:
    """Neither what is no program, nor one without the section."""
    assert unified.command_line(b"MZ" + bytes(80)) is None
    assert unified.command_line(b"") is None
    assert unified.command_line(program("a b\n")) == "a b"
    cut = FakeHost(files={UKI: program("a")[:0x50]})
    with pytest.raises(Exception, match="malformed"):
        unified.options(cut, UKI)


FIXED = ("a condition", "a file of a site", "a file in the way", "a program", "a link to a disk")
FIXED_TOO = ("read-only", "a swap to resume from", "promises", "no drivers later")


@pytest.mark.parametrize("state", [*FIXED, *FIXED_TOO])
def test_a_fix_that_is_printed_fixes(state: str, tmp_path: Path) -> None:
    """Its commands are run on a real tree in that state, and the check passes there."""
    check, changes, _, _ = STATES[state]
    fixing.write(tmp_path, host(changes).files)
    found = findings(fixing.report(tmp_path, RUN, agents.PROBE, PROBE), check)
    assert found
    for finding in found:
        fixing.run(tmp_path, finding)
    assert not findings(fixing.report(tmp_path, RUN, agents.PROBE, PROBE), check)


def test_every_state_has_a_kernel() -> None:
    """Else the checks would not apply."""
    assert KERNEL in host({}).files
