"""A build VM to its end: armed, deprovisioned by the real agent, powered off; the verdict is on its console."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest

from tests.qemu.boot import Boot, go_on
from tests.qemu.conftest import Healthy
from tests.qemu.watching import errors, reported

pytestmark = [pytest.mark.root, pytest.mark.emulator, pytest.mark.xdist_group("debian-12")]

DEPROVISION = "waagent -force -deprovision+user"


def test_an_armed_build_says_its_verdict(
    healthy: Healthy, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """At deprovisioning, which leaves the machine id, and at power-off, when its builder has emptied that.

    The capture check has three seconds, in which an emulated machine may not come to all: that is unknown then.
    """
    with go_on(healthy.saved, tmp_path, Boot()) as machine:
        armed = machine.run("azpreflight arm")
        assert armed.status == 0, armed.output
        deprovisioned = machine.run(DEPROVISION)
        assert deprovisioned.status == 0, deprovisioned.output
        first = reported(machine)
        machine.run("truncate -s 0 /etc/machine-id")
        machine.power_off()
        last = reported(machine)
    record_property("measured", f"boots: armed: {first.document['verdict']}, then {last.document['verdict']}")
    assert (first.nth, last.nth) == (1, 2)
    for told in (first, last):
        assert told.document["run"]["stage"] == "capture"
        assert (told.document["verdict"] in ("ready", "undecided"), errors(told.document)) == (True, [])
    assert first.status("gen-machine-id") in ("fail", "unknown")
    assert last.status("gen-machine-id") in ("pass", "unknown")
