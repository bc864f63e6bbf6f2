"""A first boot: the stand-in platform, DHCP as Azure gives it, a provisioning disc, and a machine of an image."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from azpreflight.standin import addresses
from azpreflight.standin.config import Config, Listener, Offer
from tests.netns.standin import Fault, break_in, platform, servers
from tests.qemu.disc import write_disc
from tests.qemu.image import Image
from tests.qemu.machine import VM_ID, Machine

DHCP = Listener("dhcp", addresses.WIRE_SERVER, addresses.DHCP)


@dataclass(frozen=True)
class Boot:
    """What is different from a healthy first boot."""

    faults: tuple[Fault, ...] = ()
    dns: str = addresses.WIRE_SERVER
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
            offer = Offer("vnet", dns=(what.dns,) if what.dns else ())
            config = Config((DHCP,), log=str(directory / "dhcp.requests"), offer=offer)
            stack.enter_context(servers(names["fabric"], config))
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
