"""What stands on the console where a boot ends before systemd: firmware, boot loader, initramfs.

initramfs-tools: scripts/local, scripts/functions, init. dracut: modules.d/99base, 98dracut-systemd. GRUB: kern/disk.c,
kern/partition.c, fs, efi/init.c. Firmware: OVMF's and Hyper-V's boot device selection, SeaBIOS, iPXE.
"""

from __future__ import annotations

import re
from typing import Optional

from azpreflight.azure.log_signatures.signature import FIRMWARE, INITRAMFS, Signature
from azpreflight.model import Cause

_BOOT = Cause.BOOT_CONFIG


def _initramfs(id: str, pattern: str, source: str, cause: Optional[Cause] = _BOOT) -> Signature:
    return Signature(id, INITRAMFS, re.compile(pattern, re.ASCII), source, cause)


def _firmware(id: str, pattern: str, source: str, cause: Optional[Cause] = _BOOT) -> Signature:
    return Signature(id, FIRMWARE, re.compile(pattern, re.ASCII), source, cause)


ROOT_LINES = (
    _initramfs(
        "no-root-device",
        r"Gave up waiting for root (?:file system )?device|"
        r"ALERT! {1,3}(?:(?:PART)?(?:UUID|LABEL)=)?[\w./-]{1,80} does not exist|"
        r"Warning: \x22?/dev/(?:disk/by-\w{1,12}/|mapper/)?[\w.:+-]{1,80}\x22? does not exist|"
        r"Dependency failed for (?:[\w.-]{1,40} - )?Initrd Root (?:Device|File System)",
        "initramfs-tools scripts/local",
    ),
    _initramfs(
        "initramfs-waits",
        r"dracut-initqueue(?:\[\d{1,7}\])?: (?:Warning: dracut-initqueue timeout|timeout, still waiting)|"
        r"Warning: dracut-initqueue: starting timeout scripts|Warning: Not all disks have been found",
        "dracut 99base/dracut-initqueue.sh",
    ),
    _initramfs(
        "initramfs-shell",
        r"\(initramfs\)|Generating [\x22']?/run/initramfs/rdsosreport\.txt|Warning: Could not boot\.|"
        r"Dropping to a shell!|Spawning shell within the initramfs",
        "initramfs-tools scripts/functions",
    ),
    _initramfs(
        "initramfs-no-init",
        r"Target filesystem doesn't have requested [\w/]{1,60}|No init found\. Try passing init= bootarg",
        "initramfs-tools init",
    ),
    _firmware(
        "grub-no-device",
        r"error: (?:\.\./\S{1,60}:)?(?:no such (?:device: [\w-]{4,60}|partition)|unknown filesystem|"
        r"disk [\x60'][\w,-]{1,60}' not found)",
        "grub kern/disk.c",
    ),
    _firmware(
        "grub-no-file",
        r"error: (?:\.\./\S{1,60}:)?(?:file [\x60'][\w./@-]{1,100}' not found|you need to load the kernel first|"
        r"symbol [\x60'][\w.]{1,60}' not found)",
        "grub kern/fs.c",
    ),
    _firmware("grub-rescue", r"grub(?: rescue)?>|Entering rescue mode\.\.\.", "grub kern/rescue_reader.c"),
    _firmware(
        "no-boot-device",
        r"No bootable device|No bootable option or device was found|BdsDxe: failed to load Boot[0-9A-F]{4}|"
        r"No operating system was loaded|The boot loader failed|The boot loader did not load an operating system|"
        r"No UEFI-compatible file system was found|Boot failed: not a bootable disk|"
        r"Boot Failed\. EFI (?:SCSI|Network|Hard)|Operating system not found|Missing operating system",
        "boot device selection",
    ),
    _firmware(
        "boot-not-trusted",
        r"The (?:signed )?image's hash (?:is not allowed|and certificate are not allowed)|"
        r"Secure Boot Violation|bad shim signature|error: (?:\.\./\S{1,60}:)?verification requested but nobody cares",
        "boot device selection, shim",
    ),
    _firmware("network-boot", r"Start PXE over IPv[46]|PXE-E\d\d: |PXE-M0F: Exiting", "iPXE, OVMF"),
)
"""Lines before "Linux version" belong to a boot that ends there; where a kernel starts after all, they mean nothing."""
