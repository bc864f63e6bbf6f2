"""What the bytes of a disk image say: containers, partition tables, superblocks, LVM, fstab. Hostile bytes included."""

from __future__ import annotations

import struct
import uuid
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.host import HostError
from azpreflight.host.disk import filesystem_magic, fstab, lvm, partition_table
from azpreflight.host.disk.container import SECTOR, Read, identify, parse_footer
from azpreflight.host.disk.types import Format, Table, Volume
from tests.support.disks import MIB, qcow2

LINUX = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")


def reader(content: bytes) -> Read:
    """The bytes as a file."""
    return lambda offset, count: content[offset : offset + count] if offset >= 0 else b""


# --- containers ---------------------------------------------------------------------------------------------------


def footer(size: int, kind: int = 2) -> bytes:
    """A footer by the specification, checksum included."""
    plain = struct.pack(
        ">8sIIQI4sI4sQQ4sII", b"conectix", 2, 0x10000, ~0 & (1 << 64) - 1, 0, b"win ", 0, b"", size, size, b"", kind, 0
    )
    plain = plain.ljust(SECTOR, b"\0")
    return plain[:64] + struct.pack(">I", ~sum(plain) & 0xFFFFFFFF) + plain[68:]


def test_a_footer_is_read_and_proven() -> None:
    """Its size, its kind, and whether its checksum is right."""
    whole = footer(MIB)
    assert parse_footer(whole) is not None
    for position in (8, 40, 63, 70, 511):
        damaged = whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :]
        found = parse_footer(damaged)
        assert found is not None and not found.intact
    assert parse_footer(whole[1:] + b"\0") is None


@pytest.mark.parametrize(
    ("content", "form", "size", "refused"),
    [
        (bytes(MIB), Format.RAW, MIB, None),
        (bytes(MIB) + footer(MIB), Format.VHD, MIB, None),
        (footer(3 * MIB, 3) + bytes(MIB) + footer(3 * MIB, 3), Format.DYNAMIC_VHD, 3 * MIB, None),
        (footer(3 * MIB, 3) + bytes(MIB), Format.DYNAMIC_VHD, 3 * MIB, None),
        (footer(MIB, 4) + footer(MIB, 4), Format.DYNAMIC_VHD, MIB, "differencing"),
        (qcow2(), Format.QCOW2, MIB, None),
        (qcow2(version=2), Format.QCOW2, MIB, None),
        (qcow2(version=9), Format.QCOW2, MIB, "version 9"),
        (qcow2(backing=512), Format.QCOW2, MIB, "backing file"),
        (qcow2(features=4), Format.QCOW2, MIB, "external data"),
        (qcow2(features=2), Format.QCOW2, MIB, "corrupt"),
        (qcow2(encryption=1), Format.QCOW2, MIB, "encrypted"),
        (qcow2(size=1 << 63), Format.QCOW2, 1 << 63, "which no disk has"),
        (footer(1 << 63, 3) * 2, Format.DYNAMIC_VHD, 1 << 63, "which no disk has"),
    ],
)
def test_a_container_is_told_by_its_bytes(content: bytes, form: Format, size: int, refused: str | None) -> None:
    """Whatever its name; and what refers to another file is not followed."""
    found = identify(reader(content), len(content))
    assert (found.format, found.size) == (form, size)
    assert (found.refused is None) if refused is None else (refused in (found.refused or ""))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is no disk: 0 bytes"),
        (b"\x1f\x8b" + bytes(600), "it is compressed with gzip: gunzip"),
        (b"vhdxfile" + bytes(600), "it is VHDX, which Azure does not take: qemu-img convert"),
        (b"QFI\xfb", "it is no disk"),
    ],
)
def test_what_is_no_disk_says_what_to_do(content: bytes, words: str) -> None:
    """One sentence with the fix."""
    with pytest.raises(HostError) as raised:
        identify(reader(content), len(content))
    assert str(raised.value).startswith(words)


# --- tables -------------------------------------------------------------------------------------------------------


def mbr(*entries: tuple[int, int, int], code: bytes = b"") -> bytes:
    """(type, first sector, sectors) as a first sector."""
    rows = b"".join(struct.pack("<B3xB3xII", 0x80, *entry) for entry in entries)
    return code.ljust(440, b"\0") + struct.pack("<IH", 0x1234ABCD, 0) + rows.ljust(64, b"\0") + b"\x55\xaa"


def gpt(*parts: tuple[int, int], sector: int = 512, size: int = 4 * MIB) -> bytearray:
    """A disk with these (first, last) sectors as partitions, and both copies of the table."""
    disk = bytearray(size)
    last = size // sector - 1
    disk[:512] = mbr((0xEE, 1, last))
    entries = b"".join(
        LINUX.bytes_le
        + uuid.UUID(int=number).bytes_le
        + struct.pack("<QQQ", *part, 0)
        + "root".encode("utf-16-le").ljust(72, b"\0")
        for number, part in enumerate(parts, 1)
    ).ljust(128 * 128, b"\0")
    width = -(-len(entries) // sector)
    for here, there, at in ((1, last, 2), (last, 1, last - width)):
        header = struct.pack("<8sIIII", b"EFI PART", 0x10000, 92, 0, 0)
        header += struct.pack("<QQQQ16sQIII", here, there, 40, last - 40, bytes(16), at, 128, 128, zlib.crc32(entries))
        header = header[:16] + struct.pack("<I", zlib.crc32(header)) + header[20:]
        disk[here * sector : here * sector + 92] = header
        disk[at * sector : at * sector + len(entries)] = entries
    return disk


@pytest.mark.parametrize("sector", [512, 4096])
def test_a_gpt_is_read(sector: int) -> None:
    """Of disks with small and with large sectors."""
    found = partition_table.read_layout(reader(bytes(gpt((64, 127), (128, 191), sector=sector))), 4 * MIB)
    assert (found.table, found.damage, found.boot_code) == (Table.GPT, None, False)
    assert [(one.number, one.start, one.size) for one in found.volumes] == [
        (1, 64 * sector, 64 * sector),
        (2, 128 * sector, 64 * sector),
    ]
    assert (found.volumes[0].role, found.volumes[0].partition_label) == (str(LINUX), "root")


def test_a_damaged_gpt_is_read_from_its_copy() -> None:
    """And it is said; without a copy there are no partitions, and an old one is not believed."""
    disk = gpt((64, 127))
    disk[512 + 60] ^= 1
    found = partition_table.read_layout(reader(bytes(disk)), len(disk))
    assert (len(found.volumes), found.damage) == (1, "the GPT in sector 1 is damaged: the header's checksum is wrong")
    disk[-512 + 60] ^= 1
    found = partition_table.read_layout(reader(bytes(disk)), len(disk))
    assert (found.volumes, "is damaged" in (found.damage or "")) == ((), True)


def test_an_mbr_with_logical_partitions() -> None:
    """Numbered as the kernel does; a chain that leads back to its beginning ends."""
    disk = bytearray(4 * MIB)
    disk[:512] = mbr((0x83, 2048, 1024), (0x05, 4096, 3000), code=b"\xeb\x63")
    disk[4096 * 512 : 4096 * 512 + 512] = mbr((0x83, 8, 100), (0x05, 200, 300))
    disk[4296 * 512 : 4296 * 512 + 512] = mbr((0x8E, 8, 100), (0x05, 0, 300))
    found = partition_table.read_layout(reader(bytes(disk)), len(disk))
    assert (found.table, found.boot_code) == (Table.MBR, True)
    assert [(one.number, one.start // 512, one.role) for one in found.volumes] == [
        (1, 2048, "83"),
        (5, 4104, "83"),
        (6, 4304, "8e"),
    ]
    assert found.volumes[0].partition_uuid == "1234abcd-01"


def test_a_partition_beyond_the_end_is_cut_or_left_out() -> None:
    """Nothing outside the file is ever inspected."""
    found = partition_table.read_layout(
        reader(mbr((0x83, 1, 0xFFFFFFFF), (0x83, 0xFFFFFF00, 9)) + bytes(MIB)), MIB + 512
    )
    assert [(one.start, one.size) for one in found.volumes] == [(512, MIB)]


def test_a_filesystem_without_a_table() -> None:
    """The whole disk is one volume; so is the first sector of a FAT, which ends like an MBR."""
    fat = bytearray(MIB)
    fat[510:512], fat[446:450] = b"\x55\xaa", b"abcd"
    for content in (bytes(MIB), bytes(fat)):
        found = partition_table.read_layout(reader(content), MIB)
        assert (found.table, found.volumes) == (Table.NONE, (Volume("the whole disk", 0, MIB),))


# --- hostile bytes ------------------------------------------------------------------------------------------------


@given(st.binary(max_size=600), st.binary(max_size=600))
def test_any_bytes_are_a_container_or_a_sentence(head: bytes, tail: bytes) -> None:
    """Never another exception."""
    content = head + tail
    try:
        identify(reader(content), len(content))
    except HostError as error:
        assert str(error)


@given(st.dictionaries(st.integers(0, 9000), st.integers(0, 255), max_size=40))
def test_any_damage_to_a_gpt_leaves_volumes_inside_the_disk(damage: dict[int, int]) -> None:
    """With wrong sums, wrong numbers and wrong places."""
    disk = gpt((64, 127), (128, 191))
    for at, value in damage.items():
        disk[at] = value
    for volume in partition_table.read_layout(reader(bytes(disk)), len(disk)).volumes:
        assert 0 <= volume.start < volume.start + volume.size <= len(disk)


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), max_size=4))
def test_any_mbr_leaves_volumes_inside_the_disk(entries: list[tuple[int, int, int]]) -> None:
    """Chains of logical partitions included."""
    disk = mbr(*entries) * 64
    for volume in partition_table.read_layout(reader(disk), len(disk)).volumes:
        assert 0 <= volume.start < volume.start + volume.size <= len(disk)


@given(st.binary(max_size=8192), st.integers(0, 4096))
def test_any_bytes_are_a_volume(content: bytes, start: int) -> None:
    """Of a known kind or of none."""
    volume = Volume("partition 1", start, max(len(content) - start, 1))
    filled = filesystem_magic.filled(volume, reader(content))
    assert (filled.start, filled.size) == (volume.start, volume.size)
    assert lvm.volumes(replace(filled, kind="LVM"), reader(content)) == ()


# --- superblocks --------------------------------------------------------------------------------------------------


def ext(state: int = 1, incompatible: int = 0x242) -> bytes:
    """The superblock of an ext4."""
    block = bytearray(1024)
    struct.pack_into("<HH", block, 56, 0xEF53, state)
    struct.pack_into("<I", block, 96, incompatible)
    block[104:120], block[120:124] = uuid.UUID(int=7).bytes, b"root"
    return bytes(1024) + bytes(block)


@pytest.mark.parametrize(("state", "features", "clean"), [(1, 0x242, True), (1, 0x246, False), (0, 0x242, False)])
def test_an_ext4_says_whether_it_was_unmounted(state: int, features: int, clean: bool) -> None:
    """By its state, and by a journal that has to be replayed."""
    found = filesystem_magic.filled(Volume("partition 1", 0, MIB), reader(ext(state, features)))
    assert (found.kind, found.uuid, found.label, found.clean) == ("ext4", str(uuid.UUID(int=7)), "root", clean)


@pytest.mark.parametrize(
    ("at", "mark", "kind", "words"),
    [
        (0, b"LUKS\xba\xbe", "LUKS", "encrypted"),
        (4096, b"\xfc\x4e\x2b\xa9", "RAID", "software RAID"),
        (4086, b"SWAPSPACE2", "swap", "swap"),
        (512, b"LABELONE" + bytes(16) + b"LVM2 001", "LVM", "LVM"),
        (3, b"NTFS    ", "NTFS", "Windows"),
    ],
)
def test_what_cannot_be_opened_is_named(at: int, mark: bytes, kind: str, words: str) -> None:
    """So that the report says what is in the way."""
    found = filesystem_magic.filled(Volume("partition 1", 0, MIB), reader(bytes(at) + mark + bytes(4096)))
    assert (found.kind, words in (found.closed or "")) == (kind, True)


# --- LVM ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["vg {", "vg }", "a = [1, 2", "a b", "a = ", '"', "a {" * 50 + "}" * 50, "vg { physical_volumes = 1 }" * 2, "\0"],
)
def test_a_text_that_makes_no_sense_is_no_group(text: str) -> None:
    """It is either refused or has nothing in it."""
    try:
        found = lvm.parse(text)
    except (lvm.Damaged, IndexError):
        return
    assert all("physical_volumes" in group for group in found.values())


def test_a_number_that_is_none_costs_nothing() -> None:
    """A million digits would keep the interpreter busy for minutes."""
    found = lvm.parse("vg { physical_volumes { } extent_size = " + "9" * 1_000_000 + " }")
    assert isinstance(found["vg"]["extent_size"], str)


def test_the_sum_of_lvm() -> None:
    """As lvm2 itself computes it: of nothing it is what it begins with, and it is no plain CRC-32."""
    assert lvm.crc(b"") == lvm.CRC_START
    assert lvm.crc(b"123456789") != zlib.crc32(b"123456789")


# --- fstab --------------------------------------------------------------------------------------------------------

VOLUMES = (
    Volume("partition 1", 0, 1, 1, uuid="1a2b3c4d-0000-4000-8000-00000000000a", label="root"),
    Volume("partition 15", 0, 1, 15, partition_uuid="12345678-01", partition_label="esp", uuid="1234-ABCD"),
    Volume("logical volume root-vg/var", 0, 1),
)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("UUID=1A2B3C4D-0000-4000-8000-00000000000A", "partition 1"),
        ('UUID="1234-abcd"', "partition 15"),
        ("LABEL=root", "partition 1"),
        ("LABEL=ROOT", None),
        ("PARTUUID=12345678-01", "partition 15"),
        ("PARTLABEL=esp", "partition 15"),
        ("/dev/disk/by-uuid/1234-ABCD", "partition 15"),
        ("/dev/sda15", "partition 15"),
        ("/dev/nvme0n1p1", "partition 1"),
        ("/dev/sdb1", None),
        ("/dev/mapper/root--vg-var", "logical volume root-vg/var"),
        ("/dev/root-vg/var", "logical volume root-vg/var"),
        ("UUID=", None),
        ("server:/export", None),
    ],
)
def test_a_source_names_a_volume(source: str, name: str | None) -> None:
    """In every way that fstab has."""
    found = fstab.meant(source, VOLUMES)
    assert (found.name if found else None) == name


def test_the_places_of_the_system_are_wanted() -> None:
    """The outer ones first, no others, and of the options only what says which part of a btrfs is meant."""
    text = """
    UUID=3 /boot/efi vfat umask=0077,nofail 0 1
    UUID=2 /boot ext4 defaults 0 2
    UUID=1 / ext4 defaults 0 1
    UUID=4 /data xfs defaults 0 0
    UUID=5 /home btrfs compress=zstd,subvol=@home,dev 0 0
    #UUID=6 /var ext4 defaults 0 2
    UUID=7 /opt btrfs subvol=a;b 0 0
    """
    found = [(one.source, one.place, one.optional, one.subvolume) for one in fstab.wanted(text)]
    assert found == [
        ("UUID=2", "/boot", False, None),
        ("UUID=5", "/home", False, "subvol=@home"),
        ("UUID=7", "/opt", False, None),
        ("UUID=3", "/boot/efi", True, None),
    ]
