"""What must still be there when a machine has been sealed: its accounts, what it boots from, its agents and its tools.

That nothing of the build is left is one half of a sealed machine; that nothing else has gone is the other. Looked at
before the first change and after the last one, by what is there and how large it is; the comparison is pure.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import passwords
from azpreflight.guest.limits import SMALL
from azpreflight.host import FileKind, Host, HostError
from azpreflight.probes.generalization.accounts import PASSWD

SHADOW = "/etc/shadow"
FILES = (
    *("/boot/vmlinuz*", "/boot/vmlinux*", "/boot/Image*", "/boot/initrd*", "/boot/initramfs*"),
    *("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/loader/entries/*", "/boot/efi/EFI/*/*", "/efi/EFI/*/*"),
    *(f"/usr/{folder}/{name}" for folder in ("bin", "sbin") for name in ("waagent", "cloud-init", "sshd", "sh")),
    *(f"/usr/bin/{name}" for name in ("dpkg", "apt-get", "rpm", "dnf", "yum", "tdnf", "zypper", "python3", "bash")),
    *("/usr/lib/systemd/systemd", "/lib/systemd/systemd", "/sbin/init", "/bin/sh"),
    *(
        "/etc/waagent.conf",
        "/etc/cloud/cloud.cfg",
        "/etc/ssh/sshd_config",
        "/etc/fstab",
        "/etc/group",
        "/etc/login.defs",
    ),
    *("/var/lib/dpkg/status", "/var/lib/rpm/rpmdb.sqlite", "/var/lib/rpm/Packages"),
)
"""Kernels, initramfs and configuration of boot loaders; agents, sshd, package managers and what all programs need."""
DIRECTORIES = (
    *("/", "/bin", "/boot", "/etc", "/lib", "/sbin", "/usr", "/usr/bin", "/usr/lib", "/usr/sbin", "/lib/modules"),
    *("/var", "/var/lib", "/home", "/etc/ssh", "/etc/systemd"),
)
"""Directories of which no name may be lost, but for those of MAY_GO. Not /opt, /srv and the machine's units, which an
image's own scripts in /etc/cloud/clean.d may clean."""
MAY_GO = (
    *("/etc/resolv.conf", "/etc/*-", "/etc/*.lock", "/etc/.*", "/etc/random.seed", "/etc/hostname", "/etc/*~"),
    *("/etc/ssh/ssh_host_*", "/var/lib/azpreflight", "/var/lib/random-seed", "/.*"),
)
"""Backups and locks that the tools make, and what deprovisioning and `seal` remove."""
GROWING = ("/etc/group", "/etc/fstab")
"""Files whose size may change: a group goes with its user, a swap file with its disk."""


@dataclass(frozen=True)
class Standing:
    """What a machine has of what it must keep."""

    root: bool = False
    """There is an account root with uid 0, in passwd and in shadow."""
    system: frozenset[str] = frozenset()
    """Names of accounts that are no people's."""
    files: Mapping[str, int] = field(default_factory=dict)
    """Sizes by path; that of a directory is 0."""
    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Names in each directory; one that has too many to be listed is left out."""


def look(host: Host) -> Standing:
    """As it is now. HostError where the accounts cannot be read."""
    entries = passwords.entries(host.text(PASSWD, SMALL) or "")
    login_defs = host.text("/etc/login.defs", SMALL) or ""
    people = range(passwords.first_uid(login_defs), passwords.last_uid(login_defs) + 1)
    hidden = passwords.passwords(host.text(SHADOW, SMALL) or "")
    sizes = {
        path: info.size for pattern in FILES for path in host.glob(pattern) if (info := host.info(path)) is not None
    }
    return Standing(
        root=any(entry.name == "root" and entry.uid == 0 for entry in entries) and "root" in hidden,
        system=frozenset(entry.name for entry in entries if entry.uid not in people),
        files=sizes,
        names=dict(_names(host)),
    )


def _names(host: Host) -> Iterator[tuple[str, frozenset[str]]]:
    for directory in DIRECTORIES:
        try:
            info = host.info(directory)
            names = host.list(directory) if info is not None and info.kind is FileKind.DIRECTORY else None
        except HostError:
            continue
        if names is not None:
            yield directory, frozenset(names)


def lost(before: Standing, after: Standing, user: Optional[str]) -> Iterator[str]:
    """What has gone that must be there, one sentence each; `user` is who was to be deleted, with the home."""
    if not after.root:
        yield "root has no account in /etc/passwd and /etc/shadow any more"
    gone = sorted(before.system - after.system)
    if gone:
        yield f"accounts of the system have gone: {', '.join(gone)}"
    for path, size in before.files.items():
        if path not in after.files:
            yield f"{path} has gone"
        elif after.files[path] != size and path not in GROWING:
            yield f"{path} has changed: {size} bytes before, {after.files[path]} now"
    for directory, names in before.names.items():
        if directory not in after.names:
            yield f"{directory} has gone, or cannot be listed"
            continue
        paths = (f"{directory.rstrip('/')}/{name}" for name in sorted(names - after.names[directory]))
        yield from (f"{path} has gone" for path in paths if not _may_go(path, user) and path not in before.files)


def _may_go(path: str, user: Optional[str]) -> bool:
    if user is not None and path == f"/home/{user}":
        return True
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in MAY_GO if pattern.count("/") == path.count("/"))
