"""Whether NetworkManager leaves alone the second device that accelerated networking puts beside a network interface.

With accelerated networking a virtual function of the host's NIC stands behind each interface of a VM, and the driver
of that interface binds it by itself. A network manager that takes it for a NIC of its own asks for an address there
and gets none, or takes the route away, and the VM is out of reach but for its serial console. Distributions for Azure
therefore ship a rule of udev, or a few lines for NetworkManager, that say so (Microsoft Learn, "Accelerated Networking
overview"; azure-vm-utils, 10-azure-unmanaged-sriov.rules).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Optional

from azpreflight.host import Host, systemd
from azpreflight.host.systemd import UnitState
from azpreflight.model import Confidence, Finding, NotApplicable, Run, Severity, Verdict
from azpreflight.probes.boot.check import check
from azpreflight.probes.subjects import part

UNIT = "NetworkManager.service"
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


def look(host: Host, run: Run) -> SriovFacts:
    """The unit, rules of udev, and NetworkManager's own settings."""
    if systemd.unit(host, UNIT).state is not UnitState.ENABLED:
        return SriovFacts()
    rules = (path for pattern in RULES for path in host.glob(pattern) if _by_rule(_lines(host, path)))
    settings = (path for pattern in SETTINGS for path in host.glob(pattern) if _by_setting(_lines(host, path)))
    return SriovFacts(True, next(rules, None) or next(settings, None))


def _lines(host: Host, path: str) -> list[str]:
    """Those of the file that are no comments."""
    return [line for line in (host.text(path, LIMIT) or "").splitlines() if not line.lstrip().startswith("#")]


def _by_rule(lines: list[str]) -> bool:
    """The device and what is made of it, on one line or, with GOTO, on several."""
    return any(UNMANAGED in line for line in lines) and any(DEVICE.search(line) for line in lines)


def _by_setting(lines: list[str]) -> bool:
    return any(line.lstrip().startswith(KEYS) and DEVICE.search(line) for line in lines)


def judge(facts: SriovFacts, run: Run) -> Iterator[Verdict]:
    """NetworkManager is told, or is not there."""
    if not facts.manager:
        yield NotApplicable("NetworkManager is not started here")
    elif facts.told_by is None:
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
        "NetworkManager ignores SR-IOV virtual functions",
        part("sriov", judge),
        Severity.WARNING,
    ),
)
