"""Machines for the checks of start-up: a healthy one, and a broken one for each check."""

from __future__ import annotations

import gzip
from typing import Any

from azpreflight.model import Platform, Run, Stage
from azpreflight.probes import agents, startup
from tests.support.fakes import FakeHost, Link
from tests.support.judging import findings, judged
from tests.support.machines import agents as with_agents

PROBE = startup.PROBE
RUN = Run(stage=Stage.CAPTURE, platform=Platform.AZURE)
RELEASE = "6.1.0-50-cloud-amd64"
KERNEL, IMAGE = f"/boot/vmlinuz-{RELEASE}", f"/boot/initrd.img-{RELEASE}"
GRUB = "/boot/grub/grub.cfg"
MODULES = f"/lib/modules/{RELEASE}"
UNIT = "/lib/systemd/system/{}"
WANTED = "/etc/systemd/system/multi-user.target.wants/{}"


def service(name: str) -> dict[str, Any]:
    """A unit that is enabled."""
    return {UNIT.format(name): "[Unit]\n", WANTED.format(name): Link(UNIT.format(name))}


def modules(*names: str, built_in: tuple[str, ...] = ()) -> dict[str, Any]:
    """Lists and files of one kernel."""
    return {
        f"{MODULES}/modules.dep": "".join(f"kernel/fs/{name}.ko:\n" for name in names),
        f"{MODULES}/modules.builtin": "".join(f"kernel/fs/{name}.ko\n" for name in built_in),
        **{f"{MODULES}/kernel/fs/{name}.ko": "" for name in names},
    }


def grub(options: str = "root=UUID=1a2b ro", initrd: str | None = IMAGE, kernel: str = KERNEL) -> dict[str, Any]:
    line = f"\tinitrd\t{initrd}\n" if initrd else ""
    return {GRUB: f"set default=\"0\"\nmenuentry 'Debian' {{\n\tlinux\t{kernel} {options}\n{line}}}\n"}


LABELS = dict.fromkeys(
    ("/", "/etc", "/etc/passwd", "/usr", "/usr/sbin", "/usr/sbin/waagent"), "system_u:object_r:etc_t:s0"
)
FILES: dict[str, Any] = {
    **with_agents.FILES,
    **modules("ext4", "vfat", "fat"),
    **grub(),
    KERNEL: "MZ",
    IMAGE: gzip.compress(b"x"),
    "/etc/fstab": "UUID=1a2b / ext4 defaults 0 1\nUUID=8C1F /boot/efi vfat defaults 0 2\n",
    **service("systemd-networkd.service"),
    "/usr/bin/growpart": "",
    "/sbin/dhclient": "",
    **{
        UNIT.format(name): f"[Unit]\n{text}\n"
        for name, text in {
            "multi-user.target": "Requires=basic.target\nAfter=basic.target",
            "basic.target": "Requires=sysinit.target\nWants=sockets.target\nAfter=sysinit.target sockets.target",
            "sysinit.target": "Wants=local-fs.target\nAfter=local-fs.target",
            "local-fs.target": "DefaultDependencies=no",
            "sockets.target": "",
            "network-online.target": "",
        }.items()
    },
    "/lib/systemd/system/default.target": Link("/lib/systemd/system/multi-user.target"),
}


def host(changes: dict[str, Any], *removed: str, labels: dict[str, str] | None = None) -> FakeHost:
    """A Debian that starts, with some files changed and some away."""
    files = {path: node for path, node in {**FILES, **changes}.items() if path not in removed}
    return FakeHost(files=files, labels=labels or {})


ENFORCING = {"/etc/selinux/config": "SELINUX=enforcing\nSELINUXTYPE=targeted\n", "/etc/passwd": ""}
LVM = {
    "/etc/fstab": "/dev/mapper/rootvg-root / ext4 defaults 0 0\n",
    **grub("root=/dev/mapper/rootvg-root ro rd.lvm.lv=rootvg/root"),
}
DEVICES = "/etc/lvm/devices/system.devices"
ONE_DISK = "VERSION=1.1.2\nIDTYPE=sys_wwid IDNAME=naa.6002 DEVNAME=/dev/sda4 PVID=9d PART=4\n"
DISABLED = {"/etc/cloud/cloud.cfg.d/99-net.cfg": "network: {config: disabled}\n"}

SKIPPED = "/etc/systemd/system/cloud-init-local.service.d/x.conf"
HEALTHY = (host({}), RUN)
BROKEN = {
    "boot-entry": (host({}, IMAGE), RUN),
    "boot-filesystems": (host({"/etc/modprobe.d/CIS.conf": "install vfat /bin/true\n"}), RUN),
    "boot-memory": (host({"/etc/sysctl.d/97-huge.conf": "vm.nr_hugepages = 49152\n"}), RUN),
    "boot-volumes": (host({"/etc/fstab": "/dev/rootvg/var /var ext4 defaults 0 0\n", DEVICES: ONE_DISK}), RUN),
    "boot-grow": (host({}, "/usr/bin/growpart"), RUN),
    "boot-target": (host({"/etc/systemd/system/default.target": Link("/lib/systemd/system/rescue.target")}), RUN),
    "boot-order": (host({UNIT.format("systemd-networkd.service"): "[Unit]\nBefore=sysinit.target\n"}), RUN),
    "boot-nic": (host(DISABLED), RUN),
    "boot-names": (host({"/etc/nsswitch.conf": "hosts: files\n"}), RUN),
    "boot-units": (host({SKIPPED: "[Unit]\nConditionPathExists=/etc/enable-azure\n"}), RUN),
    "boot-directories": (host({"/var/log": Link("/mnt/log")}), RUN),
    "boot-selinux": (host(ENFORCING, labels={key: LABELS[key] for key in ("/", "/etc", "/usr")}), RUN),
}


def said(on: FakeHost, check: str) -> list[tuple[str, str]]:
    return [(one.severity.value, one.message) for one in findings(judged(on, RUN, agents.PROBE, PROBE), check)]


def severities(on: FakeHost, check: str) -> list[str]:
    return [severity for severity, _ in said(on, check)]


def network(text: str, path: str = "/etc/systemd/network/20.network") -> dict[str, Any]:
    """A file of systemd-networkd, and cloud-init leaves the network alone."""
    return {**DISABLED, path: text + "[Network]\nDHCP=yes\n"}


STORE = "md-1.blob.core.windows.net"
