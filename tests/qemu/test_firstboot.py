"""First boots: the package in a real image, and the cause read back out of the serial log alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Callable

import pytest

from tests.netns import faults
from tests.netns.standin import Fault
from tests.qemu.boot import Boot, boot, go_on
from tests.qemu.conftest import Healthy
from tests.qemu.image import Image, Recipe
from tests.qemu.watching import BOOT_TIMEOUT, errors, reported, until

pytestmark = [pytest.mark.root, pytest.mark.emulator, pytest.mark.xdist_group("debian-12")]

WATCH_AGAIN = "rm -f /var/lib/azpreflight/*; systemctl restart --no-block azpreflight.service"
OTHER_VM = "0b8f3d5c-7a12-4e6b-9c3d-51f0a2b4c6d8"
HARDENING = "".join(
    f"install {name} /bin/true\n"
    for name in ("cramfs", "freevxfs", "jffs2", "hfs", "hfsplus", "squashfs", "udf", "dccp", "sctp", "rds", "tipc")
)
"""What hardening guides put there (CIS Debian Linux Benchmark, 1.1.1 and 3.2)."""
Record = Callable[[str, object], None]


def test_a_healthy_first_boot_is_ready(healthy: Healthy, record_property: Record) -> None:
    """Ready on the serial log, which holds what the report in the VM does, but for some facts; and it was true."""
    record_property("measured", f"boots: healthy: ready {healthy.first.when}")
    assert healthy.saved.image.captured["verdict"] == "ready"
    kept = healthy.kept["facts"]
    assert {**healthy.newest, "facts": kept} == healthy.kept
    assert all(
        kept[probe][name] == value for probe, facts in healthy.newest["facts"].items() for name, value in facts.items()
    )
    assert healthy.shell == ["newvm", "newuser", "active"]


@pytest.mark.parametrize(
    ("cause", "broken", "command"),
    [
        ("dns-unreachable", (), f"echo nameserver {faults.DEAD_SERVER} > /etc/resolv.conf"),
        ("guest-firewall", (), "iptables -I OUTPUT -d 168.63.129.16 -j DROP"),
        ("no-network", (), "ip route del default"),
        ("forced-tunnel", (faults.TUNNEL, faults.APPLIANCE_PROHIBITS), "true"),
    ],
    ids=["dead-dns", "guest-rule", "no-route", "forced-tunnel"],
)
def test_the_cause_is_on_the_serial_log(
    cause: str, broken: tuple[Fault, ...], command: str, healthy: Healthy, tmp_path: Path, record_property: Record
) -> None:
    """The healthy machine goes on in a world that is broken, and is watched as if for the first time."""
    with go_on(healthy.saved, tmp_path, Boot(faults=broken)) as machine:
        assert machine.run(f"{command} && {WATCH_AGAIN}").status == 0
        told = reported(machine, cause=cause)
    record_property("measured", f"boots: {cause}: {told.when}")
    assert told.causes[0] == cause


def test_an_image_that_was_not_deprovisioned_is_said_so(
    healthy: Healthy, tmp_path: Path, record_property: Record
) -> None:
    """The disk of a provisioned VM, booted as another one: waagent sees that and provisions nothing."""
    disk = tmp_path / "captured.qcow2"
    shutil.copy(healthy.saved.disk, disk)
    with boot(healthy.saved.image, Boot(vm_id=OTHER_VM), disk=disk) as machine:
        told = reported(machine, cause="not-generalized")
    record_property("measured", f"boots: not-generalized: {told.when}")
    assert told.document["run"]["vm_id"] == OTHER_VM


def test_a_hardened_image_cannot_read_its_disc(images: Callable[[Recipe], Image], record_property: Record) -> None:
    """udf is switched off: named before capture from the tree alone, and on the console of the VM that hangs."""
    image = images(Recipe(mended=("ssh-start",), files=(("etc/modprobe.d/cis.conf", HARDENING),)))
    assert errors(image.captured) == ["media-filesystem"]
    with boot(image, Boot()) as machine:
        told = reported(machine, cause="provisioning-media")
        machine.wait_for_agent(BOOT_TIMEOUT)
        until(machine, "grep -o -m1 'Mounting dvd failed' /var/log/waagent.log", "Mounting dvd failed")
        assert machine.run("id newuser").status != 0
    record_property("measured", f"boots: provisioning-media: {told.when}")
    assert len(told.findings("media-filesystem")) == 1
