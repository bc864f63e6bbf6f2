"""Faults that keep a VM from provisioning: of each an image can be made, and a first boot shows it."""

from __future__ import annotations

from dataclasses import replace

from tests.qemu.image import KERNEL_OPTIONS, Recipe
from tests.rehearse.image import HEALTHY, Fault

UNITS = "etc/systemd/system"
WANTED, SYSINIT = f"{UNITS}/multi-user.target.wants", f"{UNITS}/sysinit.target.wants"
CONF = "/etc/waagent.conf"
CRYPT = ("python3-legacycrypt", "python3-crypt-r")
WAITS = """[Unit]
Description=Wait for the intranet
Before=walinuxagent.service
[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=/bin/sh -c 'until getent hosts intranet.example.org.invalid; do sleep 5; done'
"""
HARDENING = "".join(f"install {name} /bin/true\n" for name in ("cramfs", "squashfs", "udf", "dccp", "sctp"))
DROPS = """table inet hardening {
 chain out { type filter hook output priority 0; policy accept; ip daddr 168.63.129.16 tcp dport 80 drop; }
}
"""
FILLS = """[Unit]
Description=Preallocate a swap file
DefaultDependencies=no
After=local-fs.target
Before=sysinit.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'fallocate -l "$(df --output=avail -B1 / | tail -n 1)" /swapfile; dd if=/dev/zero of=/rest; true'
"""
DRIVERS, REMAKE = "/usr/share/initramfs-tools/modules.d/emulator", ("update-initramfs", "-u", "-k", "all")
WITH_SCSI = Fault(commands=(("sed", "-i", "$a virtio_scsi", DRIVERS), REMAKE))
"""No fault: with a driver for a SCSI disk too."""
BOTH = Recipe("bookworm", ("waagent", "cloud-init"), None, package=False)
TRIXIE = replace(HEALTHY, suite="trixie")

FAULTS: dict[str, tuple[Recipe, Fault]] = {
    "ordering-cycle": (
        HEALTHY,
        Fault({f"{UNITS}/ssh.service.d/after-agent.conf": "[Unit]\nAfter=walinuxagent.service\n"}),
    ),
    "allow-users": (HEALTHY, Fault({"etc/ssh/sshd_config.d/10-hardening.conf": "AllowUsers admin\n"})),
    "masked-agent": (HEALTHY, Fault({f"{UNITS}/walinuxagent.service": "-> /dev/null"})),
    "fstab-missing": (HEALTHY, Fault({"etc/fstab": "+ LABEL=data /data ext4 defaults 0 2\n"})),
    "fstab-sr0": (HEALTHY, Fault({"etc/fstab": "+ /dev/sr0 /media udf ro 0 0\n"})),
    "wrong-root": (HEALTHY, Fault(kernel_options=KERNEL_OPTIONS.replace("LABEL=root", "LABEL=cloudimg-rootfs"))),
    "rescue-target": (HEALTHY, Fault({f"{UNITS}/default.target": "-> /lib/systemd/system/rescue.target"})),
    "waits-for-network": (
        HEALTHY,
        Fault({f"{UNITS}/intranet.service": WAITS, f"{WANTED}/intranet.service": f"-> /{UNITS}/intranet.service"}),
    ),
    "no-udf": (HEALTHY, Fault({"etc/modprobe.d/cis.conf": HARDENING})),
    "same-host-keys": (
        HEALTHY,
        Fault(
            commands=(
                ("ssh-keygen", "-A"),
                (
                    "sed",
                    "-i",
                    "s/^Provisioning.RegenerateSshHostKeyPair=.*/Provisioning.RegenerateSshHostKeyPair=n/",
                    CONF,
                ),
            )
        ),
    ),
    "huge-pages": (HEALTHY, Fault({"etc/sysctl.d/97-huge.conf": "vm.nr_hugepages=49152\n"})),
    "no-password-library": (TRIXIE, Fault(commands=(("dpkg", "--purge", "--force-depends", *CRYPT),))),
    "fills-the-disk": (
        HEALTHY,
        Fault({f"{UNITS}/swapfile.service": FILLS, f"{SYSINIT}/swapfile.service": f"-> /{UNITS}/swapfile.service"}),
    ),
    "no-initramfs": (HEALTHY, Fault(commands=(("sed", "-i", "/^initrd/d", "/boot/grub/grub.cfg"),))),
    "cut-initramfs": (HEALTHY, Fault(commands=(("sh", "-c", "truncate -s 1M /boot/initrd.img-*"),))),
    "no-users": (BOTH, Fault({"etc/cloud/cloud.cfg.d/99-users.cfg": "users: []\n"})),
    "sudo-without-setuid": (HEALTHY, Fault(commands=(("chmod", "u-s", "/usr/bin/sudo"),))),
    "no-dhcp-client": (HEALTHY, Fault(commands=(("dpkg", "--purge", "--force-depends", "isc-dhcp-client"),))),
    "saved-rule": (
        HEALTHY,
        Fault({"etc/nftables.conf": DROPS, f"{WANTED}/nftables.service": "-> /lib/systemd/system/nftables.service"}),
    ),
}
"""By name: the image's recipe, and what is wrong with it."""
