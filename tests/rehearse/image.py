"""The images that are rehearsed: Debian as an image builder leaves it, on a disk that firmware starts from.

A tree is made as those of the first boots are (`tests/qemu/image.py`); then the fault is planted, and the disk written.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from tests.netns.certificates import certificates
from tests.qemu.image import KERNEL_OPTIONS, PACKAGES, SMALL_INITRAMFS, SUITE_PACKAGES, Recipe, furnish
from tests.rehearse.disk import write_disk
from tests.support.scratchroot import cache_directory, debian_tree, overlay, run_inside

MADE = "1"
"""Part of an image's name: raise it when the way of building changes."""
MENU = "serial --unit=0 --speed=115200\nterminal_output serial console\nset timeout=0\n"
HEALTHY = Recipe(mended=("ssh-start",), package=False)


@dataclass(frozen=True)
class Fault:
    """What is wrong with an image."""

    files: Mapping[str, Optional[str]] = field(default_factory=dict)
    """Text by path; None: the file is deleted. "-> TARGET" makes a link, "+ TEXT" appends."""
    commands: tuple[tuple[str, ...], ...] = ()
    """Programs of the image, run in it."""
    kernel_options: str = KERNEL_OPTIONS
    menu: str = MENU
    """The head of grub.cfg."""
    root_mib: int = 2048


SOUND = Fault()


def build(recipe: Recipe = HEALTHY, fault: Fault = SOUND) -> Path:
    """The raw disk, cached by recipe and fault. Nobody may write to it."""
    tree = debian_tree(recipe.suite, (*PACKAGES, *SUITE_PACKAGES[recipe.suite]), SMALL_INITRAMFS)
    authority = certificates()["authority"]
    named = repr((MADE, tree.name, recipe, fault, authority))
    disk = cache_directory() / f"rehearsed-{recipe.suite}-{hashlib.sha256(named.encode()).hexdigest()[:12]}.raw"
    with open(disk.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not disk.exists():
            unfinished = disk.with_suffix(".unfinished")
            unfinished.unlink(missing_ok=True)
            with overlay(tree) as root:
                furnish(root, recipe, authority, None)
                _start(root, fault)
                _plant(root, fault)
                write_disk(root, unfinished, fault.root_mib)
            unfinished.rename(disk)
    return disk


def store_certificate(folder: Path) -> Path:
    """What the package store presents, which the images trust."""
    path = folder / "store.pem"
    path.write_text(certificates()["trusted"])
    return path


def _start(root: Path, fault: Fault) -> None:
    """What GRUB starts by itself."""
    (kernel,), (initramfs,) = root.glob("boot/vmlinuz-*"), root.glob("boot/initrd.img-*")
    entry = f"linux /boot/{kernel.name} {fault.kernel_options}\ninitrd /boot/{initramfs.name}\n"
    (root / "boot/grub/grub.cfg").write_text(f"{fault.menu}menuentry 'Debian' {{\n{entry}}}\n")


def _plant(root: Path, fault: Fault) -> None:
    for path, text in fault.files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.read_text() if file.is_file() and text is not None and text.startswith("+ ") else ""
        file.unlink(missing_ok=True)
        if text is not None and text.startswith("-> "):
            file.symlink_to(text[3:])
        elif text is not None:
            file.write_text(before + text.removeprefix("+ "))
    for command in fault.commands:
        done = run_inside(root, *command, network=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-800:]}")
