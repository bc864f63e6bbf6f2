"""The packages of a cloud image."""

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
