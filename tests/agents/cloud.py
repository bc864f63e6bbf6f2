"""What Debian's cloud team puts into an image for Azure: packages, files, and a script that stands for grub-probe."""

from __future__ import annotations

CLOUD = (
    "linux-image-cloud-amd64",
    "initramfs-tools",
    "zstd",
    "lz4",
    "xz-utils",
    "kmod",
    "grub-cloud-amd64",
    "cloud-init",
    "cloud-guest-utils",
    "cloud-initramfs-growroot",
    "hyperv-daemons",
    "waagent",
    "openssh-server",
    "sudo",
    "libpam-systemd",
    "chrony",
    "init",
    "udev",
    "iputils-ping",
    "ifupdown",
    "isc-dhcp-client",
    "less",
    "logrotate",
    "netbase",
    "nftables",
    "netplan.io",
    "systemd-resolved",
)
UUID = "4f0e6a3a-1d3c-4b60-8f54-0c6a4f6c2b11"
FILES = {
    "etc/hostname": "localhost\n",
    "etc/modprobe.d/blacklist.conf": "blacklist pcspkr\nblacklist floppy\n",
    "etc/cloud/cloud.cfg.d/90_dpkg.cfg": "datasource_list: [ Azure ]\n",
    "etc/cloud/cloud.cfg.d/10_azure.cfg": "reporting:\n  logging:\n    type: log\n  telemetry:\n    type: hyperv\n",
    "etc/default/grub.d/15_timeout.cfg": "GRUB_TIMEOUT=1\nGRUB_TIMEOUT_STYLE=countdown\n",
    "etc/fstab": f"UUID={UUID} / ext4 rw,discard,errors=remount-ro,x-systemd.growfs 0 1\n"
    "UUID=7C3B-9F21 /boot/efi vfat defaults 0 0\n",
    "boot/efi/EFI/BOOT/BOOTX64.EFI": "",
    "boot/efi/EFI/debian/grubx64.efi": "",
    f"dev/disk/by-uuid/{UUID}": "",
}
"""What the build writes beside the packages; the boot loader's files are there by their names."""
PROBE = f"""\
#!/bin/sh
case "$*" in
*fs_uuid*) echo {UUID} ;;
*partuuid*) echo 9b4d6b7c-15c1-4c2b-9d0d-5a7d0c6f2a10 ;;
*target=device*) echo /dev/sda1 ;;
*target=fs*) echo ext2 ;;
*partmap*) echo gpt ;;
*hints_string*) echo --hint-bios=hd0,gpt1 ;;
*drive*) echo "(hd0,gpt1)" ;;
esac
"""
