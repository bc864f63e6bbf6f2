"""VM images: a Debian tree as an image builder would leave it, on a disk that the emulator boots.

A disk holds one ext4 filesystem and no partition table: kernel and initramfs are handed to the emulator. An image is
built once for its recipe and cached like the scratch trees; a machine writes into an overlay of it.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.scratchroot import cache_directory, debian_tree

RECIPE = "1"
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
SUITE_PACKAGES = {"bookworm": ("isc-dhcp-client", "ifupdown"), "trixie": ("systemd-resolved", "dhcpcd-base")}
"""How the suite's cloud images get their address, where that is a package of its own."""
DRIVERS = ("virtio_pci", "virtio_blk", "virtio_net", "ext4")
"""All that this machine needs before its root: the initramfs of a real image would hold hv_storvsc and hv_netvsc."""
DISK = "2G"
COMMAND_TIMEOUT = 300


@dataclass(frozen=True)
class Recipe:
    """What an image is to be."""

    suite: str = "bookworm"
    provisioner: str = "waagent"
    """Provisioning.Agent of waagent.conf: waagent or cloud-init; cloud-init is installed for the latter."""

    @property
    def name(self) -> str:
        """A name for files."""
        digest = hashlib.sha256(repr((RECIPE, PACKAGES, self)).encode()).hexdigest()[:12]
        return f"image-{self.suite}-{self.provisioner}-{digest}"


@dataclass(frozen=True)
class Image:
    """Files that the emulator boots."""

    disk: Path
    """qcow2, never written to."""
    kernel: Path
    initramfs: Path


def build(recipe: Recipe, authority: str, deb: Path) -> Image:
    """The image of the recipe with the package installed; `authority` is the PEM certificate that its store trusts.

    The Debian tree is cached by recipe; the package and the certificate are put in anew for each run.
    """
    cache = cache_directory()
    key = hashlib.sha256(deb.read_bytes() + authority.encode()).hexdigest()[:12]
    place = cache / f"{recipe.name}-{key}"
    with _locked(cache / f"{recipe.name}.lock"):
        if not (place / "done").exists():
            _forget_others(cache, recipe, keep=place)
            _build(recipe, authority, deb, place)
    return Image(place / "disk.qcow2", place / "vmlinuz", place / "initramfs")


def _forget_others(cache: Path, recipe: Recipe, keep: Path) -> None:
    """Disks with older packages in them: half a gigabyte each."""
    for place in cache.glob(f"{recipe.name}-*"):
        if place != keep and place.is_dir():
            shutil.rmtree(place)


def _build(recipe: Recipe, authority: str, deb: Path, place: Path) -> None:
    cloud_init = ("cloud-init", "locales") if recipe.provisioner == "cloud-init" else ()
    tree = debian_tree(recipe.suite, (*PACKAGES, *SUITE_PACKAGES.get(recipe.suite, ()), *cloud_init))
    place.mkdir(parents=True, exist_ok=True)
    root = place / "root"
    shutil.rmtree(root, ignore_errors=True)
    try:
        _run("cp", "-a", "--reflink=auto", str(tree), str(root))
        _generalise(root, recipe)
        _trust(root, authority)
        _install(root, deb)
        _initramfs(root)
        shutil.copy(next(root.glob("boot/vmlinuz-*")), place / "vmlinuz")
        shutil.copy(next(root.glob("boot/initrd.img-*")), place / "initramfs")
        raw = place / "disk.raw"
        _run("truncate", "-s", DISK, str(raw))
        _run("mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", str(root), str(raw))
        _run("qemu-img", "convert", "-O", "qcow2", str(raw), str(place / "disk.qcow2"))
        raw.unlink()
    finally:
        shutil.rmtree(root, ignore_errors=True)
    (place / "done").touch()


def _generalise(root: Path, recipe: Recipe) -> None:
    """What is left when an image builder has done everything right."""
    for key in root.glob("etc/ssh/ssh_host_*"):
        key.unlink()
    _write(root, "etc/machine-id", "")
    (root / "var/lib/dbus/machine-id").unlink(missing_ok=True)
    _write(root, "etc/hostname", "localhost.localdomain\n")
    _write(root, "etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost\n")
    _write(root, "etc/fstab", "/dev/vda / ext4 defaults,noatime,errors=remount-ro 0 1\n")
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    if recipe.suite == "bookworm":
        _write(root, "etc/network/interfaces", "auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet dhcp\n")
    else:
        _write(root, "etc/systemd/network/20-dhcp.network", "[Match]\nName=eth0\n[Network]\nDHCP=yes\n")
        (root / "etc/resolv.conf").symlink_to("../run/systemd/resolve/stub-resolv.conf")
        _enable(root, "systemd-networkd.service", "systemd-resolved.service")
    configuration = root / "etc/waagent.conf"
    lines = configuration.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("Provisioning.Agent=", "AutoUpdate.Enabled="))]
    configuration.write_text("\n".join([*kept, f"Provisioning.Agent={recipe.provisioner}", "AutoUpdate.Enabled=n", ""]))
    if recipe.provisioner == "cloud-init":
        _write(root, "etc/cloud/cloud.cfg.d/91-azure.cfg", "datasource_list: [ Azure ]\nlocale: false\n")


def _trust(root: Path, authority: str) -> None:
    _write(root, "usr/local/share/ca-certificates/stand-in.crt", authority)
    _inside(root, "update-ca-certificates")


def _install(root: Path, deb: Path) -> None:
    """The package, as the package manager installs it; its dependencies are in the tree."""
    shutil.copy(deb, root / "azpreflight.deb")
    _inside(root, "dpkg", "-i", "/azpreflight.deb")
    (root / "azpreflight.deb").unlink()


def _initramfs(root: Path) -> None:
    _write(root, "etc/initramfs-tools/conf.d/small", "MODULES=list\nCOMPRESS=lz4\n")
    _write(root, "etc/initramfs-tools/modules", "\n".join(DRIVERS) + "\n")
    _inside(root, "update-initramfs", "-u")


def _enable(root: Path, *units: str) -> None:
    _run("systemctl", f"--root={root}", "enable", *units)


def _write(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_symlink():
        file.unlink()
    file.write_text(text)


def _inside(root: Path, *command: str) -> None:
    """A program of the tree, in mount and PID namespaces of its own."""
    script = 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'
    _run("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, str(root), *command)


def _run(*command: str) -> None:
    environment = {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=COMMAND_TIMEOUT, env=environment
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-800:]}")


@contextlib.contextmanager
def _locked(path: Path) -> "Iterator[None]":
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
