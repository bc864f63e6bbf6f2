"""Whether agents and logins can write where they do: on the OS disk, and not read-only.

The temporary disk is an empty one in every VM and is mounted after the agents have begun, so that a link of /var/log or
/home to it leads nowhere. systemd-tmpfiles makes a directory that is missing, and no target of a link (Microsoft Learn,
"Azure VM temporary disk"; tmpfiles.d(5); fstab(5)).
"""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.dataclass import dataclass
from azpreflight.guest import kernels
from azpreflight.guest.fstab import FSTAB
from azpreflight.guest.limits import SMALL
from azpreflight.host import FileKind, Host
from azpreflight.model import Confidence, Finding, NotApplicable, Run, Severity, Verdict
from azpreflight.probes.startup.check import check
from azpreflight.probes.subjects import part
from azpreflight.text import files, plain

WRITTEN = (
    *("/etc", "/home", "/root", "/var", "/var/lib", "/var/log"),
    *("/tmp", "/var/tmp"),  # noqa: S108 - inspected, not written
    *("/var/lib/waagent", "/var/lib/cloud", "/etc/ssh", "/etc/sudoers.d"),
)
"""Where agents and logins write."""
OF_OTHER_DISKS = ("/mnt", "/media", "/data", "/resource")
"""Where the temporary disk and data disks are mounted."""

WRITABLE = r"sed -i -E '/^[^#[:space:]]+[[:space:]]+\/[[:space:]]/s/([[:space:],])ro(,|[[:space:]])/\1rw\2/' /etc/fstab"


@dataclass(frozen=True)
class Away:
    """A directory that is a link."""

    path: str
    target: str
    there: bool
    """The target is in the image."""


@dataclass(frozen=True)
class DirectoryFacts:
    """What is written to, and cannot be."""

    away: tuple[Away, ...] = ()
    read_only: bool = False
    """fstab has / mounted read-only."""
    kernel: bool = True


def look(host: Host, run: Run) -> DirectoryFacts:
    """Links, and the options of / in fstab."""
    rows = (line.split() for line in (host.text(FSTAB, SMALL) or "").splitlines() if not line.lstrip().startswith("#"))
    options = next((row[3].split(",") for row in rows if len(row) > 3 and row[1] == "/"), [])
    found = ((path, host.info(path, follow=False)) for path in WRITTEN)
    links = [(path, info.target) for path, info in found if info is not None and info.target is not None]
    return DirectoryFacts(
        away=tuple(Away(path, target, _is_directory(host, path)) for path, target in links),
        read_only="ro" in options,
        kernel=kernels.is_there(host),
    )


def _is_directory(host: Host, path: str) -> bool:
    info = host.info(path)
    return info is not None and info.kind is FileKind.DIRECTORY


def judge(facts: DirectoryFacts, run: Run) -> Iterator[Verdict]:
    """All of them are on the OS disk and can be written."""
    if not facts.kernel:
        yield NotApplicable("no kernel is installed here, so its mounts are somebody else's")
        return
    for one in facts.away:
        elsewhere = one.target.startswith(OF_OTHER_DISKS)
        if one.there and not elsewhere:
            continue
        where = "a disk that a VM mounts later, if at all" if elsewhere else "no directory of the image"
        yield Finding(
            Severity.WARNING if one.there else Severity.ERROR,
            f"{one.path} is a link to {plain(one.target)}, {where}: agents and logins cannot write there",
            "Make it a directory of the OS disk.",
            (f"rm {files([one.path])}", f"mkdir{' -m 1777' if one.path.endswith('tmp') else ''} {files([one.path])}"),
            confidence=Confidence.LIKELY if one.there else Confidence.CERTAIN,
            confidence_reason="the target is in the image, and hidden where a disk is mounted over it"
            if one.there
            else "seen directly",
        )
    if facts.read_only:
        yield Finding(
            Severity.ERROR,
            "fstab has / mounted read-only (ro): no agent can write the user, the keys or its state",
            "Let it be mounted rw.",
            (WRITABLE,),
            confidence=Confidence.LIKELY,
            confidence_reason="an overlay of the initramfs may lie over it",
        )


CHECKS = (
    check(
        "boot-directories",
        "the directories that agents and logins write to are on the OS disk and can be written",
        part("directories", judge),
    ),
)
