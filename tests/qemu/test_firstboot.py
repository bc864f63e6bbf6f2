"""First boots: the package in a real image, and the cause read back out of the serial log alone."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import pytest

from azpreflight.serial.decode import decode
from tests.netns import faults
from tests.netns.certificates import certificates
from tests.netns.standin import Fault
from tests.qemu.boot import Boot, boot
from tests.qemu.image import Image, Recipe, build
from tests.qemu.machine import Machine

pytestmark = [pytest.mark.root, pytest.mark.emulator]

SOURCE = Path(__file__).parents[2]
BOOT_TIMEOUT = 300.0
"""Seconds until a machine is up; emulated on an idle one it takes some 20, and this one may be busy."""
VERDICT_TIMEOUT = 300.0
"""Seconds until a verdict is on the serial port."""
REPORT = "/var/lib/azpreflight/report.json"
WATCH_AGAIN = "rm -f /var/lib/azpreflight/*; systemctl restart --no-block azpreflight.service"
OTHER_VM = "0b8f3d5c-7a12-4e6b-9c3d-51f0a2b4c6d8"


@dataclass(frozen=True)
class Saved:
    """A machine that came up well, to go on from."""

    state: Path
    disk: Path


@pytest.fixture(scope="module")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deb")
    subprocess.run([SOURCE / "packaging" / "build-deb", folder], check=True, capture_output=True, timeout=300)
    (path,) = folder.glob("*.deb")
    return path


@pytest.fixture(scope="module")
def image(deb: Path) -> Image:
    return build(Recipe(), certificates()["authority"], deb)


@pytest.fixture(scope="module")
def saved(image: Image, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Saved]":
    """A machine that waagent has provisioned and azpreflight found ready, stopped there."""
    folder = tmp_path_factory.mktemp("saved")
    with boot(image, Boot()) as machine:
        document = reported(machine, "ready")
        machine.wait_for_agent(BOOT_TIMEOUT)
        until(machine, "systemctl is-active azpreflight.service", "inactive")
        assert json.loads(machine.run(f"cat {REPORT}").output)["run"] == document["run"]
        machine.run("systemctl stop walinuxagent; sync")
        machine.save(folder / "state")
        shutil.copy(machine.disk, folder / "disk.qcow2")
    yield Saved(folder / "state", folder / "disk.qcow2")
    shutil.rmtree(folder)


def reported(machine: Machine, verdict: Optional[str] = None) -> "Mapping[str, Any]":
    """The newest report in the serial log, once one with this verdict is the newest."""
    deadline = time.monotonic() + VERDICT_TIMEOUT
    while time.monotonic() < deadline:
        reports = decode(machine.said()).reports
        if reports and verdict in (None, reports[0].document["verdict"]):
            return reports[0].document
        time.sleep(1.0)
    said = machine.said()[-3000:].decode("utf-8", "replace")
    raise TimeoutError(f"no report {verdict or ''} on the serial port: {said}")


def until(machine: Machine, command: str, word: str) -> None:
    """Wait until the command in the guest prints the word."""
    deadline = time.monotonic() + BOOT_TIMEOUT
    while machine.run(command).output.strip() != word:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{command} never printed {word}")
        time.sleep(1.0)


def first_cause(document: "Mapping[str, Any]") -> Optional[str]:
    return document["causes"][0]["cause"] if document["causes"] else None


def go_on(image: Image, saved: Saved, folder: Path, what: Boot) -> "Any":
    """The saved machine on a disk of its own."""
    disk = folder / "disk.qcow2"
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(saved.disk), "-F", "qcow2", str(disk)]
    subprocess.run(command, check=True, timeout=60)
    return boot(image, what, disk=disk, state=saved.state)


def test_a_healthy_first_boot_is_ready(saved: Saved) -> None:
    """The fixture has seen it: ready on the serial log, decoded to the report in the VM, and no process left."""
    assert saved.state.stat().st_size > 0


@pytest.mark.parametrize(
    ("cause", "broken", "command"),
    [
        ("dns-unreachable", (), f"echo nameserver {faults.DEAD_SERVER} > /etc/resolv.conf"),
        ("guest-firewall", (), "iptables -I OUTPUT -d 168.63.129.16 -j DROP"),
        ("no-network", (), "ip route del default"),
        ("forced-tunnel", (faults.TUNNEL, faults.APPLIANCE_PROHIBITS), "true"),
    ],
)
def test_the_cause_is_on_the_serial_log(
    cause: str, broken: "tuple[Fault, ...]", command: str, image: Image, saved: Saved, tmp_path: Path
) -> None:
    with go_on(image, saved, tmp_path, Boot(faults=broken)) as machine:
        assert machine.run(f"{command} && {WATCH_AGAIN}").status == 0
        assert first_cause(reported(machine)) == cause


def test_an_image_that_was_not_deprovisioned_is_said_so(image: Image, saved: Saved, tmp_path: Path) -> None:
    """The disk of a provisioned VM, booted as another one."""
    disk = tmp_path / "captured.qcow2"
    shutil.copy(saved.disk, disk)
    with boot(image, Boot(vm_id=OTHER_VM), disk=disk) as machine:
        document = reported(machine, "not-ready")
        assert first_cause(document) == "not-generalized"
        assert document["run"]["vm_id"] == OTHER_VM
