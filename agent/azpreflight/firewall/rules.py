"""Rules as text, by table and chain, whichever of the two kernels' filters they are in.

A rule is kept as the line that its tool printed: that is what a user recognises, and only the kernel knows for certain
what it means.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.firewall.facts import Backend

MANY = 10_000
"""Rules that are many: what takes longer with each rule is not done for more."""


@dataclass(frozen=True)
class Chain:
    """One chain in the order of its rules."""

    name: str
    policy: Optional[str] = None
    """ACCEPT or DROP; None for a chain that is only jumped to."""
    lines: tuple[str, ...] = ()
    """As printed: iptables-save "[3:180] -A OUTPUT ...", nft "tcp dport 80 drop # handle 4"."""
    devices: tuple[str, ...] = ()
    """The interfaces of a netdev chain."""
    hook: Optional[str] = None
    """Where the kernel calls it (output, input, ...), as nft prints it; None for one of iptables, or only jumped to."""


@dataclass(frozen=True)
class Table:
    """One table with its chains by name."""

    backend: Backend
    family: str
    name: str
    iptables: bool
    """Printed by iptables-save, and not by nft."""
    chains: Mapping[str, Chain] = field(default_factory=dict)
    text: str = ""
    """The whole table as printed."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Backend, family and name."""
        return self.backend.value, self.family, self.name

    @property
    def matters(self) -> bool:
        """False if it lets everything through: no rule, and no policy but ACCEPT."""
        return any(chain.lines or chain.policy not in (None, "ACCEPT") for chain in self.chains.values())


def too_many(tables: Iterable[Table]) -> bool:
    """So many rules that their text cannot be asked in the time of a run."""
    return sum(1 for _ in rules_of(tables)) > MANY


def rules_of(tables: Iterable[Table]) -> Iterator[str]:
    """Every rule of these tables."""
    for table in tables:
        for chain in table.chains.values():
            yield from chain.lines
