"""`azpreflight arm`: let the image be checked when its build ends."""

from __future__ import annotations

import argparse
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host import LocalHost
from azpreflight.sinks.stderr import say
from azpreflight.watch import arming


@dataclass(frozen=True)
class Request:
    """What is asked."""

    report: Optional[str]
    """The file for the JSON report."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where the report goes."""
    parser.description = """\
Enable azpreflight-capture.service, and start it: it waits through the build of this
image, reboots included, and checks it when it is deprovisioned and again when it is
powered off. The verdict goes to the serial console. Once the deprovisioned machine is
powered off nothing of this is left in the image; seal and disarm undo it as well.
"""
    parser.add_argument(
        "--report",
        metavar="FILE",
        help="write the JSON report to this file as well; it has to be on a filesystem that is not part of the image",
    )


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request(asked.report)


def run(request: Request) -> int:
    """Enable and start the service."""
    arming.arm(LocalHost(budget=3 * arming.SYSTEMCTL_TIMEOUT), request.report)
    say("armed: the verdict is said when this machine is deprovisioned, and when it is powered off")
    return 0
