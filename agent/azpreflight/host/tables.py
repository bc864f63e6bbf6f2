"""What is told of the routing policy: rules, routes of all tables, and what kind of interfaces they lead to."""

from __future__ import annotations

from typing import Optional

from azpreflight.dataclass import dataclass

MAIN = 254
"""RT_TABLE_MAIN of <linux/rtnetlink.h>: the table that `ip route` shows."""


@dataclass(frozen=True)
class RoutingRule:
    """A rule of `ip rule`: which packets it speaks of, and what becomes of them."""

    priority: int
    action: str
    """lookup, goto, nop, blackhole, unreachable or prohibit."""
    table: int
    """The table that is asked; 0 where none is."""
    source: Optional[str] = None
    """Prefix that the source address must be in; None: any."""
    destination: Optional[str] = None
    mark: int = 0
    mask: int = 0
    """0: the rule asks for no mark."""
    inward: Optional[str] = None
    """Interface that the packet must come from; "lo" for this machine's own packets."""
    outward: Optional[str] = None
    """Interface that a socket must be bound to."""
    users: Optional[tuple[int, int]] = None
    """First and last user whose packets are meant."""
    narrowed: bool = False
    """It asks for a protocol, a port or a VRF, which is not told here."""
    inverted: bool = False
    shortest: int = -1
    """Routes with a prefix no longer than this are passed over; -1: none."""
    target: int = 0
    """Priority that `goto` leads to."""


@dataclass(frozen=True)
class TableRoute:
    """One IPv4 route of one table."""

    table: int
    prefix: str
    kind: str
    """unicast, blackhole, unreachable, prohibit or throw."""
    interface: Optional[str] = None
    gateway: Optional[str] = None
    source: Optional[str] = None
    """The address that packets leave with, where the route names one."""
    metric: int = 0


@dataclass(frozen=True)
class NamedLink:
    """What kind of interface one is."""

    name: str
    kind: Optional[str] = None
    """As the kernel calls it: bridge, veth, tun, wireguard, vlan; None for a NIC."""
    master: Optional[str] = None
    """The bridge or bond that it belongs to."""


@dataclass(frozen=True)
class Routing:
    """How this machine routes."""

    rules: tuple[RoutingRule, ...] = ()
    """By priority."""
    routes: tuple[TableRoute, ...] = ()
    """Of all tables but the kernel's own for local addresses."""
    links: tuple[NamedLink, ...] = ()
    complete: bool = True
    """False where there are more routes than are kept."""
