"""Interfaces, addresses and the default route.

An Azure VM gets its address and all its routes by DHCP: the default route (option 3) and one each for the platform's
own addresses (option 121), from the virtual network's gateway, which always answers. So where they are missing the
image is nearly always to blame: no DHCP client that starts, an interface that is called otherwise than the
configuration says, or a configuration pinned to the MAC address of the build VM. The address is always an IPv4
address; IPv6 only ever comes beside it (Microsoft Learn, "IPv6 for Azure Virtual Network").
"""

from __future__ import annotations

from azpreflight.model import Probe
from azpreflight.probes.network import checks
from azpreflight.probes.network.collect import gather
from azpreflight.probes.network.facts import NetworkFacts

WORST_CASE_S = 0.5
"""Seconds: the kernel's own answers; the host's deadline for one of them."""

PROBE = Probe(
    name="network",
    facts=NetworkFacts,
    gather=gather,
    checks=checks.CHECKS,
)
