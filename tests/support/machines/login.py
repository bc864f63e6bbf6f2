"""Machines for the checks of login: a healthy one, and a broken one for each check."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from azpreflight.host import FileInfo, FileKind
from azpreflight.model import Platform, Run, Stage
from azpreflight.probes import agents, login
from tests.support.fakes import FakeHost
from tests.support.judging import findings, judged
from tests.support.machines import agents as with_agents

PROBE = login.PROBE
RUN = Run(stage=Stage.CAPTURE, platform=Platform.AZURE)


def program(mode: int = 0o755) -> FileInfo:
    return FileInfo(FileKind.FILE, 1000, mode, 0, 0, 0.0)


def directory(mode: int = 0o755, uid: int = 0) -> FileInfo:
    return FileInfo(FileKind.DIRECTORY, 0, mode, uid, 0, 0.0)


SSHD_CONFIG = "Include /etc/ssh/sshd_config.d/*.conf\nKbdInteractiveAuthentication no\nUsePAM yes\n"
SUDOERS = "Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n"
TOOLS = ("useradd", "usermod", "groupadd", "passwd", "chpasswd", "ssh-keygen", "ip", "mount", "blkid")
FILES: dict[str, Any] = {
    **with_agents.FILES,
    "/usr/sbin/sshd": program(),
    "/usr/bin/sudo": program(0o4755),
    **{f"/usr/sbin/{name}": program() for name in TOOLS},
    "/etc/ssh/sshd_config": SSHD_CONFIG,
    "/etc/sudoers": SUDOERS,
    "/etc/sudoers.d/README": "#\n",
    "/etc/passwd": "root:x:0:0::/root:/bin/bash\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n",
    "/etc/login.defs": "UMASK 022\nUID_MIN 1000\nUID_MAX 60000\nPASS_MAX_DAYS 99999\n",
    "/etc/default/useradd": "SHELL=/bin/sh\n",
    "/bin/sh": program(),
    "/etc/pam.d/sshd": "account required pam_nologin.so\n@include common-account\n",
    "/etc/pam.d/other": "auth required pam_deny.so\n",
    "/usr/lib/x86_64-linux-gnu/security/pam_nologin.so": "",
    "/usr/lib/x86_64-linux-gnu/security/pam_access.so": "",
    "/var/lib/dpkg/status": "",
    "/boot/vmlinuz-6": "MZ",
    "/sbin/dhclient": "",
    "/run/sshd": directory(),
    "/home": directory(),
}
DROP_IN = "/etc/ssh/sshd_config.d/10-x.conf"


def host(changes: dict[str, Any], *removed: str) -> FakeHost:
    """A Debian that cloud-init provisions, with some files changed and some away."""
    return FakeHost(files={path: node for path, node in {**FILES, **changes}.items() if path not in removed})


def with_waagent(changes: dict[str, Any]) -> FakeHost:
    """The same, and waagent provisions."""
    return host({**with_agents.conf("Provisioning.Agent=waagent"), **changes}, *with_agents.NO_CLOUD_INIT)


UFW = {
    "/etc/ufw/ufw.conf": "ENABLED=yes\n",
    "/etc/default/ufw": 'DEFAULT_INPUT_POLICY="DROP"\n',
    "/lib/systemd/system/ufw.service": "[Unit]\n",
    "/etc/systemd/system/multi-user.target.wants/ufw.service": "",
}
HEALTHY = (host({}), RUN)
BROKEN = {
    "login-sshd": (host({DROP_IN: "PermitRootLogin maybe\n"}), RUN),
    "login-modes": (host({"/home": directory(0o777)}), RUN),
    "login-sudo": (with_waagent({"/etc/sudoers": f"Defaults targetpw\n{SUDOERS}"}), RUN),
    "login-gates": (host({"/etc/nologin": "maintenance\n"}), RUN),
    "login-inbound": (host({**UFW, "/etc/ufw/user.rules": "*filter\n"}), RUN),
    "login-names": (host({"/etc/group": "root:x:0:\nazureuser:x:900:\n"}), RUN),
    "login-tools": (host({}, "/usr/sbin/useradd"), RUN),
}


def said(on: FakeHost, check: str, run: Run = RUN) -> list[tuple[str, str]]:
    found = findings(judged(replace(on, root=run.root), run, agents.PROBE, PROBE), check)
    return [(one.severity.value, one.message) for one in found]


def with_azure_init(changes: dict[str, Any], *removed: str) -> FakeHost:
    """The same, and azure-init provisions."""
    gone = (*with_agents.NO_CLOUD_INIT, *with_agents.NO_WAAGENT, *removed)
    return host({**with_agents.AZURE_INIT, **changes}, *gone)
