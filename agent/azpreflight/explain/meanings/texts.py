"""Fixes that several lines share."""

from __future__ import annotations

GENERALIZE = (
    "Deprovision the source VM with `waagent -force -deprovision+user` right before capture, capture again, and create"
    " the VM from the new image."
)
MEDIA = "Let sr_mod, udf and iso9660 load in the image, and mount nothing from /dev/sr0 by itself."
MEDIA_MODULE = "Remove the line that blocks udf or iso9660 from /etc/modprobe.d in the image, and install the modules."
MEDIA_DRIVE = (
    "Let the drive's driver load in the image: sr_mod, and ata_piix (generation 1) or hv_storvsc; remove"
    " lines that block them from /etc/modprobe.d."
)
MEDIA_EMPTY = (
    "Redeploy the VM; where waagent was restarted while it provisioned, find out why, because the disc is ejected."
)
AGENT = (
    "Enable the provisioning agent's units in the image, with `systemctl enable`, and remove"
    " /etc/cloud/cloud-init.disabled and cloud-init=disabled."
)
AGENT_LOG = "Read the agent's own log on the VM's disk, attached to another VM, for the step that failed."
PLATFORM = (
    "Allow TCP 80 and 32526 to 168.63.129.16 and TCP 80 to 169.254.169.254 in the guest's firewall, and remove"
    " routes and proxies that catch them; then look at the network security group and the subnet."
)
GUEST_FIREWALL = (
    "Remove the rule of the guest's own firewall that rejects 168.63.129.16 and 169.254.169.254; `azpreflight check"
    " --stage firstboot` names it."
)
NETWORK = (
    "Let the image use DHCP on whatever network interface the VM has, independent of its name and MAC address, and"
    " enable its network service."
)
DNS = (
    "Correct the DNS servers of the virtual network, or those that the image names itself, so that they answer; Azure's"
    " own is 168.63.129.16."
)
DNS_WRONG = (
    "Let the DNS servers resolve the storage endpoints: forward what they do not serve to 168.63.129.16, and check"
    " private DNS zones that hide public names."
)
EGRESS = (
    "Give the subnet outbound access to the storage endpoints: a NAT gateway, a public IP address, a service endpoint,"
    " or a rule of the firewall on the path."
)
ROOT = (
    "Name the root filesystem by UUID in the boot loader and fstab, and rebuild the initramfs with hv_vmbus, hv_storvsc"
    " and nvme, on the image or on its disk attached to another VM."
)
LOADER = (
    "Install the boot loader in the image again, for the generation of the VM: grub-install on the disk (generation 1),"
    " an EFI system partition with EFI/BOOT/BOOTX64.EFI (generation 2)."
)
MOUNT = "Take the entry out of fstab, or add nofail to it, on the disk attached to another VM."
CHECK = "Check the filesystem with fsck or xfs_repair from another VM."
ON_DISK = "Attach the disk to another VM, and repair it there; the lines before this one name what failed first."
