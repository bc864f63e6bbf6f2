"""A scene for very many rules."""

from __future__ import annotations

from azpreflight.firewall.facts import Flow, Purpose
from azpreflight.firewall.network_context import Scene
from azpreflight.host import Interface, Outcome, Route

WIRE = "168.63.129.16"
FLOW = Flow("tcp", WIRE, 80, Purpose.WIRE_SERVER)
SCENE = Scene(
    {"eth0": Interface("eth0", True, "00:0d:3a:aa:bb:cc", 1500, ("10.0.0.4/24",))},
    {WIRE: Route(Outcome.OK, "eth0", "10.0.0.1", "10.0.0.4")},
    {},
)
