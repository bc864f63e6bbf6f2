"""What `azpreflight rehearse` does: inspect the image, have it booted, inspect the disk afterwards, and report."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Optional

from azpreflight.cli.image import question
from azpreflight.cli.inspecting import budget, unseen
from azpreflight.cli.judging import finish
from azpreflight.cli.options import Asking
from azpreflight.cli.rehearse import Request
from azpreflight.engine.assess import only
from azpreflight.engine.inspection import inspect
from azpreflight.engine.inspection.judging import judged
from azpreflight.explain import ExplainedLog, explain
from azpreflight.host import HostError, programs
from azpreflight.host.disk.types import Disk
from azpreflight.model import Platform, Probe, Profile, Report, Severity, Snapshot, Stage, codec
from azpreflight.model.errors import UsageError
from azpreflight.probes import PROBES
from azpreflight.probes.image.facts import ImageFacts
from azpreflight.rehearse import drivers, folder, overlay, reporting, source
from azpreflight.rehearse.drivers import EmulatorDrivers
from azpreflight.rehearse.explain import Inspected
from azpreflight.rehearse.facts import Booted, Network, Plan, RehearsalFacts
from azpreflight.rehearse.machine import firmware
from azpreflight.rehearse.order import Order
from azpreflight.rehearse.planning import Wishes, plan
from azpreflight.rehearse.probe import PROBE
from azpreflight.rehearse.worker import accelerator
from azpreflight.rehearse.worker.errors import RehearsalError
from azpreflight.rehearse.worker.start import rehearse
from azpreflight.sinks.stderr import say
from azpreflight.standin.certificates import issue, make_authority
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


def run(request: Request) -> int:
    """Inspect, boot, judge and print."""
    request.judging.checks.refuse_unknown((PROBE,))
    _equipped()
    began = time.monotonic()
    try:
        with folder.own() as place:
            snapshot, facts, inspected = _rehearsed(request, place)
    except OSError as error:
        raise UsageError(f"cannot rehearse: {error}") from None
    asked, config = request.judging.checks, snapshot.config
    snapshot = replace(snapshot, config=replace(config, ignore=asked.ignored((PROBE,), config)))
    report = reporting.report(snapshot, facts, inspected, time.monotonic() - began)
    if asked.only:
        report = only(report, asked.asked((PROBE,), config))
    return finish(report, request.judging.fail_on or Severity.ERROR, request.output)


def _equipped() -> None:
    """UsageError with the packages that are missing."""
    missing = [f"{name} (package {package})" for name, package in NEEDED.items() if programs.which(name) is None]
    if missing:
        raise UsageError(f"a rehearsal needs {', '.join(missing)}")


# --- the rehearsal ------------------------------------------------------------------------------------------------


def _rehearsed(request: Request, place: Path) -> tuple[Snapshot, RehearsalFacts, Inspected]:
    """The image's files, what came of its boots, and, where they failed, the files of the disk afterwards."""
    image = _of_image(request.path, place)
    disk, found = _facts(image)
    if disk is None:
        raise UsageError(f"cannot inspect {request.path}: {image.probes['image'].reason}")
    size = disk.size >> 20
    if request.disk_gib is not None and request.disk_gib << 10 <= size:
        raise UsageError(f"--disk-size {request.disk_gib} is no larger than the image, whose disk has {size} MiB")
    machine = plan(_wishes(request), disk.layout, found, image.run.os.id, accelerator.why_not(), size)
    missing = [file for file in firmware(machine) if not os.path.exists(file)]
    if missing:
        raise UsageError(f"generation 2 needs {', '.join(missing)} (package ovmf)")
    _announce(machine)
    facts = _booted(request, machine, disk, place)
    image = replace(image, run=replace(image.run, root=request.path))
    inspected = Inspected(judged(image, PROBES))
    if reporting.failed(facts, image):
        inspected = replace(inspected, after=_afterwards(place), log=_log(place))
    return image, facts, inspected


def _wishes(request: Request) -> Wishes:
    return Wishes(
        generation=request.generation,
        secure_boot=request.secure_boot,
        network=Network(request.network),
        processors=request.processors,
        memory_mib=request.memory_mib,
        disk_mib=request.disk_gib << 10 if request.disk_gib is not None else None,
        disk_bus=request.disk_bus,
        quick=request.quick,
    )


def _of_image(path: str, place: Path) -> Snapshot:
    """The image's files. UsageError where it is no disk; it names the image, wherever its content was unpacked to."""
    try:
        readable = source.readable(path, place)
    except HostError as error:
        raise UsageError(f"cannot rehearse {path}: {error}") from None
    try:
        return _inspected(readable, place, Stage.CAPTURE, (*PROBES, drivers.PROBE))
    except UsageError as error:
        raise UsageError(str(error).replace(readable, path)) from None


def _inspected(path: str, place: Path, stage: Stage, probes: Sequence[Probe[Any]]) -> Snapshot:
    """The files of a disk, as `image` inspects them; mounted below `place`, for the inspecting process alone."""
    asking = Asking(stage, Profile.GENERALIZED, Platform.AZURE, (), None, os.devnull, path)
    where = place / "mounted"
    where.mkdir(exist_ok=True)
    return inspect(partial(question, asking, probes, str(where)), probes, budget(asking), unseen(asking))


def _facts(image: Snapshot) -> tuple[Optional[Disk], Optional[EmulatorDrivers]]:
    subject, found = image.probes["image"].facts, image.probes[drivers.PROBE.name].facts
    return (subject.disk if isinstance(subject, ImageFacts) else None), found


def _announce(machine: Plan) -> None:
    how = f"{machine.accelerator} ({machine.accelerator_reason})"
    say(f"generation {machine.generation}: {machine.generation_reason}; {how}")
    say(f"disk {machine.disk.driver}: {machine.disk.reason}; NIC {machine.nic.driver}: {machine.nic.reason}")
    say(f"not rehearsed: {', '.join(machine.not_rehearsed)}, which azpreflight image judges")


def _booted(request: Request, machine: Plan, disk: Disk, place: Path) -> RehearsalFacts:
    intercepted = machine.network is Network.TLS_INTERCEPTION
    certificate = _certificate(place) if intercepted else request.certificate or _certificate(place)
    backing = overlay.backing(disk.path, disk.format, disk.size)
    order = Order(
        machine, backing, str(place), certificate, request.limit_s, request.screen or "", request.console or ""
    )
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
    """A certificate for the package store that nobody trusts."""
    path = place / "store.pem"
    path.write_text(issue(make_authority()))
    return str(path)


def _afterwards(place: Path) -> Optional[Report]:
    """What the checks of files say of the disk as the VM left it; None where it cannot be read."""
    layer, raw = place / "vm" / "disk.qcow2", place / "afterwards.raw"
    try:
        if programs.run(overlay.unpack(str(layer), str(raw)), UNPACK_S, None, None, 1 << 16).status != 0:
            return None
        return judged(_inspected(str(raw), place, Stage.FIRSTBOOT, PROBES), PROBES)
    except (HostError, UsageError):
        return None


def _log(place: Path) -> Optional[ExplainedLog]:
    """What the serial console of the VM says, as `explain-log` reads it."""
    try:
        return explain("serial", ((place / "vm" / "serial").read_bytes(),))
    except OSError:
        return None
