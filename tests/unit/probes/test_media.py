"""Whether the provisioning disc can be read: drivers of every kernel, modprobe.d, and noexec."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

import pytest

from azpreflight.guest import kernels, modprobe
from azpreflight.guest.modprobe import Rule
from azpreflight.model import Profile, Run, Severity
from azpreflight.probes import PROBES, agents, media
from azpreflight.probes.media import noexec
from tests.support.fakes import Denied, FakeHost, Link
from tests.support.judging import by_check, findings, judged, statuses
from tests.support.machines.media import BROKEN, HEALTHY, MODULES, RELEASE, RUN, cis, host, modules

OLDER = "6.1.0-9-cloud-amd64"
MOUNTED = replace(RUN, root="/mnt")
PROBE = media.PROBE


def report(on: FakeHost, run: Run = RUN) -> Any:
    return judged(replace(on, root=run.root), run, agents.PROBE, PROBE)


def messages(on: FakeHost, check: str, run: Run = RUN) -> list[str]:
    return [finding.message for finding in findings(report(on, run), check)]


def test_a_healthy_image_passes() -> None:
    """All drivers are modules and nothing blocks them, also where the image is mounted."""
    for run in (RUN, MOUNTED):
        found = statuses(report(HEALTHY[0], run))
        assert {found[check.id] for check in PROBE.checks} == {"pass"}


@pytest.mark.parametrize("check", BROKEN)
def test_each_check_speaks(check: str) -> None:
    """Every check fails on its own broken image, and it alone."""
    found = statuses(report(*BROKEN[check]))
    assert [one.id for one in PROBE.checks if found[one.id] == "fail"] == [check]


def test_the_probe_is_in_the_list() -> None:
    """It is gathered with the agents, whose facts decide about the severity."""
    assert PROBE in PROBES


@pytest.mark.parametrize(
    ("line", "check"),
    [
        ("install udf /bin/true", "media-filesystem"),
        ("install udf /bin/false", "media-filesystem"),
        ("  install   u?f   /usr/bin/true", "media-filesystem"),
        ("install udf \\\n/bin/true", "media-filesystem"),
        ("install crc-itu-t /bin/false", "media-filesystem"),
        ("install fs-udf /bin/false", "media-filesystem"),
        ("blacklist udf", "media-filesystem"),
        ("alias fs-udf off", "media-filesystem"),
        ("alias fs-u* off", "media-filesystem"),
        ("install sr-mod /bin/true", "media-drive"),
        ("blacklist sr_mod", "media-drive"),
        ("blacklist ata_piix", "media-drive"),
        ("install cdrom /bin/false", "media-drive"),
    ],
)
def test_what_blocks_a_driver(line: str, check: str) -> None:
    """As modprobe of kmod 30 was seen to do with the same lines; the file and the line are named."""
    (finding, *_) = findings(report(host(cis(line))), check)
    assert finding.severity is Severity.ERROR
    assert "blocked by line 2 of /etc/modprobe.d/cis.conf" in finding.message
    assert "waagent cannot read the provisioning disc" in finding.message


@pytest.mark.parametrize(
    "line",
    [
        "#install udf /bin/true",
        "install udf",
        "Install udf /bin/true",
        "blacklist u*",
        "blacklist fs-udf",
        "blacklist crc_itu_t",
        "alias udf off",
        "alias fs-udf off\nalias fs-udf udf",
        "install udf /sbin/modprobe --ignore-install udf\ninstall udf /bin/true",
        "install fs-udf /sbin/modprobe udf\nblacklist udf",
        "blacklist floppy",
    ],
)
def test_what_blocks_nothing(line: str) -> None:
    """The same modprobe loads udf in spite of these."""
    assert "fail" not in statuses(report(host(cis(line)))).values()


def test_a_driver_that_is_built_in_cannot_be_blocked() -> None:
    """modprobe has nothing to do with it."""
    changes = {**cis("install udf /bin/true"), **modules(built_in=("udf", "sr_mod", "cdrom"))}
    assert statuses(report(host(changes)))["media-filesystem"] == "pass"


def test_the_directories_precede_one_another() -> None:
    """A file of /etc hides one of its name elsewhere, also as a link to /dev/null; files count by their names."""
    packaged = cis("install udf /bin/true", path="/usr/lib/modprobe.d/a.conf")
    assert messages(host(packaged), "media-filesystem")
    assert not messages(host({**packaged, "/etc/modprobe.d/a.conf": ""}), "media-filesystem")
    assert not messages(host({**packaged, "/etc/modprobe.d/a.conf": Link("/dev/null")}), "media-filesystem")
    first = cis("install udf /sbin/modprobe -i udf", path="/lib/modprobe.d/0.conf")
    assert not messages(host({**packaged, **first}), "media-filesystem")
    in_run = cis("install udf /bin/true", path="/run/modprobe.d/a.conf")
    assert messages(host(in_run), "media-filesystem")
    assert not messages(host(in_run), "media-filesystem", MOUNTED)


def test_cloud_init_goes_without_the_disc() -> None:
    """It misses the password and the custom data, and that is a warning."""
    (finding,) = findings(report(host(cis("install udf /bin/true"), cloud_init=True)), "media-filesystem")
    assert (finding.severity, "no password and no custom data" in finding.message) == (Severity.WARNING, True)


def test_a_missing_driver_counts_in_the_newest_kernel() -> None:
    """An older kernel that lacks it is a note: it does not start by itself."""
    gone = [path for path in modules() if "udf" in path]
    newest = {**modules(without=("udf",)), **modules(OLDER)}
    (finding,) = findings(report(host(newest, *gone)), "media-filesystem")
    assert (finding.severity, RELEASE in finding.message) == (Severity.ERROR, True)
    (finding,) = findings(report(host(modules(OLDER, without=("udf",)))), "media-filesystem")
    assert (finding.severity, OLDER in finding.message) == (Severity.NOTE, True)


def test_a_file_that_is_gone_is_a_missing_driver() -> None:
    """Images are made small by deleting modules, and modules.dep still names them."""
    (message,) = messages(host({}, "/lib/modules/" + RELEASE + "/" + MODULES["crc_itu_t"]), "media-filesystem")
    assert message.startswith(f"udf is missing from kernel {RELEASE}")


def test_the_controller_of_the_drive_depends_on_the_generation() -> None:
    """Generation 1 alone has IDE; UEFI and ARM64 do not need ata_piix, and a mounted image may become either."""
    broken = cis("blacklist ata_piix")
    assert messages(host({**broken, "/sys/firmware/efi/runtime": ""}), "media-drive") == []
    assert messages(host({**broken, "/lib/ld-linux-aarch64.so.1": ""}), "media-drive") == []
    (mounted,) = findings(report(host(broken), MOUNTED), "media-drive")
    assert (mounted.severity, mounted.confidence.value) == (Severity.WARNING, "likely")


def test_where_there_is_no_kernel() -> None:
    """A container has none; what one without modules can do is not known."""
    for run in (RUN, MOUNTED):
        found = statuses(report(host({}, *modules()), run))
        assert (found["media-filesystem"], found["media-drive"]) == ("notapplicable", "notapplicable")
        found = statuses(report(host({"/boot/vmlinuz-6.1.0": b"MZ"}, *modules()), run))
        assert (found["media-filesystem"], found["media-drive"]) == ("unknown", "unknown")


def test_a_list_that_cannot_be_read_is_unknown() -> None:
    """Nothing is passed without evidence."""
    result = by_check(report(host({"/etc/modprobe.d/cis.conf": Denied()})))["media-filesystem"]
    assert (result.status.value, result.reason) == (
        "unknown",
        "cannot read /etc/modprobe.d/cis.conf: Permission denied",
    )


def test_a_specialised_image_needs_no_disc() -> None:
    """It is not provisioned, but its extensions run."""
    found = statuses(report(BROKEN["media-filesystem"][0], replace(RUN, profile=Profile.SPECIALIZED)))
    assert (found["media-filesystem"], found["media-noexec"]) == ("notapplicable", "pass")


@pytest.mark.parametrize(
    ("fstab", "severity"),
    [
        ("/dev/sda2 /var ext4 noexec 0 2\n/dev/sda3 /var/lib ext4 defaults 0 2\n", None),
        ("/dev/sda2 /var/lib/waagent ext4 nodev,noexec 0 2\n", Severity.WARNING),
        ("# /dev/sda2 /var ext4 noexec 0 2\n", None),
        ("/dev/sda2 /variable ext4 noexec 0 2\n", None),
        ("tmpfs /tmp tmpfs noexec 0 0\n", Severity.NOTE),
    ],
)
def test_the_innermost_mount_decides(fstab: str, severity: Optional[Severity]) -> None:
    """noexec on /tmp is what guides ask for, and a note."""
    found = findings(report(host({"/etc/fstab": fstab})), "media-noexec")
    assert [finding.severity for finding in found] == ([severity] if severity else [])


def test_what_is_mounted_now_counts_on_a_running_system() -> None:
    """A unit may mount what fstab does not know."""
    mounts = {"/proc/self/mounts": "/dev/sda1 / ext4 rw 0 0\ntmpfs /tmp tmpfs rw,noexec 0 0\n"}
    assert messages(host(mounts), "media-noexec") and not messages(host(mounts), "media-noexec", MOUNTED)


def test_commands_switch_off_the_very_line() -> None:
    """The pattern holds for either spelling of a name, and nothing else is touched."""
    (command,) = modprobe.comment_out(Rule("alias", "fs_udf", "off", "/etc/modprobe.d/c.conf", 3))
    assert command == "sed -E -i 's/^[[:space:]]*alias[[:space:]]+fs[-_]udf([[:space:]]|$)/#&/' /etc/modprobe.d/c.conf"


def test_both_lines_of_a_guide_are_switched_off(tmp_path: Path) -> None:
    """CIS has an install and a blacklist for each module, and either alone blocks it."""
    path = tmp_path / "CIS.conf"
    path.write_text("install udf /bin/false\nblacklist udf\nblacklist udf2\ninstall cramfs /bin/false\n")
    (finding,) = findings(report(host({"/etc/modprobe.d/CIS.conf": path.read_text()})), "media-filesystem")
    (command,) = finding.commands
    subprocess.run(["sh", "-c", command.replace("/etc/modprobe.d/CIS.conf", str(path))], check=True, timeout=30)
    assert path.read_text() == "#install udf /bin/false\n#blacklist udf\nblacklist udf2\ninstall cramfs /bin/false\n"
    assert findings(report(host({"/etc/modprobe.d/CIS.conf": path.read_text()})), "media-filesystem") == ()


def test_releases_are_sorted_as_versions() -> None:
    """The loader starts the newest, which is not the last in the alphabet."""
    assert [kernel.release for kernel in kernels.kernels(host(modules(OLDER)), ("udf",))] == [RELEASE, OLDER]


def test_names_of_modules() -> None:
    """Any compression, any place, dashes as underscores."""
    names = ("kernel/net/hv-sock.ko.zst", "updates/mana.ko", "a/udf.ko.xz", "modules.dep")
    assert [kernels.module_name(name) for name in names] == ["hv_sock", "mana", "udf", None]


def test_lines_of_fstab_that_are_none() -> None:
    """Short lines and comments are passed over."""
    assert noexec.parse("proc\n# /a /b ext4 noexec\n", "/etc/fstab") == ()


@pytest.mark.parametrize(
    ("options", "speaks"),
    [
        ("modprobe.blacklist=floppy,udf", True),
        ("module_blacklist=udf", True),
        ("modprobe.blacklist=floppy", False),
        ("quiet udf.blacklist=yes", False),
    ],
)
def test_the_kernel_command_line_switches_modules_off_too(options: str, speaks: bool) -> None:
    """That of the next boot; there is no command for it, because every boot loader has it elsewhere."""
    grub = {"/boot/grub/grub.cfg": f"linux /vmlinuz root=UUID=1 {options}\n"}
    found = findings(report(host(grub)), "media-filesystem")
    assert bool(found) is speaks
    for finding in found:
        assert "is blocked by the kernel command line in /boot/grub/grub.cfg" in finding.message
        assert finding.commands == ()
