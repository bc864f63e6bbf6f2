"""How long the DHCP client tries.

A new VM on a busy host gets its first lease late, and a client that has given up by then leaves it without a network.
Microsoft's instructions set 300 seconds for dhclient, whose own default is 60 (dhclient.conf(5)).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Optional

from azpreflight.host import Host
from azpreflight.model import Finding, Run, Severity, Verdict

FILES = ("/etc/dhcp/dhclient.conf", "/etc/dhclient.conf")
CLIENTS = ("/sbin/dhclient", "/usr/sbin/dhclient")
ENOUGH_S = 300


@dataclass(frozen=True)
class DhcpClientFacts:
    """What dhclient is told."""

    path: Optional[str] = None
    """None: no dhclient, or no file for it."""
    timeout_s: Optional[int] = None
    """None: not set, and the default of 60 counts."""


def look(host: Host, run: Run) -> DhcpClientFacts:
    """The first file that is there, if dhclient is."""
    if all(host.info(client) is None for client in CLIENTS):
        return DhcpClientFacts()
    path = next((path for path in FILES if host.info(path) is not None), None)
    return DhcpClientFacts(path, timeout(host.text(path) or "") if path is not None else None)


def timeout(text: str) -> Optional[int]:
    """Seconds of the last `timeout` statement; None if there is none."""
    found = re.findall(r"^\s*timeout\s+(\d{1,9})\s*;", text, re.MULTILINE)
    return int(found[-1]) if found else None


def judge(facts: DhcpClientFacts, run: Run) -> Iterator[Verdict]:
    """Nobody has made the client less patient than Azure needs."""
    if facts.timeout_s is not None and facts.timeout_s < ENOUGH_S:
        yield Finding(
            Severity.WARNING,
            f"dhclient gives up after {facts.timeout_s} s ({facts.path}): a lease that comes late is not taken",
            f"Set at least {ENOUGH_S} s.",
            (rf"sed -i -E 's/^([[:space:]]*timeout)[[:space:]]+[0-9]+/\1 {ENOUGH_S}/' {facts.path}",),
        )
