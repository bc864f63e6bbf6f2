"""Where this machine's programs are told to use a proxy, and whether the platform's own addresses are left out.

The agent fetches packages by the proxy of its configuration or its environment, and asks the platform straight
(WALinuxAgent, common/utils/restutil.py). Other programs are not as careful: whatever honours http_proxy sends what is
meant for 168.63.129.16 and 169.254.169.254 to the proxy too, where these addresses are somebody else's or nobody's.
cloud-init is such a program, and so are most extensions, which inherit the agent's environment. Files are read
here, and on a running system the environment that the agent has; whether its proxy works is seen where packages are
fetched, by the egress probe.
"""

from __future__ import annotations

from azpreflight.model import Probe
from azpreflight.probes.proxy import checks
from azpreflight.probes.proxy.collect import gather
from azpreflight.probes.proxy.facts import ProxyFacts, ProxySetting, Reader

__all__ = ["PROBE", "ProxyFacts", "ProxySetting", "Reader", "gather"]

WORST_CASE_S = 2.0
"""Seconds: files answer at once, unless a mount hangs, which costs the host's deadline for one call."""

PROBE = Probe(
    name="proxy",
    facts=ProxyFacts,
    gather=gather,
    needs=("agents",),
    checks=(*checks.CHECKS,),
)
