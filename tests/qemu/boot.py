"""A first boot: the stand-in platform, DHCP as Azure gives it, a provisioning disc, and a machine of an image."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from tests.netns import topology
from tests.netns.namespaces import inside
from tests.netns.standin import Fault, break_in, platform
from tests.qemu.disc import write_disc
from tests.qemu.image import Image
from tests.qemu.machine import VM_ID, Machine

DHCP = (
    "dnsmasq",
    "--keep-in-foreground",
    "--log-facility=-",
    "--pid-file=",  # two that start at once would both make /run/dnsmasq.pid, and one of them ends
    "--conf-file=/dev/null",
    "--port=0",
    "--interface=vnet",
    "--bind-interfaces",
    f"--dhcp-range={topology.VM},{topology.VM},255.255.255.0,86400",
    "--dhcp-authoritative",
    "--dhcp-ignore-clid",  # it is one VM, whatever client asks; Azure goes by the MAC address
    "--leasefile-ro",
    f"--dhcp-option=3,{topology.GATEWAY}",
    f"--dhcp-option=245,{topology.WIRE_SERVER}",
    f"--dhcp-option=121,0.0.0.0/0,{topology.GATEWAY},{topology.WIRE_SERVER}/32,{topology.GATEWAY},"
    f"{topology.IMDS}/32,{topology.GATEWAY}",
)
DHCP_TIMEOUT = 20.0
"""Seconds until dnsmasq serves; it takes some hundredths of one."""
POLL_S = 0.02


@dataclass(frozen=True)
class Boot:
    """What is different from a healthy first boot."""

    faults: tuple[Fault, ...] = ()
    dns: str = topology.WIRE_SERVER
    """The name server that DHCP gives; empty for none."""
    dhcp: bool = True
    vm_id: str = VM_ID


@contextlib.contextmanager
def boot(image: Image, what: Boot, *, disk: Optional[Path] = None, state: Optional[Path] = None) -> Iterator[Machine]:
    """The machine, powered on or going on from a saved state; everything gone afterwards.

    With a saved state the faults come into being once the machine runs again.
    """
    with contextlib.ExitStack() as stack:
        names, directory = stack.enter_context(platform(*what.faults))
        break_in(names, what.faults)
        if what.dhcp:
            stack.enter_context(_served(names["fabric"], what.dns, directory / "dhcp.log"))
        disc = write_disc(directory / "provisioning.iso")
        machine = Machine(image, names["vm"], directory, vm_id=what.vm_id, disc=disc, disk=disk, state=state)
        yield stack.enter_context(machine)


@dataclass(frozen=True)
class Saved:
    """A machine that was stopped, to go on from."""

    image: Image
    state: Path
    disk: Path


def go_on(saved: Saved, folder: Path, what: Boot) -> contextlib.AbstractContextManager[Machine]:
    """The saved machine, on a disk of its own in the folder."""
    disk = folder / "disk.qcow2"
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(saved.disk), "-F", "qcow2", str(disk)]
    subprocess.run(command, check=True, timeout=60)
    return boot(saved.image, what, disk=disk, state=saved.state)


@contextlib.contextmanager
def _served(namespace: str, dns: str, log: Path) -> Iterator[None]:
    command = inside(namespace, [*DHCP, f"--dhcp-option=6,{dns}" if dns else "--dhcp-option=6"])
    with open(log, "wb") as words:
        process: subprocess.Popen[Any] = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=words
        )
    try:
        deadline = time.monotonic() + DHCP_TIMEOUT
        while b"IP range" not in log.read_bytes():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no DHCP: {log.read_text()}")
            time.sleep(POLL_S)
        yield
    finally:
        process.kill()
        process.wait()
