"""Who makes resolv.conf again at boot, where there is none: by the files of the image alone.

`waagent -deprovision` deletes the file on most distributions, and a build step may too. That is harmless where a
program writes it from DHCP; where systemd-resolved is asked by a link that nothing puts back, no name is ever found
(github.com/hashicorp/packer-plugin-azure/issues/195).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Optional

from azpreflight.guest import ini_file
from azpreflight.guest.globs import matching
from azpreflight.host import Host, HostError, systemd
from azpreflight.host.systemd import UnitState

LIMIT = 1 << 16
TMPFILES = ("/usr/lib/tmpfiles.d/*.conf", "/lib/tmpfiles.d/*.conf", "/etc/tmpfiles.d/*.conf")
"""A file hides those of its name in the directories before it (tmpfiles.d(5))."""
MANAGER_FILES = (
    "/usr/lib/NetworkManager/conf.d/*.conf",
    "/etc/NetworkManager/NetworkManager.conf",
    "/etc/NetworkManager/conf.d/*.conf",
)
CLIENTS = (
    "/sbin/dhclient",
    "/usr/sbin/dhclient",
    "/sbin/dhcpcd",
    "/usr/sbin/dhcpcd",
    "/sbin/udhcpc",
    "/usr/sbin/udhcpc",
)
"""DHCP clients whose own script or hook writes the file, whoever starts them."""
STARTERS = ("networking.service", "network.service", "dhcpcd.service", "NetworkManager.service")
SERVICES = {"resolvconf.service": "resolvconf", "wicked.service": "wicked", "connman.service": "ConnMan"}
MAKERS = {
    "systemd/resolve/": ("systemd-resolved.service", ()),
    "NetworkManager/": ("NetworkManager.service", ()),
    "connman/": ("connman.service", ()),
    "resolvconf/": ("resolvconf.service", ("/sbin/resolvconf", "/usr/sbin/resolvconf")),
    "netconfig/": ("wicked.service", ("/sbin/netconfig", "/usr/sbin/netconfig")),
}
"""Who fills a directory of /run that resolv.conf may be a link into: a unit that is enabled, or a program."""
_LINE = re.compile(r"[LfF][+!-=~^$?]*[ \t]+/etc/resolv\.conf[ \t]")


def fills(host: Host, link: str) -> Optional[str]:
    """The maker of the file that resolv.conf is a link to; empty where it is not there, None where none is known."""
    for directory, (unit, programs) in MAKERS.items():
        if directory in link:
            there = _is_enabled(host, unit) or any(host.info(path) is not None for path in programs)
            return unit.rpartition(".")[0] if there else ""
    return None


def look(host: Host) -> tuple[str, ...]:
    """What makes it, by name. HostError where the image does not tell."""
    return tuple(dict.fromkeys(_writers(host)))


def _writers(host: Host) -> Iterator[str]:
    enabled = {name for name in (*STARTERS, *SERVICES) if _is_enabled(host, name)}
    tmpfiles = _tmpfiles(host)
    if tmpfiles is not None:
        yield f"systemd-tmpfiles ({tmpfiles})"
    if "NetworkManager.service" in enabled and not _manager_keeps_off(host):
        yield "NetworkManager"
    yield from (name for unit, name in SERVICES.items() if unit in enabled)
    if enabled & set(STARTERS[:3]) and any(host.info(path) is not None for path in CLIENTS):
        yield "the DHCP client's script"
    if host.info("/sbin/netconfig") is not None:
        yield "netconfig"


def _is_enabled(host: Host, name: str) -> bool:
    with suppress(HostError):
        return systemd.unit(host, name).state is UnitState.ENABLED
    return False


def _tmpfiles(host: Host) -> Optional[str]:
    """The file with a line that makes it; one that is masked or replaced does not count."""
    files = {path.rpartition("/")[2]: path for pattern in TMPFILES for path in host.glob(pattern)}
    for path in files.values():
        with suppress(HostError):
            if any(_LINE.match(line) for line in (host.text(path, LIMIT) or "").splitlines()):
                return path
    return None


def _manager_keeps_off(host: Host) -> bool:
    """dns=none or rc-manager=unmanaged (NetworkManager.conf(5)); with dns=systemd-resolved it writes all the same."""
    values: dict[str, str] = {}
    for pattern in MANAGER_FILES:
        for path in matching(host, pattern):
            with suppress(HostError):
                found = ini_file.entries(host.text(path, LIMIT) or "")
                values |= {key: value.lower() for section, key, value in found if section == "main"}
    return values.get("dns") == "none" or values.get("rc-manager") == "unmanaged"
