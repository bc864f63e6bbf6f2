"""Machines for the checks of images: a healthy one, and a broken one for each check."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from azpreflight.host.disk.types import Attached, Disk, Footer, Format, Layout, Table, Volume
from azpreflight.model import Platform, Run, Stage
from azpreflight.probes.image.checks import EFI_SYSTEM, GIB, MIB
from tests.support.fakes import FakeHost

RUN = Run(stage=Stage.CAPTURE, platform=Platform.AZURE, root="/mnt")
ESP = Volume("partition 15", MIB, 106 * MIB, 15, EFI_SYSTEM[0], kind="vfat", uuid="1234-ABCD")
ROOT = Volume("partition 1", 107 * MIB, 20 * GIB, 1, kind="ext4", uuid="1a2b3c4d", clean=True)
BOOT = Attached("/boot/efi", "UUID=1234-ABCD", optional=False, volume="partition 15")
SIZE = 30 * GIB
DISK = Disk(
    "/srv/disk.vhd",
    Format.VHD,
    SIZE + 512,
    SIZE,
    Footer(2, SIZE, intact=True),
    Layout(Table.GPT, (ESP, ROOT)),
    "partition 1",
    (BOOT,),
)


def host(**changes: Any) -> FakeHost:
    """A fixed VHD of a system, with something changed."""
    return FakeHost(disk=replace(DISK, **changes), root="/mnt")


def layout(**changes: Any) -> Layout:
    return replace(DISK.layout or Layout(Table.NONE), **changes)


HEALTHY = host()
BROKEN = {
    "image-vhd-footer": host(format=Format.DYNAMIC_VHD, footer=None),
    "image-size": host(size=SIZE + 512, footer=Footer(2, SIZE + 512, intact=True)),
    "image-partitions": host(layout=layout(table=Table.NONE, volumes=(replace(ROOT, name="the whole disk"),))),
    "image-filesystems": host(attached=(BOOT, Attached("/var", "UUID=9f8e7d6c", optional=False))),
    "image-unmounted": host(layout=layout(volumes=(ESP, replace(ROOT, clean=False)))),
}
