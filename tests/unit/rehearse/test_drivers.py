"""Which devices a VM gets, by what its kernel and its initramfs have."""

from __future__ import annotations

from typing import Optional

import pytest

from azpreflight.guest.kernels import Presence
from azpreflight.model import Run
from azpreflight.rehearse import drivers
from azpreflight.rehearse.drivers import EmulatorDrivers
from tests.support.archives import entry
from tests.support.fakes import FakeHost, Node

BUILT_IN, MODULE = Presence.BUILT_IN, Presence.MODULE
VIRTIO = {"virtio_pci": MODULE, "virtio_blk": MODULE, "virtio_net": MODULE}


@pytest.mark.parametrize(
    ("kernel", "initramfs", "disk", "known"),
    [
        ({"nvme": BUILT_IN, **VIRTIO}, (), "nvme", True),
        ({"nvme": MODULE, **VIRTIO}, ("virtio_pci", "virtio_blk"), "virtio_blk", True),
        ({"nvme": MODULE, **VIRTIO}, ("virtio_blk",), "virtio_blk", False),
        ({"ahci": MODULE, "sd_mod": BUILT_IN}, ("ahci",), "ahci", True),
        ({"ata_piix": MODULE, "sd_mod": MODULE}, ("ata_piix", "sd_mod"), "ata_piix", True),
        (VIRTIO, None, "virtio_blk", False),
        ({}, None, "virtio_blk", False),
    ],
)
def test_the_disk_is_one_that_the_initramfs_finds(
    kernel: dict[str, Presence], initramfs: Optional[tuple[str, ...]], disk: str, known: bool
) -> None:
    """NVMe before all others; and where nothing is found that does, it is known to be a guess."""
    found = drivers.disk(EmulatorDrivers("6.1.0", kernel, initramfs, "no initramfs of 6.1.0 was found"))
    assert (found.driver, found.known) == (disk, known)
    assert found.reason


@pytest.mark.parametrize(("bus", "disk", "known"), [("scsi", "virtio_scsi", True), ("sata", "ahci", False)])
def test_a_disk_on_the_bus_that_is_asked_for(bus: str, disk: str, known: bool) -> None:
    """Although the image has drivers for a better one; where it has none for this one, the boot will be unknown."""
    kernel = dict.fromkeys(("nvme", "virtio_pci", "virtio_scsi", "sd_mod"), BUILT_IN)
    found = drivers.disk(EmulatorDrivers("6.1.0", kernel, ()), bus)
    assert (found.driver, found.known) == (disk, known)
    assert known or f"a disk on {bus}" in found.reason


def test_the_nic_may_have_its_driver_on_the_root_filesystem() -> None:
    """The initramfs need not have it; without any the guess is known to be one."""
    assert drivers.nic(EmulatorDrivers("6.1.0", {"e1000": MODULE}, ())).driver == "e1000"
    assert drivers.nic(EmulatorDrivers("6.1.0", VIRTIO, ())).driver == "virtio_net"
    assert not drivers.nic(EmulatorDrivers("6.1.0", {"nvme": BUILT_IN}, ())).known
    assert not drivers.nic(None).known


def test_the_disc_has_a_drive_that_the_kernel_knows() -> None:
    """SCSI as on Azure where it can be, or else AHCI or PIIX."""
    assert drivers.disc(EmulatorDrivers("1", {"virtio_pci": MODULE, "virtio_scsi": MODULE}, ())) == "virtio_scsi"
    assert drivers.disc(EmulatorDrivers("1", {"ata_piix": MODULE}, ())) == "ata_piix"
    both = {"virtio_pci": MODULE, "virtio_scsi": MODULE, "ahci": MODULE}
    assert drivers.disc(EmulatorDrivers("1", both, ("ahci",))) == "ahci"


def test_the_kernel_that_starts_is_asked() -> None:
    """That of the boot loader's entry, and its own initramfs, although a newer kernel is installed."""
    base = "/lib/modules"
    files: dict[str, Node] = {
        "/boot/grub/grub.cfg": "menuentry 'A' {\nlinux /boot/vmlinuz-6.1 ro\ninitrd /boot/initrd.img-6.1\n}\n",
        "/boot/vmlinuz-6.1": "kernel",
        "/boot/vmlinuz-6.9": "kernel",
        "/boot/initrd.img-6.1": entry("usr/lib/modules/6.1/nvme.ko") + entry("TRAILER!!!"),
        f"{base}/6.1/modules.dep": "kernel/nvme.ko:\n",
        f"{base}/6.1/kernel/nvme.ko": "",
        f"{base}/6.9/modules.dep": "kernel/virtio_blk.ko:\n",
    }
    found = drivers.gather(FakeHost(files=files), Run())
    assert (found.release, found.initramfs, found.kernel["nvme"]) == ("6.1", ("nvme",), MODULE)
