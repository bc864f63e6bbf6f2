"""What is seen of a boot: the console, the login on it, and options that hide it."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from azpreflight.model import Platform, Severity
from tests.support.fakes import Link
from tests.support.judging import findings, statuses
from tests.support.machines.boot import GRUB, MOUNTED, RUN, UUID, grub, host, image, report, said


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
