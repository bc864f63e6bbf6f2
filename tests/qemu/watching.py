"""What a machine says of itself: on its serial port, as everybody can read it, and by the guest agent, to compare."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from azpreflight.console.decode import decode
from tests.qemu.machine import Machine

BOOT_TIMEOUT = 600.0
"""Seconds until a machine is up; emulated on an idle one it takes some 20, and others run here as well."""
VERDICT_TIMEOUT = 600.0
"""Seconds until a verdict is on the serial port."""
POLL_S = 0.5
NETWORK = re.compile(rb"Reached target .{0,12}network\.target")
"""systemd's word on the console that the network is configured; with networkd the address may be a second behind."""


@dataclass(frozen=True)
class Told:
    """A report that came out of the serial port."""

    document: Mapping[str, Any]
    after_s: float
    """Seconds since the network was up, or since the machine went on where it was up all the time."""

    nth: int
    """How many reports there are by then, this one included."""

    @property
    def when(self) -> str:
        """In words: what is measured, and never asserted, because it is the machine's."""
        return f"by report {self.nth}, {self.after_s:.0f} s after the network was up or the machine went on"

    @property
    def causes(self) -> list[str]:
        """The first one first."""
        return causes(self.document)

    def status(self, check: str) -> str:
        """pass, fail ..."""
        return next(str(result["status"]) for result in self.document["results"] if result["check"] == check)

    def findings(self, check: str) -> list[Mapping[str, Any]]:
        """What this check has found."""
        return [one for result in self.document["results"] if result["check"] == check for one in result["findings"]]


def errors(document: Mapping[str, Any]) -> list[str]:
    """Checks behind the causes that keep it from being ready."""
    return [entry["check"] for entry in document["causes"] if entry["severity"] == "error"]


def causes(document: Mapping[str, Any]) -> list[str]:
    """The causes of a report, the first one first."""
    return [entry["cause"] for entry in document["causes"]]


def reported(machine: Machine, verdict: Optional[str] = None, cause: Optional[str] = None) -> Told:
    """The newest report in the serial log, decoded from that file alone, once it has this verdict and this first cause.

    It need not be the first: on a machine as busy as this one may be, that may be of a look that ran out of time.
    """
    deadline = time.monotonic() + VERDICT_TIMEOUT
    up, read = machine.started, 0
    newest: Optional[Mapping[str, Any]] = None
    while time.monotonic() < deadline:
        said = machine.said()
        if NETWORK.search(said, max(read - 80, 0)):
            up = time.monotonic()
        reports = decode(said).reports if len(said) > read else ()
        newest = reports[0].document if reports else newest
        if (
            reports
            and newest is not None
            and verdict in (None, newest["verdict"])
            and cause in (None, *causes(newest)[:1])
        ):
            return Told(newest, time.monotonic() - up, len(reports))
        read = len(said)
        time.sleep(POLL_S)
    last = "there is none" if newest is None else f"the newest is {newest['verdict']}: {json.dumps(newest['causes'])}"
    raise TimeoutError(f"no report {verdict or ''} {cause or ''} on the serial port; {last}")


def until(machine: Machine, command: str, word: str) -> None:
    """Wait until the command in the guest prints the word."""
    deadline = time.monotonic() + BOOT_TIMEOUT
    while (said := machine.run(command).output.strip()) != word:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{command} never printed {word}: {said}")
        time.sleep(POLL_S)
