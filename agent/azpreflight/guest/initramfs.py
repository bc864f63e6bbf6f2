"""Which modules of a kernel an initramfs has, from its bytes.

The kernel takes the file piece by piece: archives that are not compressed (microcode, and with initramfs-tools of
Debian 13 the modules, which are compressed one by one already), then one that is. So whatever follows the plain
archives says by its first bytes how it is compressed. Names are read as they come out of the decompressor, nothing is
kept and nothing is written.

All of the time goes into decompressing, so that reading ends as soon as it can. Both tools sort the files by name, and
have depmod write modules.dep beside the modules that they put in: it comes right after them, and modprobe loads nothing
that is not in it. Once it is there, and every module of it that is sought has been seen, the rest (libraries, which are
a third of the image) has nothing to say (initramfs-tools, mkinitramfs; dracut; Linux, init/initramfs.c and
lib/decompress.c).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Optional

from azpreflight.guest import cpio
from azpreflight.guest.kernels import DEP_LIMIT, module_name

AT_START = ("hv_vmbus", "hv_storvsc", "sd_mod", "nvme", "pci_hyperv")
"""What the initramfs needs to find the root filesystem, of those that are modules."""

FILE_LIMIT = 192 << 20
"""Bytes of one file; a distribution's largest, with all drivers and firmware, has some 100 MiB."""
UNFOLDED_LIMIT = 1 << 30
"""Bytes that come out of one; with all drivers and firmware some 400 MiB."""
COMPRESSIONS = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\x00": "xz",
    b"\x5d\x00\x00": "lzma",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x02\x21\x4c\x18": "lz4",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x89LZO": "lzop",
}
"""By the first bytes; lz4's first form is the old one, which the kernel wants."""

Unpack = Callable[[str, memoryview], "Iterator[bytes]"]
"""What a decompressor ("zstd") makes of bytes, piece by piece."""


class Unreadable(ValueError):
    """It cannot be told what is in it; the text says why."""


def modules(data: bytes, unpack: Unpack, release: str, sought: Iterable[str]) -> frozenset[str]:
    """Those of the modules that are in the file for this kernel. Raises Unreadable, and what `unpack` raises."""
    wanted = frozenset(sought)
    found: set[str] = set()
    path: Optional[str] = None
    for path, listed in _files(data, unpack, release):
        if _of_kernel(path, release) and (name := module_name(path)) in wanted:
            found.add(str(name))
        if found == wanted or (listed and found == wanted & listed):
            break
    if path is None:
        raise Unreadable("there is nothing in it")
    return frozenset(found)


def compression(head: bytes) -> str:
    """The name of the compression that begins so. Raises Unreadable for one that is not known."""
    found = next((name for magic, name in COMPRESSIONS.items() if head.startswith(magic)), None)
    if found is None:
        raise Unreadable(f"it goes on with {head[:4].hex()}, which is neither an archive nor a compression known here")
    return found


def _files(data: bytes, unpack: Unpack, release: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Every path, with the modules that the file lists if it is the kernel's modules.dep."""
    plain = cpio.Stream((data,), len(data))
    try:
        yield from _listed(plain, release)
        rest = memoryview(data)[plain.position :]
        if not rest:
            return
        unfolded = cpio.Stream(unpack(compression(bytes(rest[:6])), rest), UNFOLDED_LIMIT)
        yield from _listed(unfolded, release)
        if unfolded.ahead(1):
            raise Unreadable("what is compressed in it is no archive")
    except cpio.BadArchive as error:
        raise Unreadable(str(error)) from None


def _listed(stream: cpio.Stream, release: str) -> Iterator[tuple[str, frozenset[str]]]:
    def keep(path: str, size: int) -> bool:
        return path.endswith("/modules.dep") and _of_kernel(path, release) and size <= DEP_LIMIT

    for path, content in cpio.files(stream, keep):
        lines = content.decode("utf-8", "replace").splitlines()
        names = (module_name(line.partition(":")[0]) for line in lines)
        yield path, frozenset(name for name in names if name is not None)


def _of_kernel(path: str, release: str) -> bool:
    """It is under lib/modules of this kernel, wherever lib is: modules of another one cannot be loaded."""
    return f"/lib/modules/{release}/" in f"/{path}"
