"""What an image has besides its packages: a kernel, a boot loader, and the file that says which disks to mount.

The tree is installed without them, because nothing in it is ever booted: a list of drivers is all that anybody asks
of the kernel. It has them all built in, as the kernels of clouds nearly have.
"""

from __future__ import annotations

from azpreflight.standin.identity import VM_ID

RELEASE = "6.1.0-standin"
MODULES = f"/usr/lib/modules/{RELEASE}"
ROOT = "UUID=4f0e6a3a-1d3c-4b60-8f54-0c6a4f6c2b11"
COMMAND_LINE = f"root={ROOT} ro console=tty0 console=ttyS0,115200n8 earlyprintk=ttyS0"
DRIVERS = (
    "fs/udf/udf",
    "fs/isofs/isofs",
    "drivers/cdrom/cdrom",
    "drivers/scsi/sr_mod",
    "drivers/scsi/sd_mod",
    "drivers/ata/ata_piix",
    "drivers/hv/hv_vmbus",
    "drivers/hv/hv_utils",
    "drivers/scsi/hv_storvsc",
    "drivers/net/hyperv/hv_netvsc",
    "drivers/nvme/host/nvme",
    "drivers/pci/controller/pci-hyperv",
    "drivers/net/ethernet/microsoft/mana/mana",
    "drivers/net/ethernet/mellanox/mlx5/core/mlx5_core",
    "net/ipv4/netfilter/ip_tables",
    "net/ipv4/netfilter/iptable_security",
    "net/netfilter/nf_tables",
    "net/netfilter/nft_compat",
    "net/netfilter/nft_ct",
    "net/netfilter/xt_conntrack",
    "net/netfilter/xt_owner",
)
FIRMWARE = {
    "product_uuid": VM_ID,
    "chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77",
    "sys_vendor": "Microsoft Corporation",
    "product_name": "Virtual Machine",
    "chassis_vendor": "Microsoft Corporation",
}
"""SMBIOS of a VM on Azure, by file below /sys/class/dmi/id. The VM has no sysfs, which would show the machine's own."""
FILES = {
    f"{MODULES}/modules.builtin": "".join(f"kernel/{driver}.ko\n" for driver in DRIVERS),
    f"{MODULES}/modules.dep": "",
    f"/boot/vmlinuz-{RELEASE}": "",
    "/boot/grub/grub.cfg": f"menuentry 'Debian' {{\n\tlinux /boot/vmlinuz-{RELEASE} {COMMAND_LINE}\n}}\n",
    "/etc/fstab": f"{ROOT} / ext4 rw,discard,errors=remount-ro 0 1\n",
    **{f"/sys/class/dmi/id/{name}": f"{value}\n" for name, value in FIRMWARE.items()},
}
"""Text by path."""
