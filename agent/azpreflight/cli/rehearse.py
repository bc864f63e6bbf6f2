"""`azpreflight rehearse`: boot an image beside a stand-in for the platform, and report what came of it."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Optional

from azpreflight.cli import options
from azpreflight.cli.image import question
from azpreflight.cli.inspecting import budget, unseen
from azpreflight.cli.options import Asking, Judging, Output
from azpreflight.cli.output import publish
from azpreflight.config import similar
from azpreflight.engine.assess import exit_code, only
from azpreflight.engine.inspection import inspect
from azpreflight.engine.inspection.judging import judged
from azpreflight.host import HostError, programs
from azpreflight.host.disk.mounted import mount_point
from azpreflight.host.disk.types import Disk
from azpreflight.model import Platform, Probe, Profile, Report, Severity, Snapshot, Stage, codec
from azpreflight.model.errors import UsageError
from azpreflight.model.exit_codes import EXIT_USAGE
from azpreflight.probes import PROBES
from azpreflight.probes.image import ImageFacts
from azpreflight.rehearse import drivers, folder, overlay, reporting
from azpreflight.rehearse.drivers import EmulatorDrivers
from azpreflight.rehearse.facts import Booted, Network, Plan, RehearsalFacts
from azpreflight.rehearse.order import Order
from azpreflight.rehearse.patience import PLATFORM_S
from azpreflight.rehearse.planning import Wishes, plan
from azpreflight.rehearse.probe import CHECKS
from azpreflight.rehearse.worker import accelerator
from azpreflight.rehearse.worker.errors import RehearsalError
from azpreflight.rehearse.worker.start import rehearse
from azpreflight.sinks.stderr import say
from azpreflight.text import plain

NEEDED = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "genisoimage": "genisoimage",
    "ssh": "openssh-client",
    "unshare": "util-linux",
    "ip": "iproute2",
}
"""Programs, and the Debian packages that have them."""
UNPACK_S = 1800.0
LIMIT_S = 3 * 3600.0
"""Seconds for all boots of one rehearsal."""


@dataclass(frozen=True)
class Request:
    """What is asked."""

    path: str
    wishes: Wishes
    certificate: Optional[str]
    screen: Optional[str]
    limit_s: float
    """Seconds for each first boot."""
    judging: Judging
    output: Output


def add_options(parser: argparse.ArgumentParser) -> None:
    """The image, the VM, and the network around it."""
    parser.description = """\
Boot a disk image in QEMU beside a stand-in for the platform, and report whether it
provisions: the boot, the agents, Ready, the login, an extension, a second boot, and a
second VM of it. The image is not changed, and the VM reaches nothing outside. Needs
qemu-system-x86, qemu-utils, genisoimage, openssh-client, and ovmf for generation 2.
"""
    parser.add_argument("image", metavar="IMAGE", type=options.absolute, help="raw, VHD, VHDX or qcow2")
    vm = parser.add_argument_group("the VM")
    vm.add_argument("--generation", choices=(1, 2), type=int, help="default: what the disk can start from, or else 2")
    vm.add_argument("--secure-boot", action="store_true", help="with the keys of Azure's firmware (generation 2)")
    vm.add_argument("--cpus", metavar="N", type=int, choices=range(1, 17), default=2, help="1 to 16 (default: 2)")
    vm.add_argument("--memory", metavar="MIB", type=_memory, default=1024, help="256 to 65536 (default: 1024)")
    around = parser.add_argument_group("what is rehearsed")
    around.add_argument(
        "--network",
        choices=options.words(Network),
        default=Network.OPEN.value,
        help="the virtual network around the VM (default: open)",
    )
    around.add_argument("--quick", action="store_true", help="the first boot alone: no second boot, no second VM")
    around.add_argument(
        "--store-certificate",
        metavar="FILE",
        type=options.absolute,
        help="PEM file with the key and the certificate that the package store presents (default: one of an authority "
        "that the image does not trust, so that packages come by the HostGAPlugin)",
    )
    around.add_argument("--screen", metavar="FILE", type=options.absolute, help="where a picture of the screen goes")
    around.add_argument(
        "--timeout", metavar="SECONDS", type=_timeout, default=PLATFORM_S, help="for each first boot (default: 1200)"
    )
    options.add_judging(parser)
    options.add_output(parser)


def _memory(text: str) -> int:
    if not text.isdigit() or not 256 <= int(text) <= 65536:
        raise argparse.ArgumentTypeError(f"{text!a} is not a number of MiB from 256 to 65536")
    return int(text)


def _timeout(text: str) -> float:
    if not text.isdigit() or not 10 <= int(text) <= 7200:
        raise argparse.ArgumentTypeError(f"{text!a} is not a number of seconds from 10 to 7200")
    return float(text)


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    wishes = Wishes(
        generation=asked.generation,
        secure_boot=asked.secure_boot,
        network=Network(asked.network),
        processors=asked.cpus,
        memory_mib=asked.memory,
        quick=asked.quick,
    )
    judging, output = options.judging(asked), options.output(asked)
    return Request(asked.image, wishes, asked.store_certificate, asked.screen, asked.timeout, judging, output)


def run(request: Request) -> int:
    """Inspect, boot, judge and print."""
    _known(request.judging)
    _equipped()
    began = time.monotonic()
    try:
        with folder.own() as place:
            snapshot, facts, after = _rehearsed(request, place)
    except OSError as error:
        raise UsageError(f"cannot rehearse: {error}") from None
    before = judged(snapshot, PROBES)
    report = reporting.report(snapshot, facts, before, after, time.monotonic() - began)
    return _deliver(request, report)


def _known(judging: Judging) -> None:
    """UsageError for ids that are not those of a rehearsal."""
    ids = tuple(check.id for check in CHECKS)
    for check_id in (*judging.only, *judging.ignore):
        if check_id not in ids:
            raise UsageError(f"no check {check_id}{similar(check_id, ids)} in a rehearsal")


def _equipped() -> None:
    """UsageError with the packages that are missing."""
    missing = [f"{name} (package {package})" for name, package in NEEDED.items() if programs.which(name) is None]
    if missing:
        raise UsageError(f"a rehearsal needs {', '.join(missing)}")


def _deliver(request: Request, report: Report) -> int:
    judging = request.judging
    kept = [result.check for result in report.results if result.check not in judging.ignore]
    if judging.only or judging.ignore:
        report = only(report, judging.only or kept)
    whole = publish(request.output, report)
    return exit_code(report, judging.fail_on or Severity.ERROR) if whole else EXIT_USAGE


# --- the rehearsal ------------------------------------------------------------------------------------------------


def _rehearsed(request: Request, place: Path) -> tuple[Snapshot, RehearsalFacts, Optional[Report]]:
    """The image's files, what came of its boots, and, where they failed, the files of the disk afterwards."""
    image = _inspected(_readable(request.path, place), Stage.CAPTURE, (*PROBES, drivers.PROBE))
    disk, found = _facts(image)
    if disk is None:
        raise UsageError(f"cannot inspect {request.path}: {image.probes['image'].reason}")
    machine = plan(request.wishes, disk.layout, found, image.run.os.id, accelerator.why_not())
    _announce(machine)
    facts = _booted(request, machine, disk, place)
    image = replace(image, run=replace(image.run, root=request.path))
    if not reporting.failed(facts, image):
        return image, facts, None
    return image, facts, _afterwards(place)


def _readable(path: str, place: Path) -> str:
    """The image, or, where nothing here reads its format, its content in a file of a known one."""
    with open(path, "rb") as file:
        if file.read(8) != b"vhdxfile":
            return path
    raw = str(place / "image.raw")
    done = programs.run(("qemu-img", "convert", "-f", "vhdx", "-O", "raw", path, raw), UNPACK_S, None, None, 1 << 16)
    if done.status != 0:
        raise UsageError(f"qemu-img cannot read {path}: {done.stderr.strip()[-200:]}")
    return raw


def _inspected(path: str, stage: Stage, probes: Sequence[Probe[Any]]) -> Snapshot:
    """The files of a disk, as `image` inspects them."""
    asking = Asking(stage, Profile.GENERALIZED, Platform.AZURE, (), None, os.devnull, path)
    with mount_point() as where:
        return inspect(partial(question, asking, probes, where), probes, budget(asking), unseen(asking))


def _facts(image: Snapshot) -> tuple[Optional[Disk], Optional[EmulatorDrivers]]:
    subject, found = image.probes["image"].facts, image.probes[drivers.PROBE.name].facts
    return (subject.disk if isinstance(subject, ImageFacts) else None), found


def _announce(machine: Plan) -> None:
    how = f"{machine.accelerator} ({machine.accelerator_reason})"
    say(f"generation {machine.generation}: {machine.generation_reason}; {how}")
    say(f"disk {machine.disk.driver}: {machine.disk.reason}; NIC {machine.nic.driver}: {machine.nic.reason}")
    say(f"not rehearsed: {', '.join(machine.not_rehearsed)}, which azpreflight image judges")


def _booted(request: Request, machine: Plan, disk: Disk, place: Path) -> RehearsalFacts:
    certificate = request.certificate or _certificate(place)
    backing = overlay.backing(disk.path, disk.format, disk.size)
    screen = os.path.abspath(request.screen) if request.screen else ""
    order = Order(machine, backing, str(place), certificate, request.limit_s, screen)
    boots: list[Booted] = []
    error = None
    try:
        for kind, value in rehearse(order, LIMIT_S):
            if kind == "boot":
                boots.append(codec.decode(Booted, value))
            elif kind == "error":
                error = plain(str(value), 300)
            else:
                _progress(str(value))
    except RehearsalError as failure:
        error = plain(str(failure), 300)
    return RehearsalFacts(machine, tuple(boots), error)


def _progress(words: str) -> None:
    """For a person who watches."""
    if sys.stderr.isatty() or os.environ.get("CI"):
        say(words)


def _certificate(place: Path) -> str:
    """A certificate that nobody trusts."""
    path = place / "store.pem"
    subject = ("-subj", "/CN=stand-in", "-addext", "subjectAltName=DNS:*.blob.core.windows.net")
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", *subject)
    done = programs.run((*made, "-keyout", str(path), "-out", f"{path}.crt"), 60.0, None, None, 1 << 16)
    if done.status != 0:
        raise UsageError(f"no certificate for the package store: {done.stderr.strip()[-200:]}")
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return str(path)


def _afterwards(place: Path) -> Optional[Report]:
    """What the checks of files say of the disk as the VM left it; None where it cannot be read."""
    layer, raw = place / "vm" / "disk.qcow2", place / "afterwards.raw"
    try:
        if programs.run(overlay.unpack(str(layer), str(raw)), UNPACK_S, None, None, 1 << 16).status != 0:
            return None
        return judged(_inspected(str(raw), Stage.FIRSTBOOT, PROBES), PROBES)
    except (HostError, UsageError):
        return None
