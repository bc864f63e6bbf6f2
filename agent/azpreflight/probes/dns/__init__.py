"""Names: resolv.conf, and every server that it stands for, each asked on its own.

An extension finds its packages by name, so a virtual network whose DNS server is gone or cannot resolve public names
makes extensions fail in VMs that boot well and can be logged into. The C library hides which server is to blame: it
asks them in turn, 5 s each, and takes a wrong answer for an answer. So every server is asked on its own, over UDP and
over TCP (a rule that forgets TCP breaks long answers alone), and on Azure the platform's own server, 168.63.129.16, is
asked the same: it answers every VM, whatever DNS its network is configured to use.
"""

from __future__ import annotations

from azpreflight.model import Probe
from azpreflight.probes.dns import (
    checks_answers,
    checks_resolv_conf,
    checks_servers,
    checks_system_resolver,
    checks_tcp,
)
from azpreflight.probes.dns.collect import LIBRARY_TIMEOUT, gather
from azpreflight.probes.dns.facts import DnsFacts, addresses_of, remote_servers

__all__ = ["PROBE", "DnsFacts", "addresses_of", "gather", "remote_servers"]

WORST_CASE_S = LIBRARY_TIMEOUT
"""Seconds: all servers are asked everything at once, and glibc in the meantime."""

PROBE = Probe(
    name="dns",
    facts=DnsFacts,
    gather=gather,
    needs=("platform", "network"),
    checks=(
        *checks_resolv_conf.CHECKS,
        *checks_servers.CHECKS,
        *checks_tcp.CHECKS,
        *checks_answers.CHECKS,
        *checks_system_resolver.CHECKS,
    ),
)
