"""The routing policy of this network namespace: rules, tables and links, in three dumps over netlink (rtnetlink(7)).

/proc/net/route shows the main table alone, and a look-up for one address does not report which rule led to its answer,
nor which route rejects it. A VPN client, a container engine or the policy of a second NIC decides by just these. Only
IPv4 is collected, because the platform's own addresses have no other.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from typing import Optional

from azpreflight.host.api import HostError
from azpreflight.host.link_filters import attributes, dump
from azpreflight.host.tables import NamedLink, Routing, RoutingRule, TableRoute

MAX_ROUTES = 4000
"""Routes that are kept: a node of a cluster has some hundreds, and a router with the whole internet a million."""

_LINK = struct.Struct("=BxHiII")  # ifinfomsg: family, type, index, flags, change
_ROUTE = struct.Struct(
    "=BBBBBBBBI"
)  # rtmsg, and fib_rule_hdr: family, dst_len, src_len, tos, table, -, -, action, flags
_RTM_GETLINK, _RTM_GETROUTE, _RTM_GETRULE = 18, 26, 34
_IFLA_IFNAME, _IFLA_MASTER, _IFLA_LINKINFO, _INFO_KIND = 3, 10, 18, 1
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_PREFSRC, _RTA_TABLE, _RTA_VIA = 1, 4, 5, 6, 7, 15, 18
_FRA_DST, _FRA_SRC, _FRA_IIF, _FRA_GOTO, _FRA_PRIORITY, _FRA_MARK, _FRA_SUPPRESS = 1, 2, 3, 4, 6, 10, 14
_FRA_TABLE, _FRA_MASK, _FRA_OIF, _FRA_L3MDEV, _FRA_UIDS, _FRA_PROTOCOL, _FRA_SPORT, _FRA_DPORT = (
    *(15, 16, 17, 19, 20),
    *(22, 23, 24),
)
_INVERT = 0x2
_LOCAL_TABLE = 255
_KINDS = {1: "unicast", 2: "local", 6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw"}
_ACTIONS = {1: "lookup", 2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}


def routing(timeout: float) -> Routing:
    """Rules, routes and links. HostError if the kernel cannot be asked."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
            kernel.settimeout(timeout)
            kernel.bind((0, 0))
            found = list(dump(kernel, _RTM_GETLINK, _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)))
            names = {_LINK.unpack_from(link)[2]: _name(attributes(link[_LINK.size :])) for link in found}
            ask = _ROUTE.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)
            rules = [rule_of(body) for body in dump(kernel, _RTM_GETRULE, ask)]
            routes = [_route(body, names) for body in dump(kernel, _RTM_GETROUTE, ask)]
    except (OSError, struct.error, ValueError) as error:
        raise HostError(f"cannot ask the kernel for its routing tables: {error}") from None
    kept = [route for route in routes if route is not None]
    return Routing(
        tuple(sorted(rules, key=lambda rule: rule.priority)),
        tuple(kept[:MAX_ROUTES]),
        tuple(_link(link, names) for link in found),
        len(kept) <= MAX_ROUTES,
    )


def _name(found: dict[int, bytes]) -> str:
    return _text(found.get(_IFLA_IFNAME, b""))


def _link(body: bytes, names: dict[int, str]) -> NamedLink:
    found = attributes(body[_LINK.size :])
    kind = _text(attributes(found.get(_IFLA_LINKINFO, b"")).get(_INFO_KIND, b""))
    return NamedLink(_name(found), kind or None, names.get(_number(found, _IFLA_MASTER)))


def rule_of(body: bytes) -> RoutingRule:
    """The rule in the body of an RTM_NEWRULE message."""
    _, to_length, from_length, tos, table, _, _, action, flags = _ROUTE.unpack_from(body)
    found = attributes(body[_ROUTE.size :])
    users = found.get(_FRA_UIDS)
    return RoutingRule(
        priority=_number(found, _FRA_PRIORITY),
        action=_ACTIONS.get(action, "nop"),
        table=_number(found, _FRA_TABLE) or table,
        source=_prefix(found.get(_FRA_SRC), from_length),
        destination=_prefix(found.get(_FRA_DST), to_length),
        mark=_number(found, _FRA_MARK),
        mask=_number(found, _FRA_MASK),
        inward=_text(found.get(_FRA_IIF, b"")) or None,
        outward=_text(found.get(_FRA_OIF, b"")) or None,
        users=struct.unpack("=II", users) if users is not None else None,
        narrowed=bool(tos or {_FRA_PROTOCOL, _FRA_SPORT, _FRA_DPORT} & set(found) or any(found.get(_FRA_L3MDEV, b""))),
        inverted=bool(flags & _INVERT),
        shortest=struct.unpack("=i", found[_FRA_SUPPRESS])[0] if _FRA_SUPPRESS in found else -1,
        target=_number(found, _FRA_GOTO),
    )


def _route(body: bytes, names: dict[int, str]) -> Optional[TableRoute]:
    """None for what the kernel keeps for itself: local, broadcast and multicast addresses."""
    _, length, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(body)
    found = attributes(body[_ROUTE.size :])
    table = _number(found, _RTA_TABLE) or table
    if table == _LOCAL_TABLE or kind not in _KINDS:
        return None
    return TableRoute(
        table=table,
        prefix=_prefix(found.get(_RTA_DST, bytes(4)), length) or "0.0.0.0/0",
        kind=_KINDS[kind],
        interface=names.get(_number(found, _RTA_OIF)),
        gateway=_address(found.get(_RTA_GATEWAY) or found.get(_RTA_VIA, b"")[2:]),
        source=_address(found.get(_RTA_PREFSRC, b"")),
        metric=_number(found, _RTA_PRIORITY),
    )


def _number(found: dict[int, bytes], kind: int) -> int:
    return int.from_bytes(found.get(kind, b""), sys.byteorder)


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode("utf-8", "replace")


def _address(packed: bytes) -> Optional[str]:
    return str(ipaddress.ip_address(packed)) if packed else None


def _prefix(packed: Optional[bytes], length: int) -> Optional[str]:
    return None if packed is None else f"{ipaddress.ip_address(packed)}/{length}"
