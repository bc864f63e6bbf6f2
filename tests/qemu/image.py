"""VM images: a Debian tree as an image builder would leave it, on a disk that the emulator boots.

A disk holds one ext4 filesystem and no partition table: kernel and initramfs are handed to the emulator. One tree for
each Debian has all that any image needs; an image is an overlay of it, made what its recipe says with the image's own
tools, judged by `azpreflight check --stage capture --root`, and written to a disk. Trees and disks are cached; a
machine writes into an overlay of its disk.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from tests.support.scratchroot import cache_directory, debian_tree, overlay, run_inside

RECIPE = "2"
"""Part of an image's name: raise it when the way of building changes."""
PACKAGES = (
    "systemd",
    "systemd-sysv",
    "udev",
    "dbus",
    "iproute2",
    "linux-image-cloud-amd64",
    "initramfs-tools",
    "lz4",
    "zstd",
    "python3",
    "python3-requests",
    "python3-dnspython",
    "python3-psutil",
    "python3-yaml",
    "iptables",
    "nftables",
    "openssh-server",
    "waagent",
    "cloud-init",
    "e2fsprogs",
    "fdisk",
    "parted",
    "eject",
    "sudo",
    "ca-certificates",
    "openssl",
    "netbase",
    "procps",
    "kmod",
    "mount",
    "passwd",
    "login",
    "qemu-guest-agent",
)
IFUPDOWN, NETWORKD = ("isc-dhcp-client", "ifupdown"), ("systemd-resolved", "dhcpcd-base")
SUITE_PACKAGES = {"bullseye": IFUPDOWN, "bookworm": IFUPDOWN, "trixie": NETWORKD, "sid": NETWORKD}
"""How the suite's cloud images get their address, where that is a package of its own."""
AGENTS = ("waagent", "cloud-init")
DRIVERS = (
    "virtio_pci",
    "virtio_blk",
    "virtio_net",
    "ext4",
    "hv_vmbus",
    "hv_storvsc",
    "hv_netvsc",
    "sd_mod",
    "pci_hyperv",
)
"""What this machine needs before its root, and what a VM on Azure needs."""
SMALL_INITRAMFS = (
    "--essential-hook=mkdir -p $1/etc/initramfs-tools/conf.d $1/usr/share/initramfs-tools/modules.d",
    "--essential-hook=printf 'MODULES=list\\nCOMPRESS=lz4\\n' > $1/etc/initramfs-tools/conf.d/small",
    f"--essential-hook=printf '%s\\n' {' '.join(DRIVERS)} > $1/usr/share/initramfs-tools/modules.d/emulator",
)
"""Made once, when the kernel is installed: one with all modules takes twenty seconds more."""
KERNEL_OPTIONS = "root=LABEL=root ro net.ifnames=0 console=tty0 console=ttyS0,115200n8"
DISK = "2G"
COMMAND_TIMEOUT = 300


@dataclass(frozen=True)
class Recipe:
    """What an image is to be."""

    suite: str = "bookworm"
    agents: tuple[str, ...] = ("waagent",)
    """Those of `AGENTS` that are installed."""
    provisioner: Optional[str] = "waagent"
    """Provisioning.Agent of waagent.conf; None leaves it as Debian installs it."""
    mended: tuple[str, ...] = ()
    """Checks whose findings before capture are fixed by the commands that they name."""
    files: tuple[tuple[str, str], ...] = ()
    """Path and text of further files."""
    package: bool = True
    """azpreflight is installed."""

    @property
    def name(self) -> str:
        """A name for files."""
        digest = hashlib.sha256(repr((RECIPE, PACKAGES, SUITE_PACKAGES[self.suite], SMALL_INITRAMFS, self)).encode())
        return f"image-{self.suite}-{digest.hexdigest()[:12]}"


RIGHT = Recipe(mended=("ssh-start",))
"""Debian 12, provisioned by its waagent, with sshd as azpreflight says it must be."""


@dataclass(frozen=True)
class Image:
    """Files that the emulator boots, and what was said of them before."""

    disk: Path
    """Raw, never written to."""
    kernel: Path
    initramfs: Path
    captured: Mapping[str, Any]
    """The report on the image's tree right before it became a disk."""


def build(recipe: Recipe, authority: str, deb: Path) -> Image:
    """The image of the recipe with the package installed; `authority` is the PEM certificate that its store trusts.

    The Debian tree is cached by suite; the image by recipe, package and certificate.
    """
    tree = debian_tree(recipe.suite, (*PACKAGES, *SUITE_PACKAGES[recipe.suite]), SMALL_INITRAMFS)
    cache = cache_directory()
    key = hashlib.sha256(deb.read_bytes() + authority.encode()).hexdigest()[:12]
    place = cache / f"{recipe.name}-{key}"
    with _locked(cache / f"{recipe.name}.lock"):
        if not place.is_dir():
            _forget_others(cache, recipe)
            _build(recipe, authority, deb, tree, place)
    (kernel,), (initramfs,) = tree.glob("boot/vmlinuz-*"), tree.glob("boot/initrd.img-*")
    return Image(place / "disk.raw", kernel, initramfs, json.loads((place / "captured.json").read_text()))


def _forget_others(cache: Path, recipe: Recipe) -> None:
    """Disks with older packages in them, and unfinished ones: half a gigabyte each."""
    for place in cache.glob(f"{recipe.name}-*"):
        shutil.rmtree(place)


def _build(recipe: Recipe, authority: str, deb: Path, tree: Path, place: Path) -> None:
    """Beside its final place and renamed, so that an image that exists is a whole one."""
    unfinished = place.with_name(f"{place.name}.unfinished")
    unfinished.mkdir()
    with overlay(tree) as root:
        furnish(root, recipe, authority, deb)
        (unfinished / "captured.json").write_text(json.dumps(_judge(root)))
        raw = unfinished / "disk.raw"
        _run("truncate", "-s", DISK, str(raw))
        _run("mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", str(root), str(raw))
    unfinished.rename(place)


def furnish(root: Path, recipe: Recipe, authority: str, deb: Optional[Path]) -> None:
    """Make of a tree with everything in it what the recipe says; `deb` may be absent where it wants no package."""
    _install(root, recipe, deb)
    _generalise(root, recipe)
    _write(root, "usr/local/share/ca-certificates/stand-in.crt", authority)
    _inside(root, "update-ca-certificates")
    for path, text in recipe.files:
        _write(root, path, text)
    _fix_commands(root, recipe.mended)


def _install(root: Path, recipe: Recipe, deb: Optional[Path]) -> None:
    """Only the agents that are wanted, and the package, as the package manager installs it."""
    unwanted = [agent for agent in AGENTS if agent not in recipe.agents]
    if unwanted:
        _inside(root, "dpkg", "--purge", *unwanted)
    if not recipe.package:
        return
    assert deb is not None
    shutil.copy(deb, root / "azpreflight.deb")
    _inside(root, "dpkg", "--install", "/azpreflight.deb")
    (root / "azpreflight.deb").unlink()


def _generalise(root: Path, recipe: Recipe) -> None:
    """What is left when an image builder has done everything right."""
    for key in root.glob("etc/ssh/ssh_host_*"):
        key.unlink()
    _write(root, "etc/machine-id", "")
    (root / "var/lib/dbus/machine-id").unlink(missing_ok=True)
    _write(root, "etc/hostname", "localhost.localdomain\n")
    _write(root, "etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost\n")
    _write(root, "etc/fstab", "LABEL=root / ext4 defaults,noatime,errors=remount-ro 0 1\n")
    (kernel,), (initramfs,) = root.glob("boot/vmlinuz-*"), root.glob("boot/initrd.img-*")
    entry = f"linux /boot/{kernel.name} {KERNEL_OPTIONS}\ninitrd /boot/{initramfs.name}\n"
    _write(root, "boot/grub/grub.cfg", f"menuentry 'Debian' {{\n{entry}}}\n")
    _network(root, recipe)
    configuration = root / "etc/waagent.conf"
    if recipe.provisioner is not None and configuration.exists():
        lines = configuration.read_text().splitlines()
        kept = [line for line in lines if not line.startswith("Provisioning.Agent=")]
        configuration.write_text("\n".join([*kept, f"Provisioning.Agent={recipe.provisioner}", ""]))
    if "cloud-init" in recipe.agents:
        _write(root, "etc/cloud/cloud.cfg.d/91-azure.cfg", "datasource_list: [ Azure ]\nlocale: false\n")


def _network(root: Path, recipe: Recipe) -> None:
    """DHCP by what the suite's images have; where cloud-init configures ifupdown, it needs to be let in."""
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    if SUITE_PACKAGES[recipe.suite] == IFUPDOWN:
        own = "auto eth0\niface eth0 inet dhcp"
        if "cloud-init" in recipe.agents:
            own = "source /etc/network/interfaces.d/*"
        _write(root, "etc/network/interfaces", f"auto lo\niface lo inet loopback\n{own}\n")
    else:
        _write(root, "etc/systemd/network/20-dhcp.network", "[Match]\nName=eth0\n[Network]\nDHCP=yes\n")
        (root / "etc/resolv.conf").symlink_to("../run/systemd/resolve/stub-resolv.conf")
        _inside(root, "systemctl", "enable", "systemd-networkd.service", "systemd-resolved.service")


def _judge(root: Path) -> dict[str, Any]:
    """What `azpreflight check` says of the tree before capture; without a network, so that nobody can be asked."""
    check = ["check", "--root", str(root), "--stage", "capture", "--platform", "azure", "--format", "json"]
    command = ["unshare", "--net", sys.executable, "-m", "azpreflight", *check]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=COMMAND_TIMEOUT)
    if done.returncode not in (0, 1, 3):
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-800:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _fix_commands(root: Path, checks: tuple[str, ...]) -> None:
    """Carry out the commands of what these checks find."""
    results = _judge(root)["results"] if checks else []
    for result in results:
        for finding in result["findings"] if result["check"] in checks else ():
            for command in finding["commands"]:
                _run("sh", "-c", command)


def _write(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_text(text)


def _inside(root: Path, *command: str) -> None:
    """A program of the tree, which must do well."""
    done = run_inside(root, *command, network=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-800:]}")


def _run(*command: str) -> None:
    environment = {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=COMMAND_TIMEOUT, env=environment
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-800:]}")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
