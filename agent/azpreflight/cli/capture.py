"""`azpreflight arm` and `disarm`, and what they enable: `azpreflight capture`, which systemd runs in a build VM."""

from __future__ import annotations

import argparse
import time
from functools import partial

from azpreflight.cli.seal import LOCK
from azpreflight.host import Host, HostError, LocalHost, mutations, service
from azpreflight.model import Report
from azpreflight.model.errors import UsageError
from azpreflight.model.exit_codes import EXIT_USAGE
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


def arm(asked: argparse.Namespace) -> int:
    """Let the image be checked when its build ends."""
    arming.arm(LocalHost(budget=3 * arming.SYSTEMCTL_TIMEOUT), asked.report)
    say("armed: the verdict is said when this machine is deprovisioned, and when it is powered off")
    return 0


def disarm(asked: argparse.Namespace) -> int:
    """Undo `arm`."""
    try:
        arming.disarm()
        arming.stop(LocalHost(budget=3 * arming.SYSTEMCTL_TIMEOUT))
    except HostError as error:
        say(f"cannot disarm this machine: {error}")
        return EXIT_USAGE
    return 0


def capture(asked: argparse.Namespace) -> int:
    """Wait through the build of this image; 0 when the machine is powered off, or when this is another machine."""
    if asked.armed_on is not None and asked.armed_on != arming.mark(_host()):
        say("armed on another machine: this one is a VM of its image")
        _disarm()
        return 0
    program = (*child_check.this_program(), "check", "--files", "--format", "json", "--timeout", str(LOOK_BUDGET))
    watch = CaptureWatch(
        seen=lambda: deprovision_effects.look(_host()),
        changed=deprovision_effects.stamps,
        busy=_sealing,
        judged=lambda: child_check.look(_host(), program, LOOK_TIMEOUT, partial(_announce, asked)),
        say=partial(_say, asked),
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
    return mutations.held(LOCK)


def _disarm() -> None:
    try:
        arming.disarm()
    except HostError as error:
        say(str(error))


def _announce(asked: argparse.Namespace, sentence: str) -> None:
    """An image without a verdict is not one that is well."""
    child_check.announce(_host(), asked.serial, sentence)


def _write_report(path: str, content: str) -> None:
    """Never into the image: the other filesystem may not be there any more."""
    try:
        arming.check_report(path)
    except UsageError as error:
        raise SinkError(str(error)) from None
    write_file(path, content)


def _say(asked: argparse.Namespace, report: Report) -> None:
    """The console first, because the machine may be gone before the rest. Nothing is left in the image."""
    content = serial.render(report, asked.report)
    places = [partial(write_serial, device, content) for device in consoles(_host(), asked.serial)]
    files = [partial(_write_report, asked.report, json.render(report))] if asked.report is not None else []
    child_check.put((*places, *files))
