"""Machines with rules saved for the next boot, of every kind of service, and the process that rehearses that boot.

What is measured is the program of the last lines, started in the machine. It imports nothing of the tests, so that its
time and memory are those of azpreflight's own code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Callable, NamedTuple, Optional

WIRE_SERVER = "168.63.129.16"
RULES4, NFTABLES = "/etc/iptables/rules.v4", "/etc/nftables.conf"
WANTS, WANTED = "/etc/systemd/system/multi-user.target.wants", "/etc/systemd/system/sysinit.target.wants"
NO_FIREWALLD, NO_PERSISTENT = f"rm {WANTS}/firewalld.service", f"rm {WANTS}/netfilter-persistent.service"
WITH_NFTABLES = f"mkdir -p {WANTED}; ln -s /lib/systemd/system/nftables.service {WANTED}/"
UFW = f"ufw deny out to {WIRE_SERVER}; sed -i s/^ENABLED=.*/ENABLED=yes/ /etc/ufw/ufw.conf"
POLICY = """<?xml version="1.0" encoding="utf-8"?>
<policy target="REJECT">
  <ingress-zone name="HOST"/>
  <egress-zone name="ANY"/>
  <service name="dns"/>
</policy>"""
FEW, MANY = 30, 10_000
RESTORE, LOAD = f"iptables-restore {RULES4}", f"nft -f {NFTABLES}"


class Saved(NamedTuple):
    """What a machine has saved."""

    packages: tuple[str, ...]
    script: str
    """Enables what is meant, and nothing else."""
    files: Mapping[str, str]
    """Kinds of rules (see `firewall.ruleset`), or the text itself, by path."""
    loader: Optional[str]
    """What boot would run, to compare with; None for a daemon, which never ends. ufw's complains where there is no
    sysctl, and goes on."""
    sizes: tuple[int, ...] = (FEW,)
    number: Optional[int] = None
    """Of the rule that is to be named; None for the last one of many."""

    def written(self, size: int, ruleset: Callable[[str, int], str]) -> dict[str, str]:
        """Its files, with so many rules."""
        kinds = ("iptables-nft", "nft")
        return {path: ruleset(text, size) if text in kinds else text for path, text in self.files.items()}


PERSISTENT = ("firewalld", "ipset-persistent", "iptables-persistent", "nftables")
SAVED: Mapping[str, Saved] = {
    "netfilter-persist.": Saved(PERSISTENT, NO_FIREWALLD, {RULES4: "iptables-nft"}, RESTORE, (FEW, MANY)),
    "nftables.service": Saved(
        PERSISTENT, f"{NO_FIREWALLD}; {NO_PERSISTENT}; {WITH_NFTABLES}", {NFTABLES: "nft"}, LOAD, (FEW, MANY)
    ),
    "both, both orders": Saved(
        PERSISTENT,
        f"{NO_FIREWALLD}; {WITH_NFTABLES}",
        {RULES4: "iptables-nft", NFTABLES: "nft"},
        f"{RESTORE}; {LOAD}; nft flush ruleset; {LOAD}; {RESTORE}",
    ),
    "ufw": Saved(("iptables", "nftables", "ufw"), UFW, {}, "/lib/ufw/ufw-init start quiet 2>/dev/null", number=1),
    "firewalld": Saved(PERSISTENT, NO_PERSISTENT, {"/etc/firewalld/policies/guard.xml": POLICY}, None, number=6),
}
"""By the service; those of Debian's packages, with rules that they have written themselves where they do that."""


def main() -> None:
    """Look once, as a run does that has nothing else to do; the orders, and each one's first flow, go out as JSON."""
    from azpreflight.host import LocalHost
    from azpreflight.model import Run
    from azpreflight.probes import firewall_boot

    facts = firewall_boot.gather(LocalHost(), Run())
    errors = [*facts.unread, *(error for boot in facts.boots if (error := boot.rehearsal.error))]
    errors += [error for boot in facts.boots for error in boot.rehearsal.load_errors]
    first = [boot.flows[0] for boot in facts.boots]
    decided = [(found.outcome.value, found.decider.number if found.decider else None) for found in first]
    print(json.dumps({"errors": errors, "flows": decided}))
