"""A tree as a disk that firmware starts from: BIOS and UEFI, with Secure Boot, as Debian's own images for Azure are.

Nothing is mounted and no device is attached: the filesystems are written by mke2fs and mtools into files, and GRUB's
first sectors by what its own `boot.S` and `diskboot.S` say of themselves.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

SECTOR = 512
MIB = 1 << 20
BIOS_MIB, ESP_MIB = 1, 16
ROOT_UUID = "11111111-1111-4111-8111-111111111111"
EARLY = "search.fs_label root root\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n"
CORE = ("biosdisk", "part_gpt", "ext2", "search_label", "configfile", "normal", "linux", "serial", "terminal", "echo")
KERNEL_SECTOR, DRIVE_CHECK = 0x5C, 0x66
"""Places in boot.img: where the rest of GRUB lies, and a jump that some BIOSes need (GRUB, grub/i386/pc/boot.h)."""
BLOCK_LIST, SEGMENT = 500, 0x820
"""Place in diskboot.img of what follows it, and the segment that it is read to."""
TIMEOUT = 120


def write_disk(root: Path, disk: Path, root_mib: int = 2048) -> None:
    """The tree as a raw disk of three partitions: GRUB for BIOS, the EFI system partition, and the root filesystem."""
    folder = disk.with_suffix(".parts")
    folder.mkdir()
    try:
        _filesystem(root, folder / "root", root_mib)
        _esp(folder / "esp", folder)
        _divide(disk, root_mib)
        _put(disk, folder / "esp", 1 + BIOS_MIB)
        _put(disk, folder / "root", 1 + BIOS_MIB + ESP_MIB)
        _bios(disk, folder)
    finally:
        shutil.rmtree(folder)


def _filesystem(root: Path, part: Path, mib: int) -> None:
    _run("truncate", "-s", f"{mib}M", str(part))
    lazy = "lazy_itable_init=0,lazy_journal_init=0"
    _run("mke2fs", "-q", "-t", "ext4", "-L", "root", "-U", ROOT_UUID, "-E", lazy, "-d", str(root), str(part))


def _esp(part: Path, folder: Path) -> None:
    """Shim and GRUB with the signatures that Azure's firmware knows, where firmware looks on any machine."""
    _run("truncate", "-s", f"{ESP_MIB}M", str(part))
    _run("mkfs.vfat", "-n", "UEFI", str(part))
    (folder / "grub.cfg").write_text(EARLY)
    _run("mmd", "-i", str(part), "::/EFI", "::/EFI/BOOT", "::/EFI/debian")
    grub = "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"
    for file, name in (
        ("/usr/lib/shim/shimx64.efi.signed", "BOOT/BOOTX64.EFI"),
        (grub, "BOOT/grubx64.efi"),
        (str(folder / "grub.cfg"), "debian/grub.cfg"),
    ):
        _run("mcopy", "-i", str(part), file, f"::/EFI/{name}")


def _divide(disk: Path, root_mib: int) -> None:
    table = (
        "label: gpt\n"
        f"start=1MiB, size={BIOS_MIB}MiB, type=21686148-6449-6E6F-744E-656564454649\n"
        f"size={ESP_MIB}MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\n"
        f"size={root_mib}MiB, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709\n"
    )
    _run("truncate", "-s", f"{root_mib + BIOS_MIB + ESP_MIB + 2}M", str(disk))
    subprocess.run(["sfdisk", "-q", str(disk)], input=table, text=True, check=True, capture_output=True, timeout=60)


def _put(disk: Path, part: Path, at_mib: int) -> None:
    _run("dd", f"if={part}", f"of={disk}", "bs=1M", f"seek={at_mib}", "conv=notrunc,sparse", "status=none")


def _bios(disk: Path, folder: Path) -> None:
    """boot.img into the first sector, and the rest into the partition for it; each told where the next one lies."""
    (folder / "early.cfg").write_text(EARLY)
    core = folder / "core.img"
    config = ("-p", "/boot/grub", "-c", str(folder / "early.cfg"))
    _run("grub-mkimage", "-O", "i386-pc", *config, "-o", str(core), *CORE)
    image = bytearray(core.read_bytes())
    image += b"\0" * (-len(image) % SECTOR)
    start = MIB // SECTOR
    struct.pack_into("<QHH", image, BLOCK_LIST, start + 1, len(image) // SECTOR - 1, SEGMENT)
    boot = bytearray(Path("/usr/lib/grub/i386-pc/boot.img").read_bytes()[:440])
    struct.pack_into("<Q", boot, KERNEL_SECTOR, start)
    boot[DRIVE_CHECK : DRIVE_CHECK + 2] = b"\x90\x90"
    with open(disk, "r+b") as file:
        file.write(boot)
        file.seek(MIB)
        file.write(image)


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-800:]}")
