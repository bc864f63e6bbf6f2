"""Real initramfs images, made by initramfs-tools and by dracut in every compression: is the right one found wanting?

Making one takes a minute of a slow machine, so that each is made once and kept beside the trees.
"""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

import pytest

from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather, run_of
from azpreflight.host import LocalHost
from azpreflight.model import Platform, Report
from azpreflight.probes import agents, boot
from tests.agents.test_cloud_image import CLOUD
from tests.support.scratchroot import cache_directory, overlay, run_inside, tree_for_test

pytestmark = pytest.mark.root

RECIPE = "2"
"""Part of an image's name: raise it when the way of making changes."""
PACKAGES = {
    "initramfs-tools": CLOUD,
    "dracut": ("linux-image-cloud-amd64", "dracut", "zstd", "lz4", "xz-utils", "kmod", "udev", "systemd-sysv"),
}
SUITES = ("bookworm", "trixie")
PACKERS = {
    "gzip": "gzip -1",
    "xz": "xz --check=crc32 --lzma2=preset=0,dict=1MiB -T0",
    "zstd": "zstd -1",
    "lz4": "lz4 -l -1",
    "lzma": "xz --format=lzma -0",
}
"""dracut's own commands, at the lowest level since making an image is what takes the time; so xz in blocks, as
initramfs-tools has it too, of which several processors unfold one each. The last one nobody chooses."""
KINDS = (*(("bookworm", compression) for compression in tuple(PACKERS)[:4]), ("trixie", "zstd"))
"""Every compression of one generation; of the next its own, whose modules are in an archive before the compressed."""
PROBES = (agents.PROBE, boot.PROBE)
DRACUT_DRIVERS = "hv_vmbus hv_storvsc hv_netvsc pci-hyperv sd_mod"


def make(root: Path, tool: str, compression: str, with_drivers: bool) -> Path:
    """Have the tree's own tool make the image of its kernel; the path of it on this machine."""
    (release,) = (path.name for path in (root / "usr/lib/modules").iterdir())
    image = root / "boot" / f"initrd.img-{release}"
    image.unlink(missing_ok=True)
    if tool == "dracut":
        drivers = "--add-drivers" if with_drivers else "--omit-drivers"
        packer = ("--compress", PACKERS[compression])
        command = ("dracut", "--no-hostonly", *packer, drivers, DRACUT_DRIVERS, f"/boot/{image.name}", release)
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


def judged(root: Path) -> Report:
    """The probe's report on a mounted tree."""
    host = LocalHost(str(root))
    return assess(gather(host, PROBES, run_of(host, platform=Platform.AZURE)), PROBES)


@pytest.mark.parametrize("with_drivers", [True, False], ids=["with", "without"])
@pytest.mark.parametrize("tool", PACKAGES)
@pytest.mark.parametrize(("suite", "compression"), KINDS)
def test_a_real_image_is_judged_right(suite: str, tool: str, compression: str, with_drivers: bool) -> None:
    """By the whole program, on a tree with the image in it."""
    tree = tree_for_test(suite, PACKAGES[tool])
    image = kept(tree, tool, compression, with_drivers)
    with overlay(tree) as root:
        (release,) = (path.name for path in (root / "usr/lib/modules").iterdir())
        shutil.copy(image, root / "boot" / f"initrd.img-{release}")
        (result,) = (result for result in judged(root).results if result.check == "boot-initramfs")
    if "not unpacked within" in (result.reason or ""):
        pytest.skip(f"this machine is busy: {result.reason}")
    assert result.status.value == ("pass" if with_drivers else "fail"), result.reason
    for finding in result.findings:
        assert "lacks hv_vmbus, hv_storvsc" in finding.message


@pytest.mark.parametrize("suite", SUITES)
def test_debian_for_clouds_has_what_azure_needs(suite: str) -> None:
    """What its own installation makes, passes; there is no boot loader in the tree, which is unknown and no finding."""
    with overlay(tree_for_test(suite, CLOUD)) as root:
        found = {result.check: result for result in judged(root).results if result.probe == "boot"}
    assert {check: result.findings for check, result in found.items() if result.findings} == {}
    assert (found["boot-drivers"].status.value, found["boot-initramfs"].status.value) == ("pass", "pass")
