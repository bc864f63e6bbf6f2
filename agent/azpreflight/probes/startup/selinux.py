"""Whether SELinux, where it enforces, finds the files labelled that a boot and a login need.

A file that was written from outside the running system has no label, and one that was moved from a home keeps that
one's. The kernel then refuses it to the services: no login, no sshd, no agent. With /.autorelabel the first boot labels
everything and restarts, which takes minutes of the time in which Azure waits (selinux(8); fixfiles(8)).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import bootloader
from azpreflight.guest.limits import SMALL
from azpreflight.host import Host
from azpreflight.model import Confidence, Finding, NotApplicable, Run, Severity, Unknown, Verdict
from azpreflight.probes.startup.check import check
from azpreflight.probes.subjects import part
from azpreflight.text import plain, several

CONFIG = "/etc/selinux/config"
RELABEL = "/.autorelabel"
CRITICAL = (
    *("/", "/etc", "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/nsswitch.conf", "/etc/login.defs"),
    *("/etc/ssh", "/etc/ssh/sshd_config", "/etc/sudoers", "/etc/sudoers.d", "/etc/pam.d", "/etc/waagent.conf"),
    *("/etc/fstab", "/etc/machine-id", "/etc/systemd/system", "/etc/cloud", "/etc/cloud/cloud.cfg", "/etc/resolv.conf"),
    *(
        "/usr",
        "/usr/bin",
        "/usr/sbin",
        "/usr/lib",
        "/usr/bin/bash",
        "/usr/bin/sudo",
        "/usr/sbin/sshd",
        "/usr/sbin/waagent",
    ),
    *("/usr/bin/cloud-init", "/usr/lib/systemd/systemd", "/var", "/var/lib", "/var/log", "/home", "/root"),
    *("/var/lib/waagent", "/var/lib/cloud"),
)
"""What a boot, a login and the agents cannot do without."""
PATTERNS = (
    "/etc/*",
    "/etc/ssh/*",
    "/etc/pam.d/*",
    "/etc/sudoers.d/*",
    "/etc/systemd/system/*",
    "/usr/lib/systemd/system/*",
)
"""What else is counted; a closed list, in which a whole tree without labels shows."""
MAX_PATHS = 600
WRONG = ("unlabeled_t", "file_t", "default_t", "user_tmp_t", "tmp_t", "user_home_t", "admin_home_t", "container_file_t")
"""Types that say that a file came from elsewhere; services may not use it."""
MAY_BE = {"/home": ("user_home_t",), "/root": ("admin_home_t",), "/": ("default_t",)}
_MODE = re.compile(r"^(SELINUX|SELINUXTYPE)=[ \t]*(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class SelinuxFacts:
    """The mode of the next boot, and labels."""

    mode: str = "disabled"
    policy: Optional[str] = None
    """The policy that is named, where its directory is not there."""
    relabel: bool = False
    unlabelled: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()
    """Files of the critical ones with a label of elsewhere, "path: type"."""
    labelled: int = 0
    """How many of the files inspected have a label."""
    seen: int = 0


def look(host: Host, run: Run) -> SelinuxFacts:
    """The configuration, the command line, and the labels of some hundred files."""
    mode, kind = _mode(host)
    if mode != "enforcing":
        return SelinuxFacts(mode)
    more = [path for pattern in PATTERNS for path in host.glob(pattern)]
    paths = tuple(dict.fromkeys((*CRITICAL, *more)))[:MAX_PATHS]
    there = [path for path in paths if _is_own(host, path)]
    labels = {path: host.label(path) for path in there}
    strange = [f"{path}: {_type(label)}" for path, label in labels.items() if label and _is_strange(path, label)]
    directory = f"/etc/selinux/{kind}"
    return SelinuxFacts(
        mode=mode,
        policy=directory
        if host.info(f"{directory}/policy") is None and host.info("/etc/selinux/semanage.conf")
        else None,
        relabel=host.info(RELABEL) is not None,
        unlabelled=tuple(path for path, label in labels.items() if not label),
        strange=tuple(strange),
        labelled=sum(1 for label in labels.values() if label),
        seen=len(labels),
    )


def _mode(host: Host) -> tuple[str, str]:
    """enforcing, permissive or disabled, and the policy's name; the kernel command line comes first."""
    values = dict(_MODE.findall(host.text(CONFIG, SMALL) or ""))
    mode = values.get("SELINUX", "disabled").lower()
    line = bootloader.command_line(host)
    options = line.options if line is not None else ()
    if "selinux=0" in options:
        mode = "disabled"
    elif "enforcing=0" in options and mode == "enforcing":
        mode = "permissive"
    elif "enforcing=1" in options and mode == "permissive":
        mode = "enforcing"
    return mode, values.get("SELINUXTYPE", "targeted")


def _is_own(host: Host, path: str) -> bool:
    """It is there, and no link: a link's own label is not what counts."""
    info = host.info(path, follow=False)
    return info is not None and info.target is None


def _type(label: str) -> str:
    parts = label.split(":")
    return parts[2] if len(parts) > 2 else label


def _is_strange(path: str, label: str) -> bool:
    return path in CRITICAL and _type(label) in WRONG and _type(label) not in MAY_BE.get(path, ())


def judge(facts: SelinuxFacts, run: Run) -> Iterator[Verdict]:
    """Where SELinux enforces, the files of a boot and a login have labels."""
    if facts.mode != "enforcing":
        yield NotApplicable(f"SELinux does not enforce at the next boot: {plain(facts.mode)}")
    elif facts.relabel:
        yield Finding(
            Severity.NOTE,
            f"{RELABEL} has the first boot label every file and restart, while Azure waits for the VM",
            "Label the files before the capture.",
            ("fixfiles -F relabel", f"rm -f {RELABEL}"),
        )
    elif not facts.labelled:
        yield Unknown("SELinux enforces, and no label is to be seen: the tree may be mounted without them")
    else:
        yield from _judge_labels(facts)


def _judge_labels(facts: SelinuxFacts) -> Iterator[Verdict]:
    if facts.policy is not None:
        yield Finding(
            Severity.ERROR,
            f"SELinux is to enforce, and its policy {plain(facts.policy)} is not there: systemd stops the boot",
            "Install the policy, or set SELINUX=permissive.",
            (f"sed -i 's/^SELINUX=.*/SELINUX=permissive/' {CONFIG}",),
        )
    wrong = (*facts.unlabelled, *facts.strange)
    if wrong:
        critical = any(path.partition(":")[0] in CRITICAL for path in wrong)
        yield Finding(
            Severity.ERROR if critical else Severity.WARNING,
            f"SELinux enforces, and {len(wrong)} of {facts.seen} files have no label that services may use:"
            f" {several(wrong)}",
            "Label the files, or have the first boot do it, which restarts the VM.",
            (f"touch {RELABEL}",),
            confidence=Confidence.CERTAIN if facts.unlabelled else Confidence.LIKELY,
            confidence_reason="seen directly" if facts.unlabelled else "a policy of your own may allow it",
        )


CHECKS = (
    check(
        "boot-selinux",
        "where SELinux enforces, the files of a boot and a login are labelled",
        part("selinux", judge),
    ),
)
