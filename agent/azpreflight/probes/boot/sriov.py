"""Whether the network manager leaves alone the second device that accelerated networking puts beside an interface.

With accelerated networking a virtual function of the host's NIC stands behind each interface of a VM, and the driver
of that interface binds it by itself. A network manager that takes it for a NIC of its own asks for an address there
and gets none, or takes the route away, and the VM is out of reach but for its serial console. Distributions for Azure
therefore ship a rule of udev, or a few lines for NetworkManager or systemd-networkd, that say so (Microsoft Learn,
"Accelerated Networking overview"; azure-vm-utils, 10-azure-unmanaged-sriov.rules and
01-azure-unmanaged-sriov.network).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import ini_file
from azpreflight.host import Host, systemd
from azpreflight.host.systemd import UnitState
from azpreflight.model import Confidence, Finding, NotApplicable, Run, Severity, Verdict
from azpreflight.probes.boot.check import check
from azpreflight.probes.subjects import part
from azpreflight.text import plain

UNIT = "NetworkManager.service"
NETWORKD = "systemd-networkd.service"
NETWORKS = (
    *("/etc/systemd/network/*.network", "/usr/local/lib/systemd/network/*.network"),
    *("/usr/lib/systemd/network/*.network", "/lib/systemd/network/*.network"),
)
"""By precedence: of two files of one name the first counts."""
VIRTUAL = ("enP53091s1np0", "enp0s2", "eth1")
"""Names that the kernel or udev gives a virtual function on Azure."""
NETWORK_FILE = "/etc/systemd/network/01-azure-unmanaged-sriov.network"
NETWORK_TEXT = r"[Match]\nDriver=mana mlx4_en mlx5_core\n\n[Link]\nUnmanaged=yes\n"
"""As azure-vm-utils has it, for printf."""
RULES = ("/etc/udev/rules.d/*.rules", "/usr/lib/udev/rules.d/*.rules", "/lib/udev/rules.d/*.rules")
SETTINGS = (
    "/etc/NetworkManager/NetworkManager.conf",
    "/etc/NetworkManager/conf.d/*.conf",
    "/usr/lib/NetworkManager/conf.d/*.conf",
)
LIMIT = 64 * 1024
"""Bytes of one file; few have 10 KiB."""
DEVICE = re.compile(r"hv_pci|mlx[45]|\bmana\b|sriov|ATTR\{flags\}", re.IGNORECASE)
"""What a rule knows them by; IFF_SLAVE is one of the flags."""
UNMANAGED = "NM_UNMANAGED"
KEYS = ("unmanaged-devices", "match-device")
RULE = (
    'SUBSYSTEM=="net", ACTION!="remove", DRIVERS=="mana|mlx4_core|mlx5_core", ATTR{flags}=="0x?[89ABCDEF]??", '
    'ENV{NM_UNMANAGED}="1"'
)
"""For those with the flag 0x800, IFF_SLAVE: a NIC that stands alone stays managed."""
FILE = "/etc/udev/rules.d/10-azure-unmanaged-sriov.rules"


@dataclass(frozen=True)
class SriovFacts:
    """Who manages interfaces, and what it is told."""

    manager: bool = False
    """NetworkManager is started."""
    told_by: Optional[str] = None
    """The file that keeps it from virtual functions; None: none does."""
    taken_by: Optional[str] = None
    """The file by which systemd-networkd takes them, because it matches every NIC; None: it does not run, or none
    does before one that keeps it from them."""


def look(host: Host, run: Run) -> SriovFacts:
    """The unit, rules of udev, and NetworkManager's own settings."""
    taken = _taken(host) if systemd.unit(host, NETWORKD).state is UnitState.ENABLED else None
    if systemd.unit(host, UNIT).state is not UnitState.ENABLED:
        return SriovFacts(taken_by=taken)
    rules = (path for pattern in RULES for path in host.glob(pattern) if _by_rule(_lines(host, path)))
    settings = (path for pattern in SETTINGS for path in host.glob(pattern) if _by_setting(_lines(host, path)))
    return SriovFacts(True, next(rules, None) or next(settings, None), taken)


def _taken(host: Host) -> Optional[str]:
    """The first file that matches a virtual function counts, by its name in all directories (systemd.network(5))."""
    files = {path.rpartition("/")[2]: path for directory in reversed(NETWORKS) for path in host.glob(directory)}
    for name in sorted(files):
        found = tuple(ini_file.entries(host.text(files[name], LIMIT) or ""))
        match = {key: value for section, key, value in found if section == "match"}
        if ("link", "unmanaged") in {(section, key) for section, key, _ in found} and DEVICE.search(str(match)):
            return None
        if _matches_all(match):
            return files[name]
    return None


def _matches_all(match: Mapping[str, str]) -> bool:
    """By names that a virtual function has too, or by nothing but its kind, and not by what only one device has."""
    if not match or any(key not in ("name", "type") for key in match):
        return False
    names = match.get("name", "*").split()
    return any(fnmatch.fnmatchcase(device, name) for device in VIRTUAL for name in names)


def _lines(host: Host, path: str) -> list[str]:
    """Those of the file that are no comments."""
    return [line for line in (host.text(path, LIMIT) or "").splitlines() if not line.lstrip().startswith("#")]


def _by_rule(lines: list[str]) -> bool:
    """The device and what is made of it, on one line or, with GOTO, on several."""
    return any(UNMANAGED in line for line in lines) and any(DEVICE.search(line) for line in lines)


def _by_setting(lines: list[str]) -> bool:
    return any(line.lstrip().startswith(KEYS) and DEVICE.search(line) for line in lines)


def judge(facts: SriovFacts, run: Run) -> Iterator[Verdict]:
    """NetworkManager is told, systemd-networkd does not match them, or neither is there."""
    if facts.taken_by is not None:
        yield Finding(
            Severity.NOTE,
            f"{plain(facts.taken_by)} matches every NIC, virtual functions of accelerated networking too: "
            "systemd-networkd may take a VM off the network",
            "Add a file before it that leaves them unmanaged.",
            (f"printf '{NETWORK_TEXT}' > {NETWORK_FILE}",),
            confidence=Confidence.LIKELY,
            confidence_reason="only VMs with accelerated networking have such devices, and Azure Linux has such a file",
        )
    if not facts.manager and facts.taken_by is None:
        yield NotApplicable("NetworkManager is not started here, and systemd-networkd takes no NIC by its name alone")
    elif facts.manager and facts.told_by is None:
        yield Finding(
            Severity.WARNING,
            "nothing tells NetworkManager to leave virtual functions alone: with accelerated networking it may take a "
            "VM off the network",
            "Add a rule of udev that marks them as unmanaged.",
            (f"echo '{RULE}' > {FILE}",),
            confidence=Confidence.LIKELY,
            confidence_reason="a connection that is bound to eth0 by name leaves them alone as well",
        )


CHECKS = (
    check(
        "boot-sriov",
        "the network manager ignores SR-IOV virtual functions",
        part("sriov", judge),
        Severity.WARNING,
    ),
)
