"""The command lines of every VM, as QEMU itself takes them; nothing is booted."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from azpreflight.rehearse import machine
from azpreflight.rehearse.facts import Adapter, Controller
from tests.support.machines.rehearsal import PLAN
from tests.support.needs import need_programs

QUIT = '{"execute": "qmp_capabilities"}\n{"execute": "quit"}\n'


def test_qemu_has_every_vm(tmp_path: Path) -> None:
    """Each controller with its further disk, each NIC and each drive of the disc, in both generations."""
    need_programs("qemu-system-x86_64", "qemu-img")
    subprocess.run(("qemu-img", "create", "-q", "-f", "qcow2", str(tmp_path / "os"), "8M"), check=True, timeout=60)
    for name in ("spare", "disc"):
        (tmp_path / name).write_bytes(bytes(1 << 20))
    shutil.copy(machine.VARIABLES[True], tmp_path / "variables")
    vm = machine.Vm(
        *("7d2b9a5e-1f60-4c1d-8f4e-2b6d3c9a0e55", "00:0d:3a:12:34:56"),
        *(str(tmp_path / "os"), str(tmp_path), str(tmp_path / "disc"), str(tmp_path / "spare")),
    )
    nics, discs = [*machine.NICS] * 2, [*machine.DISC_DRIVES] * 2
    for driver, nic, disc in zip(machine.CONTROLLERS, nics, discs):
        for generation, secure_boot in ((1, False), (2, True))[: 1 if driver == machine.IGNORES_ATA else 2]:
            plan = replace(
                PLAN, disk=Controller(driver, ""), nic=Adapter(nic, ""), disc=disc, generation=generation, cpu="qemu64"
            )
            words = machine.command(replace(plan, secure_boot=secure_boot, memory_mib=256), vm)
            _starts(words, tmp_path)


def _starts(words: list[str], folder: Path) -> None:
    """It stops before the first instruction; there is no cable, because a tap is made for a rehearsal alone."""
    words = [word.replace("unix:control,server=on,wait=off", "stdio") for word in words]
    words[words.index("-netdev") + 1] = "hubport,hubid=0,id=net"
    done = subprocess.run(
        [*words, "-S"], input=QUIT, capture_output=True, text=True, timeout=60, check=False, cwd=folder
    )
    complaints = [line for line in done.stderr.splitlines() if "hub 0 is not connected" not in line]
    assert (done.returncode, complaints) == (0, []), (words, done.stderr)
    assert "SHUTDOWN" in done.stdout, done.stdout
