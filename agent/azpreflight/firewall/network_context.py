"""The guest's network as the rehearsal needs it: which interface, address and gateway each flow goes by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Optional

from azpreflight.firewall.facts import Flow
from azpreflight.firewall.static.evaluate import Surroundings
from azpreflight.host import Host, Interface, Outcome, Route

PORT_RANGE = "net/ipv4/ip_local_port_range"
"""Rules can see which ports the kernel takes for connections that it makes."""
LOOPBACK = "lo"
INVENTED = "192.0.2.4/24"
"""For a machine without any address, so that its rules can be tried all the same (RFC 5737: nobody's)."""

NO_WAY = "this machine has no address from which it could be reached"


class Scene(NamedTuple):
    """Interfaces by name, and the way to each address; addresses without a way are absent."""

    interfaces: Mapping[str, Interface]
    ways: Mapping[str, Route]
    settings: Mapping[str, str]

    def reaches(self, flow: Flow) -> bool:
        """This machine has a way, or at least an address of the same family to try from."""
        return flow.address in self.ways

    def environment(self, flow: Flow) -> Surroundings:
        """For working out from text what rules do to the flow."""
        way = self.ways[flow.address]
        return Surroundings(way.interface or "", way.source or "")

    def as_json(self, flows: Sequence[Flow], more_names: set[str], devices: set[str]) -> dict[str, Any]:
        """What the worker builds: interfaces that flows use, and empty ones for further names that rules mention."""
        ways = {flow.address: self.ways[flow.address] for flow in flows}
        used = {str(way.interface) for way in ways.values()}
        used |= {name for name, interface in self.interfaces.items() if _holds_any(interface, ways)}
        used -= {LOOPBACK}
        return {
            "interfaces": [_interface(self.interfaces[name]) for name in sorted(used) if name in self.interfaces],
            "stand_ins": sorted(more_names - used - {LOOPBACK}),
            "ingress_devices": sorted(devices & used),
            "destinations": [(address, way.interface, way.gateway, way.source) for address, way in ways.items()],
            "flows": [_flow(flow) for flow in flows],
            "settings": dict(self.settings),
        }


def scene_of(host: Host, flows: Sequence[Flow]) -> Scene:
    """The network of this machine. HostError if the kernel does not tell its interfaces or routes."""
    interfaces = _with_an_address({interface.name: interface for interface in host.interfaces()})
    addresses = dict.fromkeys(flow.address for flow in flows)
    ways = {address: _way(host, address, interfaces) for address in addresses}
    port_range = host.text(f"/proc/sys/{PORT_RANGE}")
    return Scene(
        interfaces,
        {address: way for address, way in ways.items() if way is not None},
        {PORT_RANGE: port_range.strip()} if port_range else {},
    )


def _with_an_address(interfaces: Mapping[str, Interface]) -> Mapping[str, Interface]:
    """The interfaces; where none has an IPv4 address, the first one has an invented one."""
    others = [interface for name, interface in interfaces.items() if name != LOOPBACK]
    if not others or any(":" not in address for interface in others for address in interface.addresses):
        return interfaces
    first = others[0]
    return {**interfaces, first.name: replace(first, addresses=(*first.addresses, INVENTED))}


def _way(host: Host, address: str, interfaces: Mapping[str, Interface]) -> Optional[Route]:
    """How the guest sends to the address. Where it has no way, as if by the first interface that has an address:
    whether the rules would let the flow through can be told all the same."""
    route = host.route(address)
    if route.outcome is Outcome.OK and (route.interface in interfaces or route.interface == LOOPBACK):
        return route
    for name, interface in interfaces.items():
        same_family = [held for held in interface.addresses if (":" in held) == (":" in address)]
        if name != LOOPBACK and same_family:
            return Route(Outcome.OK, name, None, same_family[0].partition("/")[0])
    return None


def _holds_any(interface: Interface, addresses: Mapping[str, Route]) -> bool:
    return any(held.partition("/")[0] in addresses for held in interface.addresses)


def _interface(interface: Interface) -> dict[str, Any]:
    return {
        "name": interface.name,
        "mac": interface.mac,
        "mtu": interface.mtu,
        "addresses": list(interface.addresses),
    }


def _flow(flow: Flow) -> dict[str, Any]:
    return {
        "protocol": flow.protocol,
        "address": flow.address,
        "port": flow.port,
        "source_port": flow.source_port,
        "uid": flow.uid,
        "caller": flow.caller,
    }
