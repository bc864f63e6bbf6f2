"""`azpreflight rehearse`: boot an image beside a stand-in for the platform, and report what came of it."""

from __future__ import annotations

import argparse
import importlib.util
from typing import Optional

from azpreflight.cli import options, values
from azpreflight.cli.options import Judging, Output
from azpreflight.dataclass import dataclass
from azpreflight.model.errors import UsageError

NETWORKS = ("open", "no-egress", "dns-dead", "forced-tunnel", "proxy", "ipv6", "tls-interception")
DISK_BUSES = ("nvme", "scsi", "virtio", "sata")
LIMIT_S = 1200.0
"""Seconds for each first boot: those that the platform gives."""
DESCRIPTION = """\
Boot a disk image in QEMU beside a stand-in for the platform, and report whether it
provisions: the boot, the agents, Ready, the login, an extension, a second boot, and a
second VM of it. The image is not changed, and the VM reaches nothing outside. Needs
qemu-system-x86, qemu-utils, genisoimage, openssh-client, and ovmf for generation 2.
"""


@dataclass(frozen=True)
class Request:
    """What is asked."""

    path: str
    generation: Optional[int]
    """None: what the disk can start from."""
    secure_boot: bool
    processors: int
    memory_mib: int
    disk_gib: Optional[int]
    """None: as large as the image's."""
    disk_bus: Optional[str]
    """None: what the image has drivers for."""
    network: str
    quick: bool
    """The first boot alone."""
    certificate: Optional[str]
    """The file with what the package store presents; None: what no image trusts."""
    screen: Optional[str]
    """The file for a picture of the screen."""
    console: Optional[str]
    """The file for all that the serial consoles say."""
    limit_s: float
    """Seconds for each first boot."""
    judging: Judging
    output: Output


def add_options(parser: argparse.ArgumentParser) -> None:
    """The image, the VM, and the network around it."""
    parser.description = DESCRIPTION
    parser.add_argument("image", metavar="IMAGE", type=values.absolute, help="raw, VHD, VHDX or qcow2")
    vm = parser.add_argument_group("the VM")
    vm.add_argument("--generation", choices=(1, 2), type=int, help="default: what the disk can start from, or else 2")
    vm.add_argument("--secure-boot", action="store_true", help="with the keys of Azure's firmware (generation 2)")
    vm.add_argument("--cpus", metavar="N", type=int, choices=range(1, 17), default=2, help="1 to 16 (default: 2)")
    vm.add_argument("--memory", metavar="MIB", type=_memory, default=2048, help="256 to 65536 (default: 2048)")
    vm.add_argument(
        "--disk-size",
        metavar="GIB",
        type=_disk,
        help="of the OS disk, where VMs have a larger one than the image",
    )
    vm.add_argument(
        "--disk-bus",
        choices=DISK_BUSES,
        help="of the OS disk, and so its name (default: what the image has drivers for)",
    )
    around = parser.add_argument_group("what is rehearsed")
    around.add_argument(
        "--network",
        choices=NETWORKS,
        default=NETWORKS[0],
        help="the virtual network around the VM (default: open)",
    )
    around.add_argument("--quick", action="store_true", help="the first boot alone: no second boot, no second VM")
    around.add_argument(
        "--store-certificate",
        metavar="FILE",
        type=values.absolute,
        help="PEM file with the key and the certificate that the package store presents (default: one of an authority "
        "that the image does not trust, so that packages come by the HostGAPlugin)",
    )
    around.add_argument("--console", metavar="FILE", type=values.absolute, help="where the serial consoles' words go")
    around.add_argument("--screen", metavar="FILE", type=values.absolute, help="where a picture of the screen goes")
    around.add_argument(
        "--timeout", metavar="SECONDS", type=_timeout, default=LIMIT_S, help="for each first boot (default: 1200)"
    )
    options.add_judging(parser)
    options.add_output(parser)


def _memory(text: str) -> int:
    if not text.isdigit() or not 256 <= int(text) <= 65536:
        raise argparse.ArgumentTypeError(f"{text!a} is not a number of MiB from 256 to 65536")
    return int(text)


def _disk(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 4095:
        raise argparse.ArgumentTypeError(f"{text!a} is not a number of GiB from 1 to 4095")
    return int(text)


def _timeout(text: str) -> float:
    if not text.isdigit() or not 10 <= int(text) <= 7200:
        raise argparse.ArgumentTypeError(f"{text!a} is not a number of seconds from 10 to 7200")
    return float(text)


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request(
        path=asked.image,
        generation=asked.generation,
        secure_boot=asked.secure_boot,
        processors=asked.cpus,
        memory_mib=asked.memory,
        disk_gib=asked.disk_size,
        disk_bus=asked.disk_bus,
        network=asked.network,
        quick=asked.quick,
        certificate=asked.store_certificate,
        screen=asked.screen,
        console=asked.console,
        limit_s=asked.timeout,
        judging=options.judging(asked),
        output=options.output(asked),
    )


def run(request: Request) -> int:
    """Inspect, boot, judge and print, where the package for it is installed."""
    for module, package in (("azpreflight.rehearse", "azpreflight-rehearse"), ("cryptography", "python3-cryptography")):
        if importlib.util.find_spec(module) is None:
            raise UsageError(f"a rehearsal needs {package}: install it, or azpreflight[rehearse] with pip")
    from azpreflight.cli import rehearsing

    return rehearsing.run(request)
