"""Machines for the checks of booting: a healthy one, and a broken one for each check."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import Any

from azpreflight.guest.initramfs import AT_START
from azpreflight.host import Completed, Room
from azpreflight.model import Platform, Run, Severity, Stage
from azpreflight.probes import agents, boot
from azpreflight.probes.boot import messages
from azpreflight.probes.boot.drivers import DRIVERS
from tests.support.archives import archive
from tests.support.fakes import FakeHost, Link
from tests.support.judging import findings, judged
from tests.support.machines import agents as with_agents

PROBE = boot.PROBE
RELEASE = "6.1.0-50-cloud-amd64"
GRUB = "/boot/grub/grub.cfg"
UUID = "root=UUID=1a2b3c4d"
PLENTY = {
    "/": Room(1, 20_000 << 20, 900_000),
    "/boot": Room(2, 300 << 20, 49_000),
    "/var": Room(1, 20_000 << 20, 900_000),
}
RUN = Run(stage=Stage.CAPTURE, platform=Platform.AZURE)
MOUNTED = replace(RUN, root="/mnt")


def kernel(
    release: str = RELEASE,
    without: tuple[str, ...] = (),
    built_in: tuple[str, ...] = (),
    more: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The lists and files of one kernel's modules, and the kernel itself."""
    base = f"/lib/modules/{release}"
    files = {name: f"kernel/drivers/{name}.ko" for name in (*DRIVERS, *more) if name not in (*without, *built_in)}
    return {
        f"/boot/vmlinuz-{release}": "",
        f"{base}/modules.dep": "".join(f"{file}:\n" for file in files.values()),
        f"{base}/modules.builtin": "".join(f"kernel/{name}.ko\n" for name in built_in),
        **{f"{base}/{file}": "" for file in files.values()},
    }


def image(*names: str, release: str = RELEASE) -> dict[str, Any]:
    """An initramfs with these modules."""
    paths = [f"usr/lib/modules/{release}/kernel/{name}.ko.zst" for name in names]
    return {f"/boot/initrd.img-{release}": archive("microcode.bin") + gzip.compress(archive("init", *paths))}


def grub(*options: str) -> dict[str, Any]:
    return {GRUB: f"menuentry 'Debian' {{\n linux /vmlinuz-{RELEASE} {' '.join(options)}\n}}\n"}


FILES = {
    **kernel(),
    **image(*AT_START),
    **grub(UUID, "ro", "console=tty0", "console=ttyS0,115200"),
    "/etc/fstab": "UUID=1a2b3c4d / ext4 defaults 0 1\n",
    "/sbin/dhclient": "",
    "/etc/dhcp/dhclient.conf": "#timeout 60;\nretry 60;\n",
}


def host(changes: dict[str, Any], *removed: str, rooms: dict[str, Any] = PLENTY) -> FakeHost:
    """An image that starts on Azure, with some files changed."""
    files = with_agents.host({**FILES, **changes}, *removed).files
    return FakeHost(files=files, rooms=rooms)


FIRSTBOOT = replace(RUN, stage=Stage.FIRSTBOOT)
MANAGER = {
    "/lib/systemd/system/NetworkManager.service": "[Unit]\n",
    "/etc/systemd/system/multi-user.target.wants/NetworkManager.service": Link(
        "/lib/systemd/system/NetworkManager.service"
    ),
}
NFT = ("nf_tables", "nft_compat", "xt_owner", "xt_conntrack", "nft_ct", "ip_tables", "iptable_security")


def netfilter(*missing: str, program: str = "iptables-nft") -> dict[str, Any]:
    """An agent that makes rules, and a kernel that lacks some of what they need."""
    programs: dict[str, dict[str, Any]] = {
        "iptables-nft": {"/usr/sbin/iptables": Link("/etc/alternatives/iptables")},
        "iptables": {"/usr/sbin/iptables": Link("xtables-legacy-multi"), "/usr/sbin/xtables-legacy-multi": ""},
        "nft": {"/usr/sbin/nft": ""},
    }
    there = kernel(more=tuple(name for name in NFT if name not in missing))
    files = programs.get(program, {})
    backend = {"/etc/alternatives/iptables": Link("/usr/sbin/xtables-nft-multi"), "/usr/sbin/xtables-nft-multi": ""}
    return {**there, **files, **backend, **with_agents.conf("OS.EnableFirewall=y")}


KERNEL = {"_TRANSPORT": "kernel"}
"""What journald adds to a line of the kernel."""


def entry(line: str, **fields: str) -> str:
    """An entry of the journal as `journalctl --output=json` prints it; of the kernel unless it says otherwise."""
    return json.dumps({"MESSAGE": line, **(fields or KERNEL)})


def booted(*lines: str) -> FakeHost:
    """A VM at its first boot whose kernel said these lines."""
    return journal(*map(entry, lines))


def journal(*entries: str) -> FakeHost:
    """A VM at its first boot whose journal has these entries."""
    first = host(with_agents.SYSTEMD_RUNS)
    return replace(first, programs={**first.programs, messages.COMMAND: Completed(0, "\n".join(entries), "")})


HEALTHY = (host({}), RUN)
BROKEN = {
    "boot-drivers": (host(kernel(without=("hv_netvsc",)), f"/lib/modules/{RELEASE}/kernel/drivers/hv_netvsc.ko"), RUN),
    "boot-initramfs": (host(image("virtio_blk", "sd_mod")), RUN),
    "boot-root": (host(grub("root=/dev/vda1", "console=ttyS0")), RUN),
    "boot-console": (host(grub(UUID, "ro", "quiet")), RUN),
    "boot-swap": (host({"/etc/fstab": "/swapfile none swap sw 0 0\n"}), RUN),
    "boot-space": (host({}, rooms={"/": Room(1, 31 << 20, 900_000)}), RUN),
    "boot-dhcp-timeout": (host({"/etc/dhcp/dhclient.conf": "timeout 60;\n"}), RUN),
    "boot-firmware": (
        host({"/sys/firmware/efi": None, "/boot/efi/EFI/debian/shimx64.efi": ""}),
        RUN,
    ),
    "boot-netfilter": (host(netfilter("xt_owner")), RUN),
    "boot-sriov": (host(MANAGER), RUN),
    "boot-messages": (
        booted("systemd started", "Timed out waiting for device dev-sdc1.device - /dev/sdc1."),
        FIRSTBOOT,
    ),
}


def report(on: FakeHost, run: Run = RUN) -> Any:
    return judged(replace(on, root=run.root), run, agents.PROBE, PROBE)


def said(on: FakeHost, check: str, run: Run = RUN) -> list[tuple[Severity, str]]:
    return [(finding.severity, finding.message) for finding in findings(report(on, run), check)]
