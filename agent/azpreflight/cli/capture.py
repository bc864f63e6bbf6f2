"""`azpreflight capture`: what `arm` enables, and systemd runs in a build VM."""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host import Host, HostError, LocalHost, mutations, service
from azpreflight.model import Report
from azpreflight.model.errors import UsageError
from azpreflight.paths import SEAL_LOCK
from azpreflight.render import json, serial
from azpreflight.sinks.errors import SinkError
from azpreflight.sinks.file import write_file
from azpreflight.sinks.serial import consoles, write_serial
from azpreflight.sinks.stderr import say
from azpreflight.watch import arming, child_check, deprovision_effects
from azpreflight.watch.build import CaptureWatch
from azpreflight.watch.power_off import ending

LOOK_BUDGET = 3
"""Seconds that the capture check may take: the power-off waits for it."""
LOOK_TIMEOUT = 12.0
"""Seconds until it is killed: its budget, and the start of Python while a machine stops everything."""
CALL_BUDGET = 30.0
"""Seconds for all calls of one step."""


@dataclass(frozen=True)
class Request:
    """What is asked."""

    report: Optional[str]
    """The file for the JSON report."""
    serial: str
    """auto, never, or the path of a device."""
    armed_on: Optional[str]
    """The mark of the machine that was armed."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where the verdict goes, and of which machine."""
    parser.add_argument("--report", metavar="FILE", help="write the JSON report to this file as well")
    parser.add_argument(
        "--serial", metavar="{auto,never,DEVICE}", default="auto", help="where the verdict is printed (default: auto)"
    )
    parser.add_argument(
        "--armed-on", metavar="MARK", help="the machine that was armed; on another one it disarms and ends"
    )


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request(asked.report, asked.serial, asked.armed_on)


def run(request: Request) -> int:
    """Wait through the build of this image; 0 when the machine is powered off, or when this is another machine."""
    if request.armed_on is not None and request.armed_on != arming.mark(_host()):
        say("armed on another machine: this one is a VM of its image")
        _disarm()
        return 0
    program = (*child_check.this_program(), "check", "--files", "--format", "json", "--timeout", str(LOOK_BUDGET))
    watch = CaptureWatch(
        seen=lambda: deprovision_effects.look(_host()),
        changed=deprovision_effects.stamps,
        busy=_sealing,
        judged=lambda: child_check.look(_host(), program, LOOK_TIMEOUT, partial(_announce, request)),
        say=partial(_say, request),
        ending=lambda: ending(_host()),
        ready=partial(service.notify, "READY=1", "STATUS=waiting for the end of the build"),
        disarm=_disarm,
        pause=time.sleep,
    )
    return watch.run()


def _host() -> Host:
    """The machine, with time for one step: the wait between two may take days."""
    return LocalHost(budget=CALL_BUDGET)


def _sealing() -> bool:
    """A `seal` is between its first change and its last look."""
    return mutations.held(SEAL_LOCK)


def _disarm() -> None:
    try:
        arming.disarm()
    except HostError as error:
        say(str(error))


def _announce(request: Request, sentence: str) -> None:
    """An image without a verdict is not one that is well."""
    child_check.announce(_host(), request.serial, sentence)


def _write_report(path: str, content: str) -> None:
    """Never into the image: the other filesystem may not be there any more."""
    try:
        arming.check_report(path)
    except UsageError as error:
        raise SinkError(str(error)) from None
    write_file(path, content)


def _say(request: Request, report: Report) -> None:
    """The console first, because the machine may be gone before the rest. Nothing is left in the image."""
    content = serial.render(report, request.report)
    places = [partial(write_serial, device, content) for device in consoles(_host(), request.serial)]
    files = [partial(_write_report, request.report, json.render(report))] if request.report is not None else []
    child_check.put((*places, *files))
