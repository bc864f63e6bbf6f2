"""What is unusual and well: another NIC, a VPN, docker, a proxy, distance."""

from __future__ import annotations

from random import Random

from azpreflight.standin.extension import DIAGNOSTICS
from tests.netns import faults, field, field_routes, topology
from tests.netns.drawn.part import Part
from tests.netns.drawn.ways import on_edge, sum_of
from tests.netns.standin import Fault

CHANGED_BY = {
    "platform": frozenset({"egress", "tunnel", "sizes", "trust", "proxy", "routes", "rules", "names"}),
    "proxy": frozenset({"rules", "routes"}),
}
"""What another extension or a proxy makes of faults elsewhere is not their truth any more."""


def harmless(rng: Random) -> Part:
    """Unusual, and well: another NIC, a VPN, docker, a proxy, distance, other extensions, loss."""
    second = faults.on(
        "vm",
        "ip link add eth1 type veth peer name far",
        "ip address add 10.0.1.4/24 dev eth1",
        "ip link set eth1 up",
        "ip link set far up",
    )
    choices: tuple[tuple[str, str, Fault], ...] = (
        ("routes", "second NIC", second),
        (
            "routes",
            "second NIC with a worse default route",
            sum_of(second, faults.on("vm", "ip route add default via 10.0.1.1 dev eth1 metric 200")),
        ),
        ("routes", "docker's bridge", field.DOCKER),
        ("routes", "WireGuard", field.FULL_TUNNEL),
        ("routes", "second address, answered", field_routes.SECOND_ADDRESS),
        ("routes", "static with a host route", field_routes.STATIC),
        (
            "routes",
            "policy table that leads the same way",
            faults.on(
                "vm",
                f"ip route add default via {topology.GATEWAY} dev eth0 table 100",
                f"ip rule add priority 1000 from {topology.VM} lookup 100",
            ),
        ),
        (
            "routes",
            "blackhole of a private network",
            faults.on("vm", "ip route add blackhole 192.168.0.0/16", "ip route add blackhole 172.31.0.0/16"),
        ),
        ("proxy", "works", sum_of(faults.AGENT_HAS_PROXY, faults.proxy("answers"))),
        (
            "proxy",
            "works, and is the only way out",
            sum_of(faults.AGENT_HAS_PROXY, faults.proxy("answers"), faults.ONLY_BY_PROXY, faults.APT_HAS_PROXY),
        ),
        ("platform", "fast track", faults.FAST_TRACK),
        ("platform", "diagnostics", faults.HAS_DIAGNOSTICS),
        ("platform", "monitor agent", Fault(setup={"extension": field.MONITOR})),
        ("platform", "no extension", Fault(setup={"extension": None})),
        ("platform", "diagnostics by fast track", Fault(setup={"extension": DIAGNOSTICS, "fast_track": True})),
        ("egress", "50 ms a hop", faults.FAR),
        ("egress", "100 ms a hop", Fault(delay_s=0.05)),
        (
            "egress",
            "loses each 25th packet",
            on_edge("-m statistic --mode nth --every 25 --packet 7 -j DROP"),
        ),
        ("egress", "repository over TLS", Fault(files=field.SNI_FILTER.files)),
        ("egress", "no ICMP from the gateway", faults.keeps_quiet("fabric")),
        ("sizes", "edge that allows 1500 alone", on_edge("-m length --length 1501: -j DROP")),
        ("sizes", "link of 1400", faults.on("vm", "ip link set eth0 mtu 1400")),
        ("trust", "clock a minute behind", Fault(setup={"clock_s": 60.0})),
    )
    dimension, name, fault = rng.choice(choices)
    return Part(dimension, name, fault, excludes=CHANGED_BY.get(dimension, frozenset()))
