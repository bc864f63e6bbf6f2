"""What azpreflight may remove or empty at all: a list of places, each argued where it stands. Pure.

Paths come out of configuration, directories and state files that others have written, and `seal` acts on them as root.
So whoever asks, nothing goes whose name is not of one of these shapes: a new subject of `seal` needs a line here. What
the directories on the way really are is asked when it is removed (`azpreflight.host.removal`).
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Optional

from azpreflight.dataclass import dataclass

LONGEST = 4096
"""Bytes of a path (PATH_MAX)."""
ELSEWHERE = ("/data/", "/mnt/", "/srv/", "/sysroot/", "/var/home/", "/var/roothome/")
"""Where root's links may lead to besides the list: disks of their own for homes and logs, and ostree's homes. There is
nothing of the system in these."""


class Verb(str, Enum):
    """What is done to a path."""

    REMOVE = "remove"
    EMPTY = "empty"


@dataclass(frozen=True)
class Place:
    """Paths of one shape: one pattern for each component, in which * never stands for a slash."""

    pattern: str
    verb: Verb = Verb.REMOVE
    whole: bool = False
    """A directory may go with all that is in it; else files and links alone."""
    below: bool = False
    """Any number of components may follow, at least one."""
    shipped: bool = False
    """Packages put files here too, so that nothing goes where it cannot be asked who owns it."""

    def has(self, parts: tuple[str, ...]) -> bool:
        """These components are of this shape."""
        wanted = self.pattern.strip("/").split("/")
        if len(parts) <= len(wanted) if self.below else len(parts) != len(wanted):
            return False
        return all(map(fnmatch.fnmatchcase, parts, wanted))


AGENT_LOGS = ("/var/log/azure*", "/var/log/waagent*", "/var/log/walinuxagent*")
"""Where Extension.LogDir may point to: waagent empties that directory, and `seal` removes what is in it."""
AGENT_LIBRARIES = ("/var/lib/waagent*", "/var/lib/walinuxagent*")
"""Where Lib.Dir may point to: waagent empties it; `seal` removes nothing there."""
DISK_DEPTH = 2
"""Components of a place where a disk for data is mounted, as /data or /mnt/disk."""
MOUNTED = (
    "/",
    "/etc",
    "/home",
    "/root",
    "/run",
    "/usr",
    "/var",
    "/var/lib",
    "/var/log",
    "/var/log/audit",
    "/var/spool",
)
"""Where a filesystem of its own may be mounted on the way to what goes: there everything that goes has a name of its
own. Of a mount further down, such as one on an agent's log directory, all would go, whatever it is."""
SUDOERS = ("/etc/sudoers.d", "/usr/local/etc/sudoers.d")
"""Where OS.SudoersDir may point to: sudo as a package and as it is built by hand."""
SUDOERS_FILES = ("waagent", "90-cloud-init-users", "azure-init-user")
"""What waagent, cloud-init and azure-init call theirs."""
SSHD = ("/etc/ssh", "/usr/local/etc/ssh")
"""Where OS.SshDir may point to: waagent removes ssh_host_*key* there."""
HOMES = ("/root", "/home/*")
HISTORIES = (".*_history", ".*_hist", ".histfile", ".lesshst", ".viminfo")
INSTALLERS = ("anaconda-ks.cfg", "original-ks.cfg", "initial-setup-ks.cfg", "autoinst.xml")

PLACES = (
    # Logs of the agents and of extensions, and what else an agent wrote beside them. A package of an extension may
    # have put its directory there, with files that are its own.
    *(Place(directory, whole=True, below=True, shipped=True) for directory in AGENT_LOGS),
    Place("/var/log/waagent.log*"),
    Place("/var/log/cloud-init*.log*"),
    # The journal of one machine is a directory that is named by its machine id; nothing else is kept in there.
    Place("/var/log/journal/*", whole=True),
    # Logs that their daemons hold open; of the audit's the newest. Nothing else in /var/log.
    *(Place(f"/var/log/{name}", Verb.EMPTY) for name in ("syslog", "messages", "auth.log", "secure", "wtmp", "btmp")),
    *(Place(f"/var/log/{name}", Verb.EMPTY) for name in ("lastlog", "wtmp.db", "audit/audit.log")),
    # The hypervisor's mailbox: five files whose names the kernel's daemon has in it (hv_kvp_daemon.c).
    Place("/var/lib/hyperv/.kvp_pool_[0-4]", Verb.EMPTY),
    # Histories of shells and the like: hidden files right in a home. Never a home, nor a directory in one.
    *(Place(f"{home}/{name}") for home in HOMES for name in HISTORIES),
    # Keys, where the configuration asks for it: files right in .ssh of a home.
    *(Place(f"{home}/.ssh/*") for home in HOMES),
    # Files of installers with the first user's hash; not what they put into /etc, which is configuration.
    *(Place(f"/root/{name}") for name in INSTALLERS),
    Place("/var/adm/autoinstall/cache/installedSystem.xml"),
    Place("/var/log/installer/autoinstall-user-data"),
    # The backup that the tools make of shadow. Never shadow, nor a file that OS.PasswordPath names in its place.
    Place("/etc/shadow-"),
    # The files that the agents write, in the directories that sudo reads; a package has its own names there.
    *(Place(f"{folder}/{name}", shipped=True) for folder in SUDOERS for name in SUDOERS_FILES),
    # Host keys by the names of ssh-keygen -A, where sshd looks for them.
    *(Place(f"{folder}/ssh_host_*key{end}") for folder in SSHD for end in ("", ".pub")),
    # What cloud-init and azure-init write for one VM; Ubuntu's own settings have other names.
    *(Place(f"/etc/ssh/sshd_config.d/50-{name}.conf", shipped=True) for name in ("cloud-init", "azure-init")),
    # The file or the link; what a link leads to stays.
    Place("/etc/resolv.conf", shipped=True),
    # Emptied and never removed, or systemd would take the next boot for the first. D-Bus makes its own again.
    Place("/etc/machine-id", Verb.EMPTY),
    Place("/var/lib/dbus/machine-id"),
    # Seeds and secrets, which are made again: one file each.
    *(
        Place(f"/var/lib/{name}")
        for name in ("systemd/random-seed", "urandom/random-seed", "systemd/credential.secret")
    ),
    *(Place(f"/var/lib/NetworkManager/{name}") for name in ("secret_key", "seen-bssids", "timestamps", "*.lease")),
    Place("/var/lib/random-seed"),
    # Leases, in directories in which DHCP clients keep nothing else.
    *(Place(f"/var/lib/{client}/*") for client in ("dhclient", "dhcpcd", "dhcp", "systemd/network")),
    Place("/var/lib/dhcpcd5/*.lease"),
    Place("/var/lib/wicked/lease-*.xml"),
    Place("/var/db/dhclient.leases.*"),
    # Units that the agent makes at run time; where a package brings its slice, it stays.
    Place("/etc/systemd/system/*.wants/*-network-setup.service", shipped=True),
    *(Place(f"{folder}/systemd/system/azure*.slice", shipped=True) for folder in ("/etc", "/lib", "/usr/lib")),
    # Crontabs of users who are gone, by their names: files, and not the directory of the others.
    Place("/var/spool/cron/*", shipped=True),
    Place("/var/spool/cron/crontabs/*", shipped=True),
    # Our own.
    *(Place(f"/var/{kind}/azpreflight", whole=True) for kind in ("lib", "log")),
    Place("/run/azpreflight/as-captured.json"),
    Place("/etc/systemd/system/sysinit.target.wants/azpreflight-capture.service"),
    Place("/etc/systemd/system/azpreflight-capture.service.d", whole=True),
    Place("/etc/systemd/system/azpreflight-capture.service.d/armed.conf"),
)


def parts_of(path: str) -> Optional[tuple[str, ...]]:
    """The components of an absolute path that says what it means; None for any other."""
    parts = tuple(path[1:].split("/"))
    sound = path.startswith("/") and len(path) <= LONGEST and "\0" not in path
    return parts if sound and not any(part in ("", ".", "..") for part in parts) else None


def place_of(path: str, verb: Verb) -> Optional[Place]:
    """The place on the list that this path is of; None: it may not be touched."""
    parts = parts_of(path)
    if parts is None:
        return None
    return next((place for place in PLACES if place.verb is verb and place.has(parts)), None)


def refusal(path: str, verb: Verb, mounts: Sequence[str] = ()) -> Optional[str]:
    """Why this may not be done to this path; None if it may. `mounts` are the mount points that are known."""
    if parts_of(path) is None:
        return "not an absolute path without . and .."
    if place_of(path, verb) is None:
        return f"not one of the places where azpreflight may {verb.value} anything"
    return _mounted(path, mounts, MOUNTED)


def astray(real: str, verb: Verb, mounts: Sequence[str] = ()) -> Optional[str]:
    """Why nothing may be done to the path that root's links on the way lead to; None if it may.

    It has to be on the list itself, or where nothing of the system is.
    """
    if place_of(real, verb) is not None:
        return refusal(real, verb, mounts)
    if not real.startswith(ELSEWHERE):
        return "links on the way lead there"
    disks = tuple(mount for mount in mounts if mount.count("/") <= DISK_DEPTH)
    return _mounted(real, mounts, (*MOUNTED, *disks))


def _mounted(path: str, mounts: Sequence[str], usual: Sequence[str]) -> Optional[str]:
    """What about mounts speaks against a path."""
    inside = next((mount for mount in mounts if mount == path or mount.startswith(f"{path}/")), None)
    if inside is not None:
        return "it is a mount point" if inside == path else f"{inside} is mounted in it"
    around = max((mount for mount in mounts if path.startswith(f"{mount.rstrip('/')}/")), key=len, default="/")
    return None if around in usual else f"it is on {around}, where something else may be mounted"


def is_directory_of(value: str, directories: Iterable[str]) -> bool:
    """The path is one of these directories of an agent, or below one."""
    parts = parts_of(value)
    if parts is None:
        return False
    return any(Place(shape).has(parts) or Place(shape, below=True).has(parts) for shape in directories)
