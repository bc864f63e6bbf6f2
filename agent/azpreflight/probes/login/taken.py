"""Whether the name of a new VM's user is free, and root has no second name.

useradd makes no user whose name a group has, and neither agent makes one that is there: cloud-init skips it, and
waagent refuses a system account (WALinuxAgent, azurelinuxagent/common/osutil/default.py; cloud-init, cloudinit/distros;
useradd(8)). Which name a VM will have is not known, so the usual ones are looked for.
"""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.dataclass import dataclass
from azpreflight.guest import passwords
from azpreflight.guest.limits import KEPT, SMALL
from azpreflight.host import Host, HostError
from azpreflight.model import Confidence, Finding, Run, Severity, Verdict
from azpreflight.probes.login.check import check
from azpreflight.probes.subjects import part
from azpreflight.text import files, plain, several

PASSWD, GROUP = "/etc/passwd", "/etc/group"
USUAL = (
    *("azureuser", "azureadmin", "azure", "azure-user", "adminuser", "vmadmin", "sysadmin", "localadmin", "cloud-user"),
    *("ubuntu", "debian", "ec2-user", "rocky", "almalinux", "packer", "ansible", "deploy", "devops"),
)
"""Names in examples of the platform's documentation and tools, default users of distributions, and common ones."""


@dataclass(frozen=True)
class TakenFacts:
    """Accounts and groups that stand in the way."""

    system: tuple[tuple[str, int], ...] = ()
    """System accounts with a usual name, and their number."""
    groups: tuple[str, ...] = ()
    """Groups with a usual name whose user is not there."""
    roots: tuple[str, ...] = ()
    """Other names of uid 0."""


def look(host: Host, run: Run) -> TakenFacts:
    """passwd, group and login.defs. HostError where there are no accounts."""
    accounts = passwords.entries(host.text(PASSWD, SMALL) or "")
    if not accounts:
        raise HostError(f"cannot read {PASSWD}: no account is in it")
    first = passwords.first_uid(host.text("/etc/login.defs", SMALL) or "")
    names = {one.name for one in accounts}
    groups = (line.split(":")[0] for line in (host.text(GROUP, SMALL) or "").splitlines())
    return TakenFacts(
        system=tuple((one.name, one.uid) for one in accounts if one.name in USUAL and 0 < one.uid < first),
        groups=tuple(name for name in dict.fromkeys(groups) if name in USUAL and name not in names),
        roots=tuple(one.name for one in accounts if one.uid == 0 and one.name != "root")[:KEPT],
    )


def judge(facts: TakenFacts, run: Run) -> Iterator[Verdict]:
    """Usual names are free, and uid 0 is root's."""
    for name, uid in facts.system:
        yield _taken(
            f"{name} is a system account here (uid {uid}): a VM whose user has that name is not provisioned",
            "Rename the account, or give it a number of a person.",
            f"userdel {name}",
        )
    for name in facts.groups:
        yield _taken(
            f"{name} is a group here, and no user: useradd makes no user of that name in a new VM",
            "Delete or rename the group.",
            f"groupdel {name}",
        )
    if facts.roots:
        yield Finding(
            Severity.WARNING,
            f"{several(facts.roots)} has uid 0 beside root: a second root of every VM, with its own password and keys",
            "Delete the account.",
            tuple(f"userdel --force {files([plain(name)])}" for name in facts.roots),
        )


def _taken(message: str, fix: str, command: str) -> Finding:
    return Finding(
        Severity.WARNING,
        message,
        fix,
        (command,),
        confidence=Confidence.POSSIBLE,
        confidence_reason="it is not known which name a VM's user will have",
    )


CHECKS = (
    check(
        "login-names",
        "no account or group has a usual name of a new VM's user, and root alone has uid 0",
        part("taken", judge),
        Severity.WARNING,
    ),
)
