"""Names of disks that fstab and the kernel command line may have, and no other machine has."""

from __future__ import annotations

OF_ONE_DISK = tuple(f"/dev/disk/by-id/{bus}-" for bus in ("scsi", "ata", "wwn", "nvme", "virtio", "usb"))
"""Made of a disk's serial number; those of LVM and RAID are of what is on it (systemd, 60-persistent-storage.rules)."""
