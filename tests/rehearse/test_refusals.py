"""What the command says where it cannot rehearse: what the machine lacks, and files that are no image."""

from __future__ import annotations

import os
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
