"""Collecting the facts."""

from __future__ import annotations

from azpreflight.host import Host
from azpreflight.model import Run
from azpreflight.probes import subjects
from azpreflight.probes.boot import console, dhcp, disk, drivers, firmware, messages, netfilter, sriov
from azpreflight.probes.boot.facts import BootFacts

LOOKS: subjects.Looks = {
    "drivers": drivers.look,
    "console": console.look,
    "disk": disk.look,
    "dhcp": dhcp.look,
    "firmware": firmware.look,
    "netfilter": netfilter.look,
    "sriov": sriov.look,
    "messages": messages.look,
}


def gather(host: Host, run: Run) -> BootFacts:
    """Every subject on its own."""
    return subjects.inspect(host, run, LOOKS, BootFacts)
