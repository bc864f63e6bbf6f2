"""The names in an initramfs: what the kernel takes is read, and what it would not take is refused in no time."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Iterator
from typing import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.guest.cpio import BadArchive, Stream, files
from azpreflight.guest.initramfs import Unreadable, modules
from azpreflight.host import HostError, LocalHost
from tests.support.archives import archive, entry

RELEASE = "6.1"
SOUGHT = ("hv_vmbus", "hv_storvsc")
MICROCODE = "kernel/x86/microcode/GenuineIntel.bin"


def zipped(data: bytes) -> bytes:
    """The same bytes every time: gzip notes the hour unless it is told not to."""
    return gzip.compress(data, mtime=0)


DRIVERS = ("usr/lib/modules/6.1/kernel/drivers/hv/hv_vmbus.ko", "lib/modules/6.1/kernel/drivers/scsi/hv-storvsc.ko.zst")
FULL, BARE = archive("bin/sh", *DRIVERS, "init"), archive("bin/sh", "init")
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gzip": lambda data: zipped(data),
    "xz": lambda data: lzma.compress(data, check=lzma.CHECK_CRC32),
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "bzip2": lambda data: bz2.compress(data),
}


def unpack(compression: str, data: memoryview) -> Iterator[bytes]:
    """The real host, which asks programs of this machine for zstd and lz4."""
    return LocalHost().unpack(compression, data, 5.0)


def found(data: bytes) -> set[str]:
    return set(modules(data, unpack, RELEASE, SOUGHT))


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("before", [b"", archive(MICROCODE), archive(MICROCODE) * 2], ids=["alone", "after", "twice"])
def test_drivers_are_found_in_every_compression(packer: str, before: bytes) -> None:
    """Alone and behind microcode; and they are not found where they are not."""
    assert found(before + PACKERS[packer](FULL)) == set(SOUGHT)
    assert found(before + PACKERS[packer](BARE)) == set()


def test_modules_may_be_in_a_plain_archive_before_the_compressed_one() -> None:
    """initramfs-tools puts modules that are compressed already into an archive of their own."""
    assert found(archive(*DRIVERS) + zipped(BARE)) == set(SOUGHT)
    assert found(archive(DRIVERS[0]) + zipped(archive(DRIVERS[1]))) == set(SOUGHT)


def with_list(*names: str, listed: tuple[str, ...], release: str = RELEASE) -> bytes:
    """Files, and behind them what depmod wrote; then something that no archive may hold, which must not be reached."""
    base = f"usr/lib/modules/{release}"
    lines = "".join(f"{name.partition(f'/{release}/')[2]}: kernel/lib/crc16.ko\n" for name in listed)
    return (
        b"".join(entry(name) for name in names) + entry(f"{base}/modules.dep", lines.encode()) + b"070701" + b"z" * 104
    )


def test_reading_ends_at_the_list_of_what_can_be_loaded() -> None:
    """modprobe loads nothing that modules.dep does not name, and what it names has been seen by then."""
    other = "usr/lib/modules/6.1/kernel/fs/ext4.ko"
    assert found(with_list(other, listed=(other,))) == set()
    assert found(with_list(DRIVERS[0], other, listed=(DRIVERS[0], other))) == {"hv_vmbus"}


@pytest.mark.parametrize(
    "data",
    [
        with_list("bin/sh", listed=(DRIVERS[0],)),
        with_list("bin/sh", listed=()),
        with_list("bin/sh", listed=("usr/lib/modules/5.10/kernel/fs/ext4.ko",), release="5.10"),
    ],
    ids=["named and not seen", "nothing named", "another kernel's"],
)
def test_reading_goes_on_where_the_list_does_not_decide(data: bytes) -> None:
    """A list copied from the system, an empty one and another kernel's prove nothing."""
    with pytest.raises(Unreadable, match="something else than numbers"):
        found(data)


def test_another_kernels_drivers_do_not_count() -> None:
    """An image made for the wrong kernel has every driver, and none that this one can load."""
    assert found(archive(*(name.replace("/6.1/", "/6.1.0-9/") for name in DRIVERS))) == set()


def test_files_with_checksums_count() -> None:
    """The other form that the kernel takes."""
    assert found(entry(DRIVERS[0], magic="070702") + entry("TRAILER!!!", magic="070702")) == {"hv_vmbus"}


def test_a_name_is_not_a_content() -> None:
    """A file that holds the name of a driver, or a whole archive, is not a driver."""
    assert found(archive("etc/modules", content=FULL)) == set()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "there is nothing in it"),
        (b"\0" * 4096, "there is nothing in it"),
        (b"\x7fELF" + b"\0" * 100, "it goes on with 7f454c46"),
        (entry("a", b"x" * 100)[:150], "it is cut short"),
        (b"070701" + b"zzzzzzzz" * 13, "a header has something else than numbers"),
        (b"070701" + b"FFFFFFFF" * 13, "a name is longer than a path can be"),
        (b"070701" + b"00000000" * 13, "a name is longer than a path can be"),
        (entry("a")[:54] + b"FFFFFFFF" + entry("a")[62:], "it is cut short"),
        (zipped(b"no archive at all"), "what is compressed in it is no archive"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_initramfs_is_refused(data: bytes, reason: str) -> None:
    """With the reason, and never taken for one without drivers."""
    with pytest.raises(Unreadable, match=reason):
        found(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (zipped(BARE)[:-20], "gzip: it is cut short"),
        (lzma.compress(BARE)[:-20], "xz cannot unpack it"),
        (lzma.compress(BARE, lzma.FORMAT_ALONE)[:-20], "lzma: it is cut short"),
        (zipped(BARE)[:20] + b"\xff" * 50, "gzip: "),
        (zipped(BARE) + zipped(FULL), "gzip: something follows it that is not read"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 50, "zstd"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_unpacked_is_said(data: bytes, reason: str) -> None:
    """Damage, a second part, and no program for it."""
    with pytest.raises(HostError, match=reason):
        found(data)


def test_a_bomb_is_left_alone() -> None:
    """A small file that unfolds without end is given up at the limit, however little of it is kept."""
    pieces = (entry("a")[:54] + b"7FFFFFFF" + entry("a")[62:], *(b"\0" * 1000 for _ in range(100)))
    with pytest.raises(BadArchive, match="unfolds to more"):
        list(files(Stream(pieces, 50_000), lambda path, size: False))


@given(st.binary(max_size=400))
def test_anything_is_read_or_refused(data: bytes) -> None:
    """No bytes make it fail in another way."""
    for whole in (data, b"070701" + data, FULL[:200] + data):
        try:
            modules(whole, lambda compression, rest: iter((bytes(rest),)), RELEASE, SOUGHT)
        except Unreadable as error:
            assert str(error).isascii()
