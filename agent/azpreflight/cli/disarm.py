"""`azpreflight disarm`: undo `arm`."""

from __future__ import annotations

import argparse

from azpreflight.dataclass import dataclass
from azpreflight.host import HostError, LocalHost
from azpreflight.model.exit_codes import EXIT_USAGE
from azpreflight.sinks.stderr import say
from azpreflight.watch import arming


@dataclass(frozen=True)
class Request:
    """Nothing is asked."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """None."""


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request()


def run(request: Request) -> int:
    """Stop the service, and take away what enabled it."""
    try:
        arming.disarm()
        arming.stop(LocalHost(budget=3 * arming.SYSTEMCTL_TIMEOUT))
    except HostError as error:
        say(f"cannot disarm this machine: {error}")
        return EXIT_USAGE
    return 0
