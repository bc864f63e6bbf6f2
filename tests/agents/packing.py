"""Real kernels and the programs that pack their initial RAM file systems."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

from tests.agents.cloud import CLOUD
from tests.support.scratchroot import cache_directory, overlay, run_inside

RECIPE = "2"
"""Part of an image's name: raise it when the way of making changes."""
PACKAGES = {
    "initramfs-tools": CLOUD,
    "dracut": ("linux-image-cloud-amd64", "dracut", "zstd", "lz4", "xz-utils", "kmod", "udev", "systemd-sysv"),
}
PACKERS = {
    "gzip": "gzip -1",
    "xz": "xz --check=crc32 --lzma2=preset=0,dict=1MiB -T0",
    "zstd": "zstd -1",
    "lz4": "lz4 -l -1",
    "lzma": "xz --format=lzma -0",
}
"""dracut's own commands, at the lowest level since making an image is what takes the time; so xz in blocks, as
initramfs-tools has it too, of which several processors unfold one each. The last one nobody chooses."""
DRACUT_DRIVERS = "hv_vmbus hv_storvsc hv_netvsc pci-hyperv sd_mod"


def make(root: Path, tool: str, compression: str, with_drivers: bool) -> Path:
    """Have the tree's own tool make the image of its kernel; the path of it on this machine."""
    (release,) = (path.name for path in (root / "usr/lib/modules").iterdir())
    image = root / "boot" / f"initrd.img-{release}"
    image.unlink(missing_ok=True)
    if tool == "dracut":
        drivers = "--add-drivers" if with_drivers else "--omit-drivers"
        packer = ("--compress", PACKERS[compression])
        command: tuple[str, ...] = (
            "dracut",
            "--no-hostonly",
            *packer,
            drivers,
            DRACUT_DRIVERS,
            f"/boot/{image.name}",
            release,
        )
    else:
        conf = root / "etc/initramfs-tools"
        kind = "most" if with_drivers else "list"
        (conf / "conf.d/test").write_text(
            f"MODULES={kind}\nCOMPRESS={compression}\nCOMPRESSLEVEL={0 if compression == 'xz' else 1}\n"
        )
        (conf / "modules").write_text("virtio_blk\nsd_mod\n")
        command = ("mkinitramfs", "-o", f"/boot/{image.name}", release)
    done = run_inside(root, *command)
    assert image.is_file(), done.stderr[-500:]
    return image


def kept(tree: Path, tool: str, compression: str, with_drivers: bool) -> Path:
    """The image of this tree's kernel from the cache; made first where it is not there yet."""
    kind = "with" if with_drivers else "without"
    path = cache_directory() / f"initramfs-{RECIPE}-{tree.name}-{compression}-{kind}"
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.is_file():
            with overlay(tree) as root:
                shutil.copy(make(root, tool, compression, with_drivers), f"{path}.unfinished")
            Path(f"{path}.unfinished").rename(path)
    return path
