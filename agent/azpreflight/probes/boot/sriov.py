"""Whether NetworkManager leaves alone the second device that accelerated networking puts beside a network interface.

With accelerated networking a virtual function of the host's card stands behind each interface of a VM, and the driver
of that interface binds it by itself. A network manager that takes it for a card of its own asks for an address there
and gets none, or takes the route away, and the VM is out of reach but for its serial console. Distributions for Azure
therefore ship a rule of udev, or a few lines for NetworkManager, that say so (Microsoft Learn, "Accelerated Networking
overview"; azure-vm-utils, 10-azure-unmanaged-sriov.rules).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Optional

from azpreflight.host import Host, systemd
from azpreflight.host.systemd import UnitState
from azpreflight.model import Confidence, Finding, NotApplicable, Run, Severity, Verdict

UNIT = "NetworkManager.service"
RULES = ("/etc/udev/rules.d/*.rules", "/usr/lib/udev/rules.d/*.rules", "/lib/udev/rules.d/*.rules")
SETTINGS = (
    "/etc/NetworkManager/NetworkManager.conf",
    "/etc/NetworkManager/conf.d/*.conf",
    "/usr/lib/NetworkManager/conf.d/*.conf",
)
LIMIT = 64 * 1024
"""Bytes of one file; few have 10 KiB."""
BY_RULE = re.compile(
    r"^(?!#).*(?:hv_pci|mlx[45]|mana\b|sriov|ATTR\{flags\})(?s:.*)^(?!#).*NM_UNMANAGED|"
    r"^(?!#).*(?:hv_pci|mlx[45]|mana\b|ATTR\{flags\}).*NM_UNMANAGED",
    re.MULTILINE | re.IGNORECASE,
)
"""The device and what is made of it, on one line or, with GOTO, on several; IFF_SLAVE is one of the flags."""
BY_SETTING = re.compile(r"^\s*(?:unmanaged-devices|match-device)[+-]?=.*(?:mlx[45]|mana)", re.MULTILINE)
RULE = (
    'SUBSYSTEM=="net", ACTION!="remove", DRIVERS=="mana|mlx4_core|mlx5_core", ATTR{flags}=="0x?[89ABCDEF]??", '
    'ENV{NM_UNMANAGED}="1"'
)
"""For those with the flag 0x800, IFF_SLAVE: a card that stands alone stays managed."""
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
    for pattern, patterns in ((BY_RULE, RULES), (BY_SETTING, SETTINGS)):
        paths = (path for one in patterns for path in host.glob(one))
        told_by = next((path for path in paths if pattern.search(host.text(path, LIMIT) or "")), None)
        if told_by is not None:
            return SriovFacts(True, told_by)
    return SriovFacts(True)


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
