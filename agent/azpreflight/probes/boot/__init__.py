"""Whether a VM made from this starts, finds its disk and its network, and is seen while it does.

An image that ran under another hypervisor, or on a VM of another size, has what it needed there. What it lacks on Azure
shows only after capture: a console without a line, and 20 minutes later OSProvisioningTimedOut.
"""

from __future__ import annotations

from azpreflight.model import Probe
from azpreflight.probes.boot import console, dhcp, disk, drivers, firmware, messages, netfilter, sriov
from azpreflight.probes.boot.collect import gather
from azpreflight.probes.boot.drivers import Initramfs
from azpreflight.probes.boot.facts import BootFacts

__all__ = ["PROBE", "BootFacts", "Initramfs"]

WORST_CASE_S = 2.0 + drivers.UNPACK_TIMEOUT
"""Seconds: one file on a disk that has died, or the largest image that is read and unpacked; they are at it at once. At
first boot no image is read, and journalctl is asked instead."""

PROBE = Probe(
    name="boot",
    facts=BootFacts,
    gather=gather,
    needs=("agents",),
    checks=(
        *drivers.CHECKS,
        *disk.CHECKS,
        *console.CHECKS,
        *dhcp.CHECKS,
        *firmware.CHECKS,
        *netfilter.CHECKS,
        *sriov.CHECKS,
        *messages.CHECKS,
    ),
)
