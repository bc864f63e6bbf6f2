"""Whether waagent's own deprovisioning may be run with this waagent.conf. Pure.

waagent empties the directories that its configuration names and asks nothing: with Extension.LogDir=/etc it empties
/etc (WALinuxAgent, azurelinuxagent/pa/deprovision/default.py). So `seal` does not start it where a value is none of
those that it was made for. An empty Extension.LogDir is no directory, and waagent passes it over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest.waagent_conf import WaagentConfig
from azpreflight.host.removable import AGENT_LIBRARIES, AGENT_LOGS, SSHD, SUDOERS, is_directory_of

PASSWORDS = ("/etc/shadow", "/etc/master.passwd")
CLOUD = "/var/lib/cloud"
"""Where cloud-init keeps what it knows of a machine, and what it removes."""
_CLOUD_DIR = re.compile(r"""cloud_dir["']?[ \t]{0,9}:[ \t]{0,99}["']?([^"' \t,}#]{1,999})""")
LEASES = ("/var/lib/dhclient", "/var/lib/dhcpcd", "/var/lib/dhcp")
"""Directories that waagent empties whatever its configuration says."""


@dataclass(frozen=True)
class Setting:
    """One value of waagent.conf that says where deprovisioning works."""

    key: str
    value: str
    allowed: tuple[str, ...]
    does: str
    below: bool = False
    """A directory below one of the allowed ones will do as well."""

    @property
    def objection(self) -> Optional[str]:
        """Why waagent may not be run with it; None if it may."""
        fits = is_directory_of(self.value, self.allowed) if self.below else self.value in self.allowed
        if fits:
            return None
        where = self.allowed[0].rstrip("*")
        return f"{self.key}={self.value!a}: waagent would {self.does}; set it to {where}, or delete the line"


def settings(config: WaagentConfig) -> tuple[Setting, ...]:
    """The values that lead deprovisioning somewhere."""
    logs = Setting("Extension.LogDir", config.extension_log_dir, AGENT_LOGS, "empty that directory", below=True)
    return (
        *((logs,) if config.extension_log_dir else ()),
        Setting("Lib.Dir", config.lib_dir, AGENT_LIBRARIES, "empty that directory", below=True),
        Setting("OS.SudoersDir", config.sudoers_dir, SUDOERS, "rewrite the file waagent in there"),
        Setting("OS.SshDir", config.ssh_dir, SSHD, "remove ssh_host_*key* in there"),
        Setting("OS.PasswordPath", config.password_path, PASSWORDS, "rewrite that file"),
    )


def objections(config: WaagentConfig, path: str, links: Sequence[str], mounts: Sequence[str]) -> Iterator[str]:
    """What in this configuration, read from `path`, speaks against waagent's deprovisioning.

    `links` are those of the directories that it empties that are links, `mounts` all mount points.
    """
    for setting in settings(config):
        if setting.objection is not None:
            yield f"{path} has {setting.objection}"
    for directory in emptied(config):
        if directory in links:
            yield f"waagent would empty {directory!a}, which is a link; replace it by a directory"
        for mount in mounts:
            if mount == directory or mount.startswith(f"{directory}/"):
                yield f"waagent would empty {directory!a}, and {mount!a} is a mount; unmount that first"


def cloud_objections(files: Iterable[tuple[str, str]], links: Sequence[str], mounts: Sequence[str]) -> Iterator[str]:
    """What in cloud-init's configuration, path and text, speaks against `cloud-init clean`, which empties cloud_dir.

    By lines and not as YAML, because what cannot be parsed cannot be trusted either: each line with the word has to
    name the directory that cloud-init was made for (cloud-init, cloudinit/cmd/clean.py).
    """
    for path, text in files:
        for line in text.splitlines():
            match = _CLOUD_DIR.search(line)
            value = match.group(1).rstrip("/") if match is not None else None
            if "cloud_dir" in line.split("#")[0] and value != CLOUD:
                yield f"{path} has {line.strip()[:80]!a}: cloud-init would empty that directory; set it to {CLOUD}"
    if CLOUD in links:
        yield f"cloud-init would empty {CLOUD!a}, which is a link; replace it by a directory"
    for mount in mounts:
        if mount == CLOUD or mount.startswith(f"{CLOUD}/"):
            yield f"cloud-init would empty {CLOUD!a}, and {mount!a} is a mount; unmount that first"


def emptied(config: WaagentConfig) -> tuple[str, ...]:
    """Directories that waagent empties with this configuration."""
    return (*((config.extension_log_dir,) if config.extension_log_dir else ()), config.lib_dir, *LEASES)
