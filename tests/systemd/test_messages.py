"""A real journal of a boot that a missing disk held up, and that somebody sent into emergency mode after it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator

import pytest

from azpreflight.model import Severity
from azpreflight.probes import agents, boot
from azpreflight.probes.boot import messages
from tests.agents.planting import put
from tests.support.judging import findings, judged
from tests.support.machines.boot import FIRSTBOOT, journal
from tests.support.scratchroot import overlay, tree_for_test
from tests.systemd.building import IDLE, PACKAGES, running
from tests.systemd.machine import Machine

pytestmark = pytest.mark.root

MOUNT = "[Mount]\nWhat=/dev/sdz1\nWhere=/data\n"
PATIENCE_S = 30.0
"""Seconds until it is in emergency mode; it takes one."""
EMERGENCY = {"the boot ended in emergency mode", "the boot ended in emergency mode (2 times)"}
"""systemd says it of the shell and of the target."""
SOON = "[Unit]\nJobRunningTimeoutSec=1\n"


@pytest.fixture(params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """One that comes up, with a mount for a disk that nothing wants yet."""
    with overlay(tree_for_test(request.param, PACKAGES)) as root:
        put(root, "etc/systemd/system/walinuxagent.service.d/idle.conf", IDLE)
        put(root, "etc/systemd/system/data.mount", MOUNT)
        put(root, "etc/systemd/system/dev-sdz1.device.d/soon.conf", SOON)
        with running(root) as machine:
            yield machine


def said(machine: Machine) -> set[tuple[Severity, str]]:
    """What is found in its journal."""
    shown = machine.run(shlex.join(messages.COMMAND))
    assert shown.returncode == 0, shown.stderr
    found = findings(judged(journal(*shown.stdout.split("\n")), FIRSTBOOT, agents.PROBE, boot.PROBE), "boot-messages")
    return {(one.severity, one.message.partition(":")[0]) for one in found}


def test_a_real_journal_is_understood(machine: Machine) -> None:
    """Nothing is said of a boot that went well; a disk that does not come, and emergency mode, are named."""
    assert said(machine) == set()
    machine.run("systemctl start data.mount")
    assert said(machine) == {(Severity.WARNING, "a device was waited for without success")}
    machine.run("systemctl --no-block isolate emergency.target")
    deadline = time.monotonic() + PATIENCE_S
    while not any(severity is Severity.ERROR for severity, _ in said(machine)):
        assert time.monotonic() < deadline, machine.run("journalctl --boot --lines=50").stdout
        time.sleep(0.2)
    assert {message for severity, message in said(machine) if severity is Severity.ERROR} <= EMERGENCY


FORGED = (
    'logger --tag systemd "{line}"',
    'logger --tag kernel --priority kern.emerg "{line}"',
    'logger --tag systemd --id=1 "{line}"',
    'printf "%s\\n" "{line}" | systemd-cat --identifier=systemd',
    'printf "SYSLOG_IDENTIFIER=kernel\\n_TRANSPORT=kernel\\n_PID=1\\nMESSAGE=%s\\n" "{line}" | logger --journald',
)
"""What any user may write into the journal under the names of systemd and of the kernel."""
LINES = (
    "Reached target emergency.target - Emergency Mode.",
    "EXT4-fs (sda1): Remounting filesystem read-only",
    "EXT4-fs error (device sda1): ext4_lookup:1855: inode #131",
)


def test_a_user_forges_nothing(machine: Machine) -> None:
    """The entries are there, under the names that they gave themselves, and none of them is believed."""
    for line in LINES:
        for forge in FORGED:
            done = machine.run(f"su -s /bin/sh nobody -c {shlex.quote(forge.format(line=line))}")
            assert done.returncode == 0, done.stderr
    deadline = time.monotonic() + PATIENCE_S
    asked = "journalctl --sync; journalctl --boot --quiet --no-pager --output=cat"
    while (shown := machine.run(f"{asked} --identifier=systemd --identifier=kernel").stdout).count(LINES[0]) < 5:
        assert time.monotonic() < deadline, shown
        time.sleep(0.2)
    assert said(machine) == set()
    assert machine.run("su -s /bin/sh nobody -c 'test -w /dev/kmsg'").returncode != 0
