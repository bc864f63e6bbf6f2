"""The network of a VM that does not exist yet: how rules of a mounted image are rehearsed."""

from __future__ import annotations

from azpreflight.firewall.facts import Flow
from azpreflight.firewall.network_context import Scene
from azpreflight.host import Interface, Outcome, Route

INTERFACE = Interface("eth0", True, "00:0d:3a:00:00:04", 1500, ("10.0.0.4/24", "2001:db8::4/64"))
"""As Azure makes it: eth0, the fourth address of the subnet (the first three are the platform's), and a hardware
address of Microsoft's."""
GATEWAYS = {4: "10.0.0.1", 6: "fe80::1"}
SOURCES = {4: "10.0.0.4", 6: "2001:db8::4"}


def scene_of_image(flows: tuple[Flow, ...]) -> Scene:
    """One interface, by which everything goes."""
    versions = {flow.address: 6 if ":" in flow.address else 4 for flow in flows}
    ways = {
        address: Route(Outcome.OK, INTERFACE.name, GATEWAYS[version], SOURCES[version])
        for address, version in versions.items()
    }
    return Scene({INTERFACE.name: INTERFACE}, ways, {})
