"""The programs that the agents call to make a user, by name.

waagent calls useradd, usermod and, for host keys, ssh-keygen; cloud-init also groupadd, passwd and chpasswd. An image
that was made small lacks one of them, and provisioning fails where nobody sees it (WALinuxAgent,
common/osutil/default.py; cloud-init, cloudinit/distros/__init__.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.dataclass import dataclass
from azpreflight.guest import os_release, package_database
from azpreflight.host import FileKind, Host
from azpreflight.model import Cause, Confidence, Finding, NotApplicable, Run, Severity, Verdict
from azpreflight.probes.agents.facts import Provisioner
from azpreflight.probes.generalization.leftover import agents_of
from azpreflight.probes.login.check import check
from azpreflight.probes.subjects import part
from azpreflight.text import several

DIRECTORIES = ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin")
PACKAGES = {
    "useradd": ("passwd", "shadow-utils", "shadow"),
    "usermod": ("passwd", "shadow-utils", "shadow"),
    "groupadd": ("passwd", "shadow-utils", "shadow"),
    "passwd": ("passwd", "passwd", "shadow"),
    "chpasswd": ("passwd", "shadow-utils", "shadow"),
    "ssh-keygen": ("openssh-client", "openssh", "openssh-common"),
    "ip": ("iproute2", "iproute", "iproute2"),
    "mount": ("mount", "util-linux", "util-linux"),
    "blkid": ("util-linux", "util-linux", "util-linux"),
}
"""Package of Debian, of the RHEL family, and of SUSE."""
CALLED = {
    Provisioner.WAAGENT: ("useradd", "usermod", "ssh-keygen", "ip", "mount"),
    Provisioner.CLOUD_INIT: (
        *("useradd", "groupadd", "passwd", "chpasswd", "usermod", "ssh-keygen", "ip", "mount", "blkid"),
    ),
    Provisioner.AZURE_INIT: ("useradd", "usermod", "passwd", "mount"),
}


@dataclass(frozen=True)
class ToolFacts:
    """Which of the programs are there."""

    found: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    """Those that are there and empty, or not executable."""
    whole: bool = False
    """The image has a package database and a kernel: what is not found is missing, and not left out."""


def look(host: Host, run: Run) -> ToolFacts:
    """stat(2) of each, in all directories of programs."""
    found, broken = [], []
    for name in PACKAGES:
        infos = [info for info in (host.info(f"{place}/{name}") for place in DIRECTORIES) if info is not None]
        if any(info.kind is FileKind.FILE and info.size and info.mode & 0o111 for info in infos):
            found.append(name)
        elif infos:
            broken.append(name)
    return ToolFacts(tuple(found), tuple(broken), package_database.is_whole(host))


def judge(facts: ToolFacts, run: Run) -> Iterator[Verdict]:
    """Each of the programs is there and may be run."""
    agents = agents_of(run)
    called = CALLED.get(agents.provisioner, ())
    if not called or agents.system_extensions:
        yield NotApplicable("no agent would make a user from this root filesystem")
        return
    wanted = called if facts.whole else tuple(name for name in called if name == "useradd")
    lacking = [name for name in wanted if name not in facts.found]
    if lacking:
        broken = [name for name in lacking if name in facts.broken]
        column = 0 if agents.distribution.of("debian", "ubuntu") else 2 if agents.distribution.of("suse", "sles") else 1
        packages = dict.fromkeys(PACKAGES[name][column] for name in lacking)
        yield Finding(
            Severity.ERROR,
            f"{agents.provisioner.value} calls {several(lacking)}, {'not executable' if broken else 'not there'}: no"
            " user can be made",
            "Install the package that has it.",
            tuple(os_release.reinstall_command(agents.distribution, package) for package in packages),
            confidence=Confidence.CERTAIN if "useradd" in lacking else Confidence.LIKELY,
            confidence_reason="seen directly" if "useradd" in lacking else "it is called for some VMs only",
        )


CHECKS = (
    check(
        "login-tools",
        "the programs that make a user are there",
        part("tools", judge),
        Severity.ERROR,
        Cause.NO_PROVISIONING_AGENT,
    ),
)
