"""What was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.probes.boot.console import ConsoleFacts
from azpreflight.probes.boot.dhcp import DhcpClientFacts
from azpreflight.probes.boot.disk import DiskFacts
from azpreflight.probes.boot.drivers import DriverFacts
from azpreflight.probes.boot.firmware import FirmwareFacts
from azpreflight.probes.boot.messages import MessageFacts
from azpreflight.probes.boot.netfilter import NetfilterFacts
from azpreflight.probes.boot.sriov import SriovFacts


@dataclass(frozen=True)
class BootFacts:
    """All that was found, subject by subject. None: that subject could not be inspected, and `errors` says why."""

    drivers: Optional[DriverFacts] = None
    console: Optional[ConsoleFacts] = None
    disk: Optional[DiskFacts] = None
    dhcp: Optional[DhcpClientFacts] = None
    firmware: Optional[FirmwareFacts] = None
    netfilter: Optional[NetfilterFacts] = None
    sriov: Optional[SriovFacts] = None
    messages: Optional[MessageFacts] = None
    errors: Mapping[str, str] = field(default_factory=dict)
    """Why a subject could not be inspected, by the name of its field."""
