"""DHCP leases of the build VM.

A client that finds an unexpired lease asks for its old address first, and waagent takes the wire server's address from
a lease's option 245. Both cost a new VM some seconds at worst. dhclient leaves an empty stub behind at shutdown, so a
lease file counts only with a lease in it (WALinuxAgent, azurelinuxagent/pa/deprovision/default.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.dataclass import dataclass
from azpreflight.guest.limits import KEPT, SMALL
from azpreflight.host import Host, HostError
from azpreflight.model import Run, Severity, Verdict
from azpreflight.probes.generalization.check import NOTE, check
from azpreflight.probes.generalization.leftover import filled, leftover, matching
from azpreflight.probes.subjects import part
from azpreflight.text import count, files, several

DEPROVISIONED = (
    "/var/lib/dhclient/*",
    "/var/lib/dhcpcd/*",
    "/var/lib/dhcp/*",
    "/var/lib/NetworkManager/dhclient-*.lease",
    "/var/db/dhclient.leases.*",
)
"""What waagent deletes."""
KEPT_LEASES = (
    "/var/lib/NetworkManager/internal-*.lease",
    "/var/lib/wicked/lease-*.xml",
    "/var/lib/dhcpcd5/*.lease",
    "/var/lib/systemd/network/*",
)
"""What it leaves: NetworkManager's own client, wicked, Debian's dhcpcd5, networkd."""


@dataclass(frozen=True)
class LeaseFacts:
    """Files with a lease in them."""

    deprovisioned: tuple[str, ...] = ()
    """Those that waagent would delete."""
    kept: tuple[str, ...] = ()


def look(host: Host, run: Run) -> LeaseFacts:
    """Files only, and of dhclient's only those that really hold a lease."""
    ours = filled(host, matching(host, DEPROVISIONED)[:KEPT])
    return LeaseFacts(
        deprovisioned=tuple(path for path in ours if _has_lease(host, path)),
        kept=filled(host, matching(host, KEPT_LEASES)[:KEPT]),
    )


def _has_lease(host: Host, path: str) -> bool:
    """dhclient's text has `lease {`; dhcpcd's files are binary and hold a lease if they hold anything."""
    if not path.rpartition("/")[2].startswith("dhclient"):
        return True
    try:
        return "lease {" in (host.tail(path, SMALL) or "")
    except HostError:
        return True


def judge(facts: LeaseFacts, run: Run) -> Iterator[Verdict]:
    """No lease of this machine goes into the image."""
    for paths, cleaned in ((facts.deprovisioned, True), (facts.kept, False)):
        if paths:
            yield leftover(
                run,
                Severity.NOTE,
                f"{count(len(paths), 'DHCP lease file')} of this machine: {several(paths)}",
                "Delete the leases.",
                (f"rm -f {files(paths)}",),
                cleaned=cleaned,
            )


CHECKS = (check("gen-dhcp-leases", "no DHCP lease is left", part("leases", judge), NOTE),)
