"""Machines for the checks of the network: a healthy one, and a broken one for each check."""

from __future__ import annotations

from dataclasses import replace

from azpreflight.azure.addresses import IMDS, WIRE_SERVER
from azpreflight.host import Interface, Outcome, Route
from azpreflight.model import Platform, Run, Stage
from azpreflight.probes.network.facts import SOMEWHERE
from tests.support.fakes import FakeHost
from tests.support.machines.platform import HTTP

RUN = Run(stage=Stage.FIRSTBOOT, platform=Platform.AZURE)
LO = Interface("lo", True, None, 65536, ("127.0.0.1/8", "::1/128"))
ETH0 = Interface("eth0", True, "00:0d:3a:12:34:56", 1500, ("10.0.0.4/24", "fe80::20d:3aff:fe12:3456/64"))
ROUTES_HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
DEFAULT = "eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
HOST_ROUTES = (
    "eth0\t10813FA8\t0100000A\t0007\t0\t0\t100\tFFFFFFFF\t0\t0\t0\n"
    "eth0\tFEA9FEA9\t0100000A\t0007\t0\t0\t100\tFFFFFFFF\t0\t0\t0\n"
)
NO_IPV6_ROUTE = f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 00000001 00000000 00200200       lo\n"
BY_GATEWAY = Route(Outcome.OK, "eth0", "10.0.0.1", "10.0.0.4")

HEALTHY = FakeHost(
    files={
        "/proc/net/route": ROUTES_HEAD + DEFAULT + HOST_ROUTES,
        "/proc/net/ipv6_route": NO_IPV6_ROUTE,
        "/etc/resolv.conf": "nameserver 127.0.0.53\n",
        "/run/systemd/resolve/resolv.conf": "nameserver 168.63.129.16\n",
        "/run/systemd/netif/state": "OPER_STATE=routable\n",
    },
    interface_list=(LO, ETH0),
    routes={
        SOMEWHERE: replace(BY_GATEWAY, prefix="0.0.0.0/0", origin="dhcp"),
        WIRE_SERVER: replace(BY_GATEWAY, prefix="168.63.129.16/32"),
        IMDS: replace(BY_GATEWAY, prefix="169.254.169.254/32"),
        "10.0.0.5": replace(BY_GATEWAY, gateway=None),
    },
)
LEASE = "lease {\n  fixed-address 10.0.0.4;\n  option unknown-245 a8:3f:81:10;\n}\n"
OTHER_LEASE = LEASE.replace("a8:3f:81:10", "a:9:9:9")
BROKEN = {
    "network-wire-server": replace(
        HEALTHY, files={**HEALTHY.files, "/var/lib/dhcp/dhclient.leases": OTHER_LEASE}, http=HTTP
    ),
    "network-address": replace(HEALTHY, interface_list=(LO, replace(ETH0, addresses=("fe80::20d:3aff:fe12:3456/64",)))),
    "network-default-route": replace(
        HEALTHY,
        files={**HEALTHY.files, "/proc/net/route": ROUTES_HEAD + HOST_ROUTES},
        routes={key: route for key, route in HEALTHY.routes.items() if key != SOMEWHERE},
    ),
}
