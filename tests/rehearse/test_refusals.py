"""What the command says where it cannot rehearse: what the machine lacks, and files that are no image."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from azpreflight.rehearse.machine import OVMF_PLAIN, VARIABLES
from tests.rehearse.conftest import disk_of
from tests.support.needs import need_programs

pytestmark = pytest.mark.root


def refusal(image: Path, folder: Path, hidden: str = "") -> str:
    """What is printed, where this file or folder of the machine is empty; the exit code is that of a usage error."""
    script = 'set -e; mount --make-rprivate /; [ -z "$0" ] || mount --bind "$EMPTY" "$0"; exec "$@"'
    empty = folder / "hidden"
    if os.path.isdir(hidden):
        empty.mkdir()
    else:
        empty.touch(0o600)
    command = ["unshare", "--mount", "sh", "-c", script, hidden]
    command += [sys.executable, "-m", "azpreflight", "rehearse", str(image), "--quick", "--timeout", "10"]
    environment = {**os.environ, "TMPDIR": str(folder), "EMPTY": str(empty)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert list(folder.glob("azpreflight-*")) == []
    return done.stderr


def test_a_machine_without_qemu(tmp_path: Path) -> None:
    """The program and the package, before anything of the image is read."""
    need_programs("qemu-system-x86_64")
    said = refusal(tmp_path / "any", tmp_path, hidden="/usr/bin/qemu-system-x86_64")
    assert said == "azpreflight: a rehearsal needs qemu-system-x86_64 (package qemu-system-x86)\n"


def test_a_machine_without_the_firmware(tmp_path: Path) -> None:
    """The files and the package, once the image is known to be of generation 2."""
    said = refusal(disk_of(), tmp_path, hidden=str(Path(OVMF_PLAIN).parent))
    assert said == f"azpreflight: generation 2 needs {OVMF_PLAIN}, {VARIABLES[False]} (package ovmf)\n"


def test_a_file_that_leads_to_others(tmp_path: Path) -> None:
    """Real images by qemu-img: one with a backing file, and one with its data elsewhere."""
    need_programs("qemu-img")
    secret, backed, external = (tmp_path / name for name in ("secret", "backed.qcow2", "external.qcow2"))
    secret.write_bytes(bytes(1 << 20))
    create = ("qemu-img", "create", "-q", "-f", "qcow2")
    subprocess.run((*create, "-b", str(secret), "-F", "raw", str(backed)), check=True, timeout=60)
    subprocess.run((*create, "-o", f"data_file={secret}", str(external), "1M"), check=True, timeout=60)
    assert "a backing file" in refusal(backed, tmp_path)
    assert "external data" in refusal(external, tmp_path)


def test_a_file_without_a_disk_is_named_by_its_own_name(tmp_path: Path) -> None:
    """A VHDX is unpacked elsewhere first."""
    need_programs("qemu-img")
    image = tmp_path / "disk.vhdx"
    subprocess.run(("qemu-img", "create", "-q", "-f", "vhdx", str(image), "8M"), check=True, timeout=60)
    assert f"cannot look into {image}: it is no disk" in refusal(image, tmp_path)


def endless() -> bytes:
    """A boot sector that writes 32 KiB after another to its disk, by the firmware's service (INT 13h, AH=43h)."""
    packet = 0x7C20
    code = b"\x31\xc0\x8e\xd8"  # xor ax, ax; mov ds, ax
    code += b"\xbe" + struct.pack("<H", packet)  # mov si, packet
    code += b"\xb8\x00\x43\xcd\x13"  # mov ax, 0x4300; int 0x13
    code += b"\x66\x83\x06" + struct.pack("<HB", packet + 8, 64)  # add dword [packet + 8], 64
    code += b"\xeb\xf3"  # jmp to the mov ax
    body = code.ljust(0x20, b"\0") + struct.pack("<BBHHHQ", 16, 0, 64, 0x7C00, 0, 64)
    return body.ljust(510, b"\0") + b"\x55\xaa"


def test_a_vm_for_whose_writing_there_is_no_room(tmp_path: Path) -> None:
    """It stands still, and nothing is said of the image. Takes the 10 s that are the shortest limit of a boot."""
    image, small, report = tmp_path / "disk.raw", tmp_path / "small", tmp_path / "report.json"
    image.write_bytes(endless())
    os.truncate(image, 64 << 20)
    small.mkdir()
    script = 'set -e; mount --make-rprivate /; mount -t tmpfs -o size=8m tmpfs "$0"; exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", script, str(small), sys.executable, "-m", "azpreflight", "rehearse"]
    command += [str(image), "--quick", "--timeout", "10", "--report", str(report)]
    environment = {**os.environ, "TMPDIR": str(small)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert done.returncode == 3, done.stderr
    results = json.loads(report.read_text())["results"]
    (reason,) = {one["reason"] for one in results if one["check"] in ("rehearsal-boots", "rehearsal-ready")}
    assert reason.startswith("no room for what the VM writes in")
