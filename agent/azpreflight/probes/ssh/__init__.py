"""Whether an SSH server runs once a VM has been provisioned: "provisioned, and nobody can log in".

Deprovisioning deletes the host keys, and the agent that provisions makes new ones. cloud-init does so before sshd is
started. waagent does so after everything else has been, and two things go wrong until then, both seen with Debian's
waagent 2.7.3 to 2.16:

* sshd starts without host keys, fails five times in a row, and is given up. waagent makes the keys and asks systemd for
  `try-reload-or-restart`, which leaves alone what has failed.
* On what systemd takes for the first boot of an installation (no /etc/machine-id, or "uninitialized" in it) it applies
  its presets, which enable ssh.socket beside ssh.service. The reload then makes sshd bind a port that the socket holds,
  it exits with 255, and its unit forbids another start after that.

(WALinuxAgent, azurelinuxagent/pa/provision/default.py and common/osutil/debian.py; openssh, ssh.service of Debian;
systemd, machine-id(5) and systemd.preset(5).)
"""

from __future__ import annotations

from azpreflight.model import Probe
from azpreflight.probes.ssh import checks
from azpreflight.probes.ssh.collect import gather
from azpreflight.probes.ssh.facts import SshFacts

WORST_CASE_S = 4.0
"""Seconds: one file on a disk that has died, and systemctl."""

PROBE = Probe(
    name="ssh",
    facts=SshFacts,
    gather=gather,
    needs=("agents",),
    checks=checks.CHECKS,
)
