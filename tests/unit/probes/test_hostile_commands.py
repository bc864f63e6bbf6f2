"""What an image says is one word of a command that is printed: people copy it into a shell of root's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from azpreflight.probes import agents
from tests.support.fakes import FakeHost
from tests.support.judging import findings, judged
from tests.support.machines import agents as with_agents
from tests.support.machines import login

RUN = "$(reboot);'`reboot`"
"""What a shell would run, quoted or not."""
FIREWALLD = {
    "/etc/firewalld/firewalld.conf": f"DefaultZone={RUN}\n",
    f"/etc/firewalld/zones/{RUN}.xml": "<zone></zone>",
    "/lib/systemd/system/firewalld.service": "[Unit]\n",
    "/etc/systemd/system/multi-user.target.wants/firewalld.service": "",
}
PORT = {**login.UFW, "/etc/ufw/user.rules": "*filter\n", login.DROP_IN: f"Port {RUN}\n"}
SUDOERS_DIR = {**with_agents.conf(f"Provisioning.Agent=waagent\nOS.SudoersDir=/etc/{RUN}"), f"/etc/{RUN}/x": ""}


def commands(on: FakeHost, check: str) -> list[str]:
    """Those that this check prints."""
    return [
        command
        for found in findings(judged(on, login.RUN, agents.PROBE, login.PROBE), check)
        for command in found.commands
    ]


@pytest.mark.parametrize(
    ("on", "check"),
    [
        (login.host(FIREWALLD), "login-inbound"),
        (login.host(PORT), "login-inbound"),
        (login.with_waagent(SUDOERS_DIR), "login-sudo"),
    ],
    ids=["zone", "port", "sudoers-directory"],
)
def test_what_a_shell_would_run_is_a_word(on: FakeHost, check: str, tmp_path: Path) -> None:
    """A real shell takes the command apart and runs nothing of it; the only program that it finds says so."""
    stub = tmp_path / "reboot"
    stub.write_text("#!/bin/sh\necho >ran\n")
    stub.chmod(0o755)
    printed = commands(on, check)
    assert printed
    for command in printed:
        line = f": {command.partition(' >> ')[0]}"
        done = subprocess.run(
            ["/bin/sh", "-c", line], cwd=tmp_path, env={"PATH": str(tmp_path)}, check=False, timeout=30
        )
        assert (done.returncode, (tmp_path / "ran").exists()) == (0, False), command
