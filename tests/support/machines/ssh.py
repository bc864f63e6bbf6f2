"""Machines for the checks of SSH: a healthy one, and a broken one for each check."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from azpreflight.guest import unit_runs
from azpreflight.host import Completed
from azpreflight.model import Platform, Run, Stage
from tests.support.fakes import FakeHost, Link
from tests.support.machines import agents as with_agents

RUN = Run(stage=Stage.CAPTURE, platform=Platform.AZURE)
FIRSTBOOT = replace(RUN, stage=Stage.FIRSTBOOT)
SERVICE = "/lib/systemd/system/ssh.service"
SOCKET = "/lib/systemd/system/ssh.socket"
UNIT = "[Service]\nExecStartPre=/usr/sbin/sshd -t\nExecStart=/usr/sbin/sshd -D\n"
OVERRIDE = {"/etc/systemd/system/ssh.service.d/host-keys.conf": "[Service]\nExecStartPre=/usr/bin/ssh-keygen -A\n"}
KEY = {"/etc/ssh/ssh_host_rsa_key": "key"}
FILES = {
    SERVICE: UNIT,
    "/etc/systemd/system/multi-user.target.wants/ssh.service": Link(SERVICE),
    SOCKET: "[Socket]\nListenStream=22\n",
    "/etc/machine-id": "",
}
ASK = unit_runs.command(("ssh.service",))


def host(changes: dict[str, Any], *removed: str, cloud_init: bool = False, state: str = "active") -> FakeHost:
    """A deprovisioned Debian that waagent provisions, or cloud-init."""
    agent = {} if cloud_init else with_agents.conf("Provisioning.Agent=waagent")
    gone = removed if cloud_init else (*removed, *with_agents.NO_CLOUD_INIT)
    files = with_agents.host({**FILES, **agent, **changes}, *gone).files
    return FakeHost(files=files, programs={ASK: Completed(0, with_agents.unit("ssh.service", state), "")})


HEALTHY = (host(OVERRIDE), RUN)
BROKEN = {
    "ssh-start": (host({}), RUN),
    "ssh-state": (host(KEY, state="failed"), FIRSTBOOT),
}
