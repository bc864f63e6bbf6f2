"""The entry of the boot loader that the firmware starts."""

from __future__ import annotations

from typing import Any

import pytest

from azpreflight.guest import boot_entry
from tests.support.fakes import FakeHost
from tests.support.machines.startup import GRUB, IMAGE, KERNEL, LVM, RELEASE, grub, host, modules, severities

BLS = "/boot/loader/entries/0123-{}.conf"


@pytest.mark.parametrize(
    ("changes", "removed", "expected"),
    [
        ({IMAGE: ""}, (), ["error"]),
        ({}, (KERNEL,), ["error"]),
        (grub(initrd=None), (), ["error"]),
        (grub("root=PARTUUID=77 ro", None), (), []),
        (grub(kernel=f"/vmlinuz-{RELEASE}", initrd=f"/initrd.img-{RELEASE}"), (), []),
        (grub(kernel=f"($root)/vmlinuz-{RELEASE}", initrd=f"($root)/initrd.img-{RELEASE} $more"), (), []),
        (grub(kernel=f"/@/boot/vmlinuz-{RELEASE}", initrd=f"/@/boot/initrd.img-{RELEASE}"), (), []),
        (grub("root=UUID=ffff ro"), (), ["error"]),
        (grub("root=UUID=1A2B ro"), (), []),
        (grub("root=UUID=1a2b ro emergency"), (), ["error"]),
        (grub("root=UUID=1a2b ro init=/bin/bash"), (), ["error"]),
        (grub("root=UUID=1a2b ro resume=UUID=77"), (), ["warning"]),
        ({**LVM, **grub("root=/dev/mapper/rootvg-root rd.lvm.lv=rhel/swap")}, (), ["error"]),
        (LVM, (), []),
        ({"/etc/crypttab": "data UUID=77 none luks\n"}, (), ["error"]),
        ({"/etc/crypttab": "data UUID=77 none luks,nofail\nswap /dev/sdb2 /dev/urandom swap\n"}, (), []),
        ({BLS.format(1): f"linux {KERNEL}\ninitrd /initrd.img-2\noptions root=UUID=1a2b\n"}, (GRUB,), ["error"]),
        ({BLS.format(1): f"linux {KERNEL}\ninitrd {IMAGE}\noptions root=UUID=1a2b\n"}, (GRUB,), []),
    ],
)
def test_entry(changes: dict[str, Any], removed: tuple[str, ...], expected: list[str]) -> None:
    """What it names is there, and its options fit fstab and crypttab."""
    assert severities(host(changes, *removed), "boot-entry") == expected


UKI = "/efi/EFI/Linux/debian-{}.efi"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({UKI.format("6.1"): "MZ"}, []),
        ({UKI.format("6.9"): "MZ", UKI.format("6.12"): ""}, ["error"]),
        (
            {
                "/efi/loader/loader.conf": "timeout 3\ndefault old\n",
                "/efi/loader/entries/old.conf": "linux /gone\n",
                "/efi/loader/entries/x-2.conf": f"linux {KERNEL}\ninitrd {IMAGE}\noptions root=UUID=1a2b\n",
            },
            ["error"],
        ),
        (
            {
                "/efi/loader/loader.conf": "default x-*\n",
                "/efi/loader/entries/z.conf": "linux /gone\n",
                "/efi/loader/entries/x-2.conf": f"linux {KERNEL}\ninitrd {IMAGE}\noptions root=UUID=1a2b\n",
            },
            [],
        ),
    ],
)
def test_systemd_boot(changes: dict[str, Any], expected: list[str]) -> None:
    """Unified kernel images, the newest counts; and the entry that loader.conf names, else the newest."""
    assert severities(host(changes, GRUB), "boot-entry") == expected


def test_the_entry_that_counts() -> None:
    """By its number, in grub.cfg."""
    blocks = "".join(f"menuentry '{name}' {{\n linux /vmlinuz-{name}\n}}\n" for name in ("a", "b"))
    for number, name in (("0", "a"), ("1", "b"), ("9", "a")):
        found = boot_entry.chosen(FakeHost(files={GRUB: f'set default="{number}"\n{blocks}'}))
        assert found is not None
        assert found.kernel.name == f"/vmlinuz-{name}"


def test_a_kernel_with_its_drivers_built_in() -> None:
    """It may come up without the named file, where there is another."""
    from azpreflight.guest.initramfs import AT_START

    built_in = modules("ext4", "vfat", built_in=AT_START)
    assert severities(host({**built_in, **grub(initrd=f"/boot/initrd-{RELEASE}")}), "boot-entry") == ["note"]
    assert severities(host(grub(initrd=f"/boot/initrd-{RELEASE}")), "boot-entry") == ["error"]
