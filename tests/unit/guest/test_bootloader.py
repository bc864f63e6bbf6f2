"""The kernel command line of the next boot."""

from __future__ import annotations

from typing import Any

import pytest

from azpreflight.guest.bootloader import command_line, of_defaults, of_grub
from tests.support.fakes import FakeHost

GRUB = """\
menuentry 'Debian' {
\tlinux\t/boot/vmlinuz-6.1.0-50 root=UUID=1a2b ro  console=tty0 console=ttyS0,115200 $vt_handoff
}
menuentry 'older, rescue' {
\tlinux\t/boot/vmlinuz-6.1.0-49 root=UUID=1a2b ro single
}
"""
BLS = "title A\nversion 5.14\noptions root=UUID=3c4d $kernelopts $tuned_params\n"


@pytest.mark.parametrize(
    ("files", "source", "options"),
    [
        ({"/boot/grub/grub.cfg": GRUB}, "/boot/grub/grub.cfg", "root=UUID=1a2b ro console=tty0 console=ttyS0,115200"),
        ({"/boot/grub2/grub.cfg": "linuxefi /v root=/dev/sda1\n"}, "/boot/grub2/grub.cfg", "root=/dev/sda1"),
        (
            {
                "/boot/grub2/grub.cfg": "blscfg\n",
                "/boot/grub2/grubenv": "# GRUB Environment Block\nkernelopts=ro console=ttyS0\n",
                "/boot/loader/entries/abc-0-rescue.conf": "options rescue\n",
                "/boot/loader/entries/abc-5.14.0-9.el9.conf": "options old\n",
                "/boot/loader/entries/abc-5.14.0-70.el9.conf": BLS,
            },
            "/boot/loader/entries/abc-5.14.0-70.el9.conf",
            "root=UUID=3c4d ro console=ttyS0",
        ),
        (
            {
                "/etc/default/grub": 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX="net.ifnames=0"\n',
                "/etc/default/grub.d/50-cloud.cfg": 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX console=ttyS0"\n',
                "/proc/cmdline": "now\n",
            },
            "/etc/default/grub",
            "net.ifnames=0 console=ttyS0 quiet",
        ),
        ({"/proc/cmdline": "root=/dev/vda ro\n"}, "/proc/cmdline", "root=/dev/vda ro"),
    ],
)
def test_where_the_command_line_is(files: dict[str, Any], source: str, options: str) -> None:
    """Generated files before entries, entries before what they would be made of, and that before this boot's."""
    line = command_line(FakeHost(files=files))
    assert line is not None
    assert (line.source, " ".join(line.options)) == (source, options)


def test_nothing_is_found_in_an_image_without_a_boot_loader() -> None:
    """What runs on the machine that looks at it is not the image's."""
    assert command_line(FakeHost(files={"/proc/cmdline": "ro\n"}, root="/mnt")) is None


def test_values_of_an_option_keep_their_order() -> None:
    """The last console is the one that programs write to."""
    line = command_line(FakeHost(files={"/boot/grub/grub.cfg": GRUB}))
    assert line is not None
    assert line.values("console") == ("tty0", "ttyS0,115200")


@pytest.mark.parametrize(
    ("config", "saved", "options"),
    [
        ('set default="${saved_entry}"\nblscfg\n', "abc-5.14.0-503.el9", "root=/dev/vda1"),
        ('set default="${saved_entry}"\nblscfg\n', "gone-5.14.0-9.el9", "root=UUID=3c4d"),
        ('set default="0"\nset saved_entry="${prev_saved_entry}"\nblscfg\n', "abc-5.14.0-503.el9", "root=UUID=3c4d"),
        ("", "abc-5.14.0-503.el9", "root=/dev/vda1"),
    ],
)
def test_the_entry_that_grub_has_saved(config: str, saved: str, options: str) -> None:
    """A kernel that was installed later has another machine id in its name, and the last name is not what starts."""
    files = {
        "/boot/grub2/grub.cfg": config,
        "/boot/grub2/grubenv": f"# GRUB Environment Block\nsaved_entry={saved}\n",
        "/boot/loader/entries/abc-5.14.0-503.el9.conf": "options root=/dev/vda1\n",
        "/boot/loader/entries/fff-5.14.0-70.el9.conf": BLS,
    }
    line = command_line(FakeHost(files=files))
    assert line is not None and line.options == (options,)


def test_rescue_entries_are_no_default() -> None:
    """Only one of the two starts by itself."""
    assert len(list(of_grub(GRUB))) == 1


def test_defaults_may_refer_to_themselves() -> None:
    """As Debian's images for clouds do, with and without braces; single quotes too."""
    texts = ["GRUB_CMDLINE_LINUX='a'\n# GRUB_CMDLINE_LINUX=no\n", 'GRUB_CMDLINE_LINUX="b ${GRUB_CMDLINE_LINUX}"\n']
    assert of_defaults(texts) == ("b", "a")
