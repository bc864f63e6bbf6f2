"""The wiring: who is connected to whom, with which addresses, and where everybody sends what.

    vm --- fabric --- edge --- internet
              |
            onprem --- appliance

* `vm`: eth0 10.0.0.4/24; a default route and the two host routes to the platform, as Azure's DHCP gives them
  (options 3 and 121).
* `fabric`: the virtual network's gateway 10.0.0.1, and the owner of 168.63.129.16 and 169.254.169.254. Like Azure's
  system routes it silently drops what is sent to private addresses outside the virtual network (Microsoft Learn,
  "Virtual network traffic routing").
* `edge`: the way out to the internet. `internet`: package stores and other public addresses.
* `onprem`: the far end 10.200.0.1 of a VPN, and behind it `appliance`, a firewall at 172.16.5.1 from which nothing
  reaches the internet. Nothing goes there unless a scenario turns the fabric's default route that way.

Real public addresses are used so that the agent runs unchanged; no namespace has a link to the machine's own network,
so no packet can leave.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from azpreflight.standin.addresses import GATEWAY, IMDS, PUBLIC, STORE, VM, WIRE_SERVER
from tests.netns import namespaces

EDGE = "104.44.1.2"
ONPREM = "10.200.0.1"
APPLIANCE = "172.16.5.1"
VM_IPV6 = "fd00:a::4"
GATEWAY_IPV6 = "fd00:a::1"

ROLES = ("vm", "fabric", "edge", "internet", "onprem", "appliance")
RELAY = "relay"
"""The namespace through which all cables go where the wire takes its time."""
ROUTERS = ("fabric", "edge", "onprem", "appliance")


@dataclass(frozen=True)
class Link:
    """A cable between two namespaces: role, interface and address with prefix length of either end."""

    left: tuple[str, str, str]
    right: tuple[str, str, str]


LINKS = (
    Link(("vm", "eth0", f"{VM}/24"), ("fabric", "vnet", f"{GATEWAY}/24")),
    Link(("fabric", "wan", "104.44.1.1/30"), ("edge", "lan", f"{EDGE}/30")),
    Link(("edge", "wan", "104.44.2.1/30"), ("internet", "lan", "104.44.2.2/30")),
    Link(("fabric", "vpn", "10.200.0.2/30"), ("onprem", "vpn", f"{ONPREM}/30")),
    Link(("onprem", "lan", "172.16.5.2/30"), ("appliance", "lan", f"{APPLIANCE}/30")),
)
OWNED = {"fabric": (WIRE_SERVER, IMDS), "internet": (STORE, PUBLIC)}
"""Further addresses by role, on the loopback interface."""
ROUTES = {
    "vm": (
        f"default via {GATEWAY} dev eth0 proto dhcp src {VM} metric 100",
        f"{WIRE_SERVER} via {GATEWAY} dev eth0 proto dhcp src {VM} metric 100",
        f"{IMDS} via {GATEWAY} dev eth0 proto dhcp src {VM} metric 100",
    ),
    "fabric": (
        f"default via {EDGE}",
        "blackhole 10.0.0.0/8",
        "blackhole 172.16.0.0/12",
        "blackhole 192.168.0.0/16",
        "blackhole 100.64.0.0/10",
    ),
    "edge": ("default via 104.44.2.2", "10.0.0.0/24 via 104.44.1.1"),
    "internet": ("10.0.0.0/24 via 104.44.2.1", "104.44.1.0/30 via 104.44.2.1"),
    "onprem": (f"default via {APPLIANCE}", "10.0.0.0/24 via 10.200.0.2"),
    "appliance": ("10.0.0.0/24 via 172.16.5.2", "10.200.0.0/30 via 172.16.5.2", "blackhole default"),
}


def build(names: dict[str, str], ipv6: bool, vnet_addresses: Iterable[str] = ()) -> None:
    """Make the namespaces of `names` (by role) and wire them, every cable through the relay if it is among them.

    `vnet_addresses` are further hosts in the virtual network; the fabric answers for them.
    """
    namespaces.create(names.values())
    for role, name in names.items():
        namespaces.sysctls(name, _settings(role, ipv6))
    namespaces.ip_batch([line for number, link in enumerate(LINKS) for line in _plug(link, names, number)])
    if RELAY in names:
        ends = [end for pair in relayed() for end in pair]
        namespaces.ip_batch([f"link set {end} up" for end in ends], names[RELAY])
    for role, name in names.items():
        if role == RELAY:
            continue
        namespaces.ip_batch(_configure(role, ipv6, tuple(vnet_addresses)), name)


def _settings(role: str, ipv6: bool) -> dict[str, object]:
    """Routers forward and answer every packet that dies there: the kernel's limit would hide hops from a quick scan."""
    settings: dict[str, object] = {
        "ipv6/conf/all/disable_ipv6": int(not ipv6),
        "ipv6/conf/default/disable_ipv6": int(not ipv6),
        "ipv6/conf/default/accept_dad": 0,
    }
    if role in ROUTERS:
        settings.update({"ipv4/ip_forward": 1, "ipv4/icmp_ratelimit": 0, "ipv6/conf/all/forwarding": 1})
    return settings


def relayed() -> list[tuple[str, str]]:
    """The relay's two interfaces for each cable."""
    return [(f"a{number}", f"b{number}") for number in range(len(LINKS))]


def _plug(link: Link, names: dict[str, str], number: int) -> list[str]:
    left, right = ((interface, names[role]) for role, interface, _ in (link.left, link.right))
    if RELAY not in names:
        return [_cable(left, right)]
    one, other = ((end, names[RELAY]) for end in relayed()[number])
    return [_cable(left, one), _cable(other, right)]


def _cable(left: tuple[str, str], right: tuple[str, str]) -> str:
    """Between two interfaces, each with its namespace."""
    return f"link add {left[0]} netns {left[1]} type veth peer name {right[0]} netns {right[1]}"


def _configure(role: str, ipv6: bool, vnet_addresses: tuple[str, ...]) -> list[str]:
    """Addresses, then links up, then routes. Single-segment packets: a path MTU is not hidden by super-packets."""
    ends = [end for link in LINKS for end in (link.left, link.right) if end[0] == role]
    lines = ["link set lo up"]
    for _, interface, address in ends:
        lines += [f"address add {address} dev {interface}", f"link set {interface} gso_max_segs 1 up"]
    lines += [f"address add {address}/32 dev lo" for address in OWNED.get(role, ())]
    if role == "fabric":
        lines += [f"address add {address}/32 dev vnet" for address in vnet_addresses]
    lines += [f"route add {route}" for route in ROUTES[role]]
    return lines + (_configure_ipv6(role) if ipv6 else [])


def _configure_ipv6(role: str) -> list[str]:
    """A dual-stack virtual network without a way out over IPv6, which is what one gets without a public address."""
    if role == "vm":
        return [f"address add {VM_IPV6}/64 dev eth0 nodad", f"route add default via {GATEWAY_IPV6} dev eth0"]
    return [f"address add {GATEWAY_IPV6}/64 dev vnet nodad"] if role == "fabric" else []
