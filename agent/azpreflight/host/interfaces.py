"""What is told of network interfaces."""

from __future__ import annotations

from typing import Optional

from azpreflight.dataclass import dataclass


@dataclass(frozen=True)
class Interface:
    """A network interface as the kernel has it now."""

    name: str
    up: bool
    mac: Optional[str]
    mtu: int
    addresses: tuple[str, ...]
    """With prefix length: 10.0.0.4/24, fe80::1/64."""


@dataclass(frozen=True)
class LinkFilter:
    """Something on an interface that decides over packets outside netfilter."""

    interface: str
    direction: str
    """ingress or egress."""
    kind: str
    """XDP, "tc" and the kind of the filter: "tc bpf", "tc u32", or "qdisc" and the kind of a queue: "qdisc tbf"."""
    drops: int = 0
    """Packets that a queue has dropped; of others that is not told."""
