"""What the lines of a boot mean that ends before, or beside, the agents."""

from __future__ import annotations

from collections.abc import Mapping

from azpreflight.explain.meanings import texts
from azpreflight.explain.meanings.meaning import NEVER, USERS, Meaning

_LATER = "what failed first stands in the lines before"

BOOT: Mapping[str, Meaning] = {
    "no-boot-device": Meaning(
        "the firmware found nothing to start from on the disk",
        texts.LOADER,
        3,
        "the disk may be of the other generation of VMs, or detached",
        undone_by=USERS,
    ),
    "boot-not-trusted": Meaning(
        "the firmware refused the boot loader: its signature is not trusted (secure boot)",
        "Use a signed shim, GRUB and kernel in the image, or create the VM without secure boot.",
        3,
        undone_by=USERS,
    ),
    "network-boot": Meaning(
        "the firmware tried to start from the network, as it does where the disk has nothing to start from",
        texts.LOADER,
        2,
        "it may try the disk afterwards",
        undone_by=USERS,
    ),
    "grub-no-device": Meaning(
        "GRUB does not find the filesystem that it was installed for", texts.LOADER, 3, _LATER, undone_by=USERS
    ),
    "grub-no-file": Meaning("GRUB does not find its files, or the kernel", texts.LOADER, 3, _LATER, undone_by=USERS),
    "grub-rescue": Meaning("GRUB ended at its prompt", texts.LOADER, 2, _LATER, undone_by=USERS),
    "no-root-device": Meaning(
        "the initramfs does not find the root filesystem: its driver is missing, or the disk has another name",
        texts.ROOT,
        3,
        "the disk may be damaged",
        undone_by=USERS,
    ),
    "initramfs-waits": Meaning(
        "the initramfs waited for the root filesystem without success", texts.ROOT, 2, _LATER, undone_by=USERS
    ),
    "initramfs-shell": Meaning("the boot ended in the initramfs", texts.ROOT, 2, _LATER, undone_by=USERS),
    "initramfs-no-init": Meaning(
        "the root filesystem has no init", "Repair /sbin/init (systemd) in the image.", 3, _LATER, undone_by=USERS
    ),
    "kernel-no-root": Meaning(
        "the kernel cannot mount the root filesystem: the initramfs is missing, or lacks the disk's driver",
        texts.ROOT,
        3,
        "the boot loader may name another disk",
        undone_by=USERS,
    ),
    "kernel-no-init": Meaning(
        "the kernel found no init to run, or init died",
        "Repair /sbin/init (systemd) and the C library in the image.",
        3,
        "a policy (SELinux) may have ended it",
        undone_by=USERS,
    ),
    "kernel-panic": Meaning(
        "the kernel panicked",
        "Start the VM with another kernel, and read the lines before the panic for what called it.",
        2,
        "a fault of the kernel or of a module looks the same as one of the image",
        undone_by=NEVER,
    ),
    "no-space": Meaning(
        "the disk is full",
        "Enlarge the OS disk, or free space in the image.",
        3,
        "a quota looks the same",
        undone_by=NEVER,
    ),
    "kernel-filesystem": Meaning(
        "a filesystem has errors", texts.CHECK, 2, "the disk under it may have them", undone_by=USERS
    ),
    "emergency-target": Meaning(
        "the boot ended in emergency mode", texts.ON_DISK, 2, "somebody may have asked for it", undone_by=USERS
    ),
    "kernel-read-only": Meaning(
        "a filesystem was made read-only after errors",
        texts.CHECK,
        2,
        "the disk under it may have them",
        undone_by=NEVER,
    ),
    "emergency-mode": Meaning(
        "the boot ended in emergency mode: a filesystem that fstab requires was not mounted",
        texts.ON_DISK,
        2,
        "somebody may have asked for it",
        undone_by=USERS,
    ),
    "device-timeout": Meaning(
        "a disk that fstab requires does not exist on this VM", texts.MOUNT, 2, "it may have been late", undone_by=USERS
    ),
    "mount-failed": Meaning(
        "a filesystem that fstab requires was not mounted", texts.MOUNT, 2, _LATER, undone_by=USERS
    ),
    "check-failed": Meaning("the check of a filesystem failed", texts.CHECK, 3, _LATER, undone_by=USERS),
}
