"""Which disk and which NIC the VM gets: those that the image's own kernel and initramfs have drivers for.

QEMU has none of Hyper-V's devices. What an image has besides Azure's drivers decides: NVMe, which newer sizes have too,
then what other hypervisors offer. Where it has none of them, nothing can be said of how it boots.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import partial
from typing import Any, Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import boot_entry, initramfs, kernels
from azpreflight.guest.kernels import Kernel, Presence
from azpreflight.host import Host, HostError
from azpreflight.model import Probe, Run
from azpreflight.probes.boot.drivers import IMAGES, UNPACK_TIMEOUT
from azpreflight.rehearse.facts import Adapter, Controller

DISKS: Mapping[str, tuple[str, ...]] = {
    "nvme": ("nvme",),
    "virtio_blk": ("virtio_pci", "virtio_blk"),
    "virtio_scsi": ("virtio_pci", "virtio_scsi", "sd_mod"),
    "ahci": ("ahci", "sd_mod"),
    "ata_piix": ("ata_piix", "sd_mod"),
}
"""All the modules that a disk behind this controller needs, the best first."""
BUSES: Mapping[str, str] = {"nvme": "nvme", "scsi": "virtio_scsi", "virtio": "virtio_blk", "sata": "ahci"}
"""Controllers by the bus that the command line names."""
NICS: Mapping[str, tuple[str, ...]] = {
    "virtio_net": ("virtio_pci", "virtio_net"),
    "e1000e": ("e1000e",),
    "e1000": ("e1000",),
}
DISCS: Mapping[str, tuple[str, ...]] = {
    "virtio_scsi": ("virtio_pci", "virtio_scsi"),
    "ahci": ("ahci",),
    "ata_piix": ("ata_piix",),
}
NAMES = tuple(sorted({name for group in (DISKS, NICS, DISCS) for names in group.values() for name in names}))
WORST_CASE_S = 6.0
"""Seconds: an initramfs is decompressed."""


@dataclass(frozen=True)
class EmulatorDrivers:
    """What the kernel that is started has of what an emulator can offer."""

    release: Optional[str] = None
    """Of the kernel; None: none was found."""
    kernel: Mapping[str, Presence] = field(default_factory=dict)
    """How the kernel has each driver, by name."""
    initramfs: Optional[tuple[str, ...]] = None
    """Those that are in the initramfs; None: it was not found or not read, and `error` says why."""
    error: str = ""


def gather(host: Host, run: Run) -> EmulatorDrivers:
    """Of the kernel that the boot loader starts by itself, or else the newest."""
    found = kernels.kernels(host, NAMES)
    if not found:
        return EmulatorDrivers(error="no kernel with modules was found in the image")
    entry = boot_entry.chosen(host)
    kernel = _started(found, entry)
    presence = {name: driver.presence for name, driver in kernel.drivers.items()}
    path = _initramfs(host, kernel, entry)
    if path is None:
        return EmulatorDrivers(kernel.release, presence, error=f"no initramfs of {kernel.release} was found")
    try:
        data = host.read(path, initramfs.FILE_LIMIT) or b""
        unpack = partial(host.unpack, timeout=UNPACK_TIMEOUT)
        names = initramfs.modules(data, unpack, kernel.release, NAMES)
    except (HostError, initramfs.Unreadable) as error:
        return EmulatorDrivers(kernel.release, presence, error=f"{path}: {error}")
    return EmulatorDrivers(kernel.release, presence, tuple(sorted(names)))


def _started(found: tuple[Kernel, ...], entry: Optional[boot_entry.BootEntry]) -> Kernel:
    name = entry.kernel.name if entry is not None else ""
    return next((kernel for kernel in found if name.endswith(f"-{kernel.release}")), found[0])


def _initramfs(host: Host, kernel: Kernel, entry: Optional[boot_entry.BootEntry]) -> Optional[str]:
    named = [image.path for image in (entry.images if entry is not None else ()) if image.path is not None]
    found = [path for pattern in IMAGES for path in host.glob(pattern.format(kernel.release))]
    return next(iter((*found, *reversed(named))), None)


PROBE: Probe[Any] = Probe("emulator-drivers", EmulatorDrivers, gather, ())


def disk(found: Optional[EmulatorDrivers], bus: Optional[str] = None) -> Controller:
    """The controller of the OS disk: the one of this bus, or the best that the image has drivers for.

    Without a driver for it, it is one that most images have or the one that was asked for, and not `known`.
    """
    tried = {BUSES[bus]: DISKS[BUSES[bus]]} if bus is not None else DISKS
    usual = next(iter(tried)) if bus is not None else "virtio_blk"
    if found is None or not found.kernel:
        why = found.error if found is not None else "the image could not be read"
        return Controller(usual, why, known=False)
    for name, needed in tried.items():
        if all(_at_start(found, module) for module in needed):
            return Controller(name, f"{found.release} has {', '.join(needed)} when it looks for its root filesystem")
    if found.initramfs is None:
        return Controller(usual, found.error, known=False)
    offered = "any disk that the emulator offers" if bus is None else f"a disk on {bus}, which was asked for"
    return Controller(
        usual,
        f"neither {found.release} nor its initramfs has a driver for {offered} ({', '.join(tried)})",
        known=False,
    )


def _at_start(found: EmulatorDrivers, module: str) -> bool:
    """It is built in, or the initramfs brings it along."""
    presence = found.kernel.get(module, Presence.ABSENT)
    return presence is Presence.BUILT_IN or (presence is Presence.MODULE and module in (found.initramfs or ()))


def nic(found: Optional[EmulatorDrivers]) -> Adapter:
    """The NIC; its driver may come from the root filesystem."""
    for name, needed in NICS.items():
        if found is not None and all(_has(found, module) for module in needed):
            return Adapter(name, f"{found.release} has {', '.join(needed)}")
    why = "its kernel has no driver for any NIC that the emulator offers" if found is not None and found.kernel else ""
    return Adapter("virtio_net", why or "the image could not be read", known=False)


def disc(found: Optional[EmulatorDrivers]) -> str:
    """The drive with the provisioning disc, in generation 2: the one that is found first, as cloud-init looks once."""
    if found is None or not found.kernel:
        return "virtio_scsi"
    able = (
        name for has in (_at_start, _has) for name, needed in DISCS.items() if all(has(found, one) for one in needed)
    )
    return next(able, "ahci")


def _has(found: EmulatorDrivers, module: str) -> bool:
    return found.kernel.get(module, Presence.ABSENT) is not Presence.ABSENT
