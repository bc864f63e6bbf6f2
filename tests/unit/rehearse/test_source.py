"""The file that is rehearsed, before anything opens it: real files of every kind that a builder may name."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path
from typing import Callable

import pytest

from azpreflight.host import HostError
from azpreflight.rehearse.source import readable
from tests.support.disks import qcow2
from tests.support.needs import need_programs

MIB = 1 << 20


def differencing_vhd(path: Path) -> None:
    """Nothing but its footer, at both ends."""
    footer = bytearray(b"conectix".ljust(512, b"\0"))
    struct.pack_into(">Q", footer, 48, MIB)
    struct.pack_into(">I", footer, 60, 4)
    struct.pack_into(">I", footer, 64, ~sum(footer) & 0xFFFFFFFF)
    path.write_bytes(bytes(footer) + bytes(MIB) + bytes(footer))


REFUSED: tuple[tuple[str, Callable[[Path], object], str], ...] = (
    ("nothing", lambda path: None, "no such file"),
    ("folder", lambda path: path.mkdir(), "not a regular file"),
    ("pipe", os.mkfifo, "not a regular file"),
    ("empty", lambda path: path.touch(), "it is no disk: 0 bytes"),
    ("other", lambda path: path.write_bytes(b"KDMV".ljust(1024, b"\0")), "VMDK"),
    ("backing", lambda path: path.write_bytes(qcow2(backing=512)), "a backing file"),
    ("data", lambda path: path.write_bytes(qcow2(features=4)), "external data"),
    ("parent", differencing_vhd, "in another file"),
    ("huge", lambda path: path.write_bytes(qcow2(size=1 << 63)), "which no disk has"),
)


@pytest.mark.parametrize(("make", "word"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
def test_what_no_vm_can_start_from_is_refused(make: Callable[[Path], object], word: str, tmp_path: Path) -> None:
    """At once, and above all what has its content in other files of this machine."""
    path = tmp_path / "image"
    make(path)
    with pytest.raises(HostError, match=word):
        readable(str(path), tmp_path)


@pytest.mark.parametrize("content", [bytes(MIB), qcow2()], ids=["raw", "qcow2"])
def test_a_disk_is_taken_as_it_is(content: bytes, tmp_path: Path) -> None:
    """It may be read-only."""
    path = tmp_path / "image"
    path.write_bytes(content)
    path.chmod(0o400)
    assert readable(str(path), tmp_path) == str(path)


def test_a_vhdx_is_unpacked(tmp_path: Path) -> None:
    """Into the rehearsal's own folder; one that is cut off is refused with QEMU's reason."""
    need_programs("qemu-img")
    raw, path = tmp_path / "raw", tmp_path / "disk.vhdx"
    raw.write_bytes(b"there".ljust(MIB, b"\0"))
    subprocess.run(("qemu-img", "convert", "-f", "raw", "-O", "vhdx", str(raw), str(path)), check=True, timeout=60)
    content = Path(readable(str(path), tmp_path))
    assert content.parent == tmp_path
    assert content.read_bytes()[:5] == b"there"
    os.truncate(path, 200_000)
    with pytest.raises(HostError, match="qemu-img cannot read it"):
        readable(str(path), tmp_path)
