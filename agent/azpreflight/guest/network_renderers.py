"""In which of five forms cloud-init writes the network of a new VM, and which forms the next boot reads.

cloud-init takes the first renderer of its list that is available (cloud-init, cloudinit/net/renderers.py). Files that
it wrote in another form, before the image changed its network manager, stay as they are.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import os_release
from azpreflight.host import Host, systemd
from azpreflight.host.systemd import UnitState

ENI, SYSCONFIG, NETPLAN, NETWORK_MANAGER, NETWORKD = "eni", "sysconfig", "netplan", "network-manager", "networkd"
RENDERERS = (ENI, SYSCONFIG, NETPLAN, NETWORK_MANAGER, NETWORKD)
"""By cloud-init's names, in its own order where no file sets another (DEFAULT_PRIORITY)."""
FILES: Mapping[str, str] = {
    "/etc/network/interfaces.d/*": ENI,
    "/etc/sysconfig/network-scripts/ifcfg-*": SYSCONFIG,
    "/etc/sysconfig/network/ifcfg-*": SYSCONFIG,
    "/etc/netplan/*": NETPLAN,
    "/etc/NetworkManager/system-connections/*": NETWORK_MANAGER,
    "/etc/systemd/network/*": NETWORKD,
}
"""Where each writes (cloud-init, cloudinit/distros/ and cloudinit/net/)."""
PROGRAMS = ("/sbin", "/usr/sbin", "/bin", "/usr/bin")
IFCFG_OF = (
    *("almalinux", "centos", "cloudlinux", "eurolinux", "fedora", "miraclelinux", "openeuler", "rhel", "rocky"),
    *("virtuozzo", "suse", "sles", "sle_hpc", "sle-micro", "opensuse", "opensuse-leap", "opensuse-tumbleweed"),
    *("opensuse-microos", "opencloudos", "openmandriva", "tencentos"),
)
"""ID= of distributions that cloud-init writes ifcfg for (cloudinit/net/sysconfig.py, KNOWN_DISTROS)."""
IFCFG_PLUGIN = "/usr/lib*/NetworkManager/*/libnm-settings-plugin-ifcfg-rh.so"
IFCFG_MARKS = ("/etc/sysconfig/network-scripts/network-functions", "/etc/sysconfig/config")
NETPLAN_GENERATOR = "/usr/lib/systemd/system-generators/netplan"
READERS: Mapping[str, tuple[str, ...]] = {
    ENI: ("networking.service", "ifupdown-ng.service"),
    SYSCONFIG: ("network.service", "wicked.service"),
    NETWORK_MANAGER: ("NetworkManager.service",),
    NETWORKD: ("systemd-networkd.service",),
}
"""Services that read each form; netplan has a generator instead."""


@dataclass(frozen=True)
class RendererFacts:
    """What cloud-init would write, and what would be read."""

    chosen: Optional[str] = None
    """None: none is available, or it cannot be determined."""
    read: tuple[str, ...] = ()
    """Forms that a service of the next boot reads."""


def form_of(path: str) -> Optional[str]:
    """The form of a file by its place; None: another one."""
    return next((form for pattern, form in FILES.items() if fnmatch.fnmatchcase(path, pattern)), None)


def look(host: Host, priority: Optional[Sequence[str]]) -> RendererFacts:
    """`priority` is that of cloud-init's own files; None: they set none. HostError where a file cannot be read."""
    chosen = next((form for form in priority or RENDERERS if form in AVAILABLE and AVAILABLE[form](host)), None)
    return RendererFacts(chosen, tuple(form for form in RENDERERS if _is_read(host, form)))


def _is_read(host: Host, form: str) -> bool:
    if form == NETPLAN:
        return host.info(NETPLAN_GENERATOR) is not None
    if form == SYSCONFIG and host.glob(IFCFG_PLUGIN) and _is_read(host, NETWORK_MANAGER):
        return True
    return any(systemd.unit(host, name).state is UnitState.ENABLED for name in READERS[form])


def _programs(host: Host, *names: str) -> bool:
    return all(any(host.info(f"{place}/{name}") is not None for place in PROGRAMS) for name in names)


def _eni(host: Host) -> bool:
    return _programs(host, "ifquery", "ifup", "ifdown") and host.info("/etc/network/interfaces") is not None


def _sysconfig(host: Host) -> bool:
    if os_release.distribution(host).id.lower() not in IFCFG_OF:
        return False
    scripts = _programs(host, "ifup", "ifdown") and any(host.info(path) is not None for path in IFCFG_MARKS)
    return scripts or bool(host.glob(IFCFG_PLUGIN))


def _network_manager(host: Host) -> bool:
    return _programs(host, "nmcli") and _is_read(host, NETWORK_MANAGER)


AVAILABLE: Mapping[str, Callable[[Host], bool]] = {
    ENI: _eni,
    SYSCONFIG: _sysconfig,
    NETPLAN: lambda host: _programs(host, "netplan"),
    NETWORK_MANAGER: _network_manager,
    NETWORKD: lambda host: _programs(host, "ip", "systemctl"),
}
