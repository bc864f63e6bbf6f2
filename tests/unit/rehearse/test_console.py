"""What is read from a serial console."""

from __future__ import annotations

import pytest

from azpreflight.rehearse import console


@pytest.mark.parametrize(
    ("line", "milestone"),
    [
        ('BdsDxe: starting Boot0001 "UEFI Misc Device" from PciRoot(0x0)/Pci(0x1,0x0)', "loader"),
        ("Welcome to GRUB!", "loader"),
        ("[    0.000000] Linux version 6.1.0-50-cloud-amd64 (debian-kernel@lists.debian.org)", "kernel"),
        ("Welcome to Debian GNU/Linux 12 (bookworm)!", "init"),
        ("[    5.1] systemd[1]: systemd 257.7-1 running in system mode (+PAM +AUDIT)", "init"),
        ("Welcome to Red Hat Enterprise Linux 9.4 (Plow) dracut-057-53.git20240104.el9 (Initramfs)!", None),
        ("newvm login: ", "prompt"),
        ("[  114.638117] sr 0:0:0:0: [sr0] scsi3-mmc drive: 16x/50x cd/rw xa/form2 cdda tray", "disc"),
        ("[  114.7] sr 0:0:0:0: Attached scsi CD-ROM sr0", None),
        ("[  OK  ] Started getty@tty1.service - Getty on tty1.", None),
    ],
)
def test_milestones(line: str, milestone: str | None) -> None:
    """How far the boot has come, by one line; the initramfs of dracut is not yet the system."""
    assert console.reached(line) == milestone


@pytest.mark.parametrize(
    ("line", "id", "final"),
    [
        ("ALERT!  LABEL=cloudimg-rootfs does not exist.  Dropping to a shell!", "no-root", True),
        ("[    2.1] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)", "no-root", True),
        ("[    2.1] Kernel panic - not syncing: System is deadlocked on memory", "panic", True),
        (
            "[ TIME ] Timed out waiting for device dev-disk-by\\x2dlabel-data.device - /dev/disk/by-label/data.",
            "device-timeout",
            False,
        ),
        ('You are in emergency mode. After logging in, type "journalctl -xb" to view', "emergency", True),
        ("Cannot open access to console, the root account is locked.", "emergency", True),
        (
            "[    7.2] systemd[1]: ssh.service: Found ordering cycle on walinuxagent.service/start",
            "ordering-cycle",
            False,
        ),
        (
            "[  108.8] cloud-init[326]: azure.py[WARNING]: Unable to find provisioning media, falling back to IMDS",
            "disc-missed",
            False,
        ),
        ("[    2.9] Initramfs unpacking failed: Decoding failed", "initramfs-unread", False),
        ("[FAILED] Failed to start ssh.service - OpenBSD Secure Shell server.", "unit-failed", False),
        ("[  OK  ] Started ssh.service - OpenBSD Secure Shell server.", None, None),
        ("[    0.3] Kernel command line: root=LABEL=root ro console=ttyS0", None, None),
    ],
)
def test_signs(line: str, id: str | None, final: bool | None) -> None:
    """What went wrong, by one line, and whether the boot goes on after it."""
    found = console.sign(line, 1.0)
    assert (found.id if found else None) == id
    if found is not None:
        assert (console.final((found,)) is not None) is final


def test_lines_have_no_colours_and_no_control_characters() -> None:
    """systemd's colours, GRUB's cursor movements and the carriage return of a terminal."""
    said = b"\x1b[2J\x1b[01;01HWelcome to GRUB!\r\n"
    said += b"[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39mssh.service\x1b[0m.\r\n\x07"
    assert console.lines(said) == ["Welcome to GRUB!", "[  OK  ] Started ssh.service."]


def test_of_a_line_only_what_is_known_is_kept() -> None:
    """The unit or the device that it names, and no free words."""
    failed = console.sign("[FAILED] Failed to start backup.service - Copy with password hunter2.", 1.0)
    assert failed is not None
    assert failed.text == "Failed to start backup.service"
    cycle = console.sign("[ 7.2] systemd[1]: x.target: Found ordering cycle on walinuxagent.service/start", 1.0)
    assert cycle is not None
    assert cycle.text == "Found ordering cycle on walinuxagent.service"


def test_a_unit_that_was_started_and_has_not_ended_is_waited_for() -> None:
    """Names that systemd has cut are compared as far as they are there."""
    said = (
        b"         Starting intranet.service - Wait for the intranet...\r\n"
        b"         Starting ssh.service - OpenBSD Secure Shell server...\r\n"
        b"[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39mssh.servic\xe2\x80\xa6\x1b[0m - OpenBSD Secure.\r\n"
        b"[\x1b[0;32m  OK  \x1b[0m] Reached target network.target - Network.\r\n"
    )
    assert [one.text for one in console.pending(said, 1.0)] == ["intranet.service was being started and had not ended"]


def test_a_line_that_comes_again_is_known() -> None:
    """With another time, as an agent's that tries for ever."""
    first = "2026-11-27T18:52:53.558891Z INFO Daemon Daemon Retry detect protocol: retry=1"
    again = "2026-11-27T18:54:01.000001Z INFO Daemon Daemon Retry detect protocol: retry=12"
    assert console.without_numbers(first) == console.without_numbers(again)
    assert console.without_numbers(first) != console.without_numbers("2026-11-27T18:54:01Z INFO Provisioning complete")
