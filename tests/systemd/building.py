"""Build VMs with systemd, and their reports."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from azpreflight.console.decode import decode
from tests.agents.debian import LIBRARIES
from tests.agents.planting import HASH, OTHER_VM, OVF, put
from tests.support.needs import hold_back
from tests.support.scratchroot import CannotBuild, overlay, run_inside, tree_for_test
from tests.systemd.machine import Machine, outside

PACKAGES = ("systemd", "systemd-sysv", "dbus", "waagent", "openssh-server", "sudo", *LIBRARIES)
SUITES = ("bookworm", "trixie")
VERDICT_TIMEOUT = 90.0


@contextlib.contextmanager
def build_vm(suite: str, deb: Path) -> Iterator[Path]:
    """A tree that waagent has provisioned, with the package in it, and a place outside the image for results."""
    with overlay(tree_for_test(suite, PACKAGES)) as root, outside(root, "/mnt/results"):
        assert run_inside(root, "useradd", "--create-home", "--password", HASH, "azureuser").returncode == 0
        put(root, "var/lib/waagent/provisioned", OTHER_VM)
        put(root, "var/lib/waagent/ovf-env.xml", OVF)
        put(root, "etc/hostname", "template\n")
        put(root, "azpreflight.deb", "")
        (root / "azpreflight.deb").write_bytes(deb.read_bytes())
        done = run_inside(root, "dpkg", "--install", "/azpreflight.deb")
        assert done.returncode == 0, done.stderr
        (root / "azpreflight.deb").unlink()
        run_inside(root, "systemctl", "disable", "azpreflight.service", "walinuxagent.service")
        yield root


@contextlib.contextmanager
def running(root: Path, **given: Any) -> Iterator[Machine]:
    """The tree under systemd; skipped where there can be none, and in CI a failure."""
    try:
        with Machine(root, **given) as machine:
            yield machine
    except CannotBuild as error:
        hold_back(error)


def reports(machine: Machine, count: int) -> list[Mapping[str, Any]]:
    """That many reports from the serial port, the newest first."""
    deadline = time.monotonic() + VERDICT_TIMEOUT
    while time.monotonic() < deadline:
        found = decode(machine.said()).reports
        if len(found) >= count:
            return [report.document for report in found]
        time.sleep(0.2)
    journal = machine.run("systemctl status --no-pager --full azpreflight-capture.service").stdout
    raise TimeoutError(f"{machine.said()[-2000:].decode('utf-8', 'replace')}\n{journal}")


IDLE = "[Unit]\nConditionVirtualization=\n[Service]\nExecStart=\nExecStart=/bin/sleep infinity\n"
"""The agent is there and does nothing: it would try to load the drivers of discs into this very kernel."""
