"""Machines for the checks of the path to the stores: a healthy one, and a broken one for each check."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from azpreflight.host import Hop, HttpAnswer, Outcome, Phase, TcpAnswer
from azpreflight.model import Platform, Run, Stage
from azpreflight.probes.network.facts import SOMEWHERE
from azpreflight.standin.extension import HELLO, STORE_HOSTS, Extension
from tests.support.machines import egress as test_probe_egress
from tests.support.machines import network as test_probe_network
from tests.support.machines.egress import STORES, World, page, shut

RUN = Run(stage=Stage.FIRSTBOOT, platform=Platform.AZURE)
FIRST, SECOND = STORES.values()
PROHIBITED = TcpAnswer(Outcome.PROHIBITED, 0.01, "172.16.5.1", "3/13")
GATEWAY = Hop(1, Outcome.ERROR, "10.0.0.1", "11/0")
ONPREM = Hop(2, Outcome.ERROR, "10.200.0.1", "11/0")
SAYS_NO = (GATEWAY, ONPREM, Hop(3, Outcome.PROHIBITED, "172.16.5.1", "3/13"))


def world(extension: Extension = HELLO, **changes: Any) -> World:
    """The network of the egress probe's tests, with interfaces and routes."""
    made = test_probe_egress.world(extension, **changes)
    vm = test_probe_network.HEALTHY
    routes = {**vm.routes, **dict.fromkeys(STORES.values(), vm.routes[SOMEWHERE]), **made.routes}
    return replace(made, files={**vm.files, **made.files}, interface_list=vm.interface_list, routes=routes)


def hops(*seen: Hop, to: tuple[str, ...] = (FIRST, SECOND)) -> dict[tuple[str, int], tuple[Hop, ...]]:
    return {(address, 443): seen for address in to}


HEALTHY = (world(), RUN)
STALL = HttpAnswer(Outcome.TIMEOUT, Phase.TLS, 2.0)
WANTED = (*HELLO.manifests, *HELLO.packages, f"https://{STORE_HOSTS[0]}/agent/Prod_manifest.xml")


def stalling(small: HttpAnswer, first: HttpAnswer = STALL, **changes: Any) -> World:
    """Every request to a store stalls once it is connected; this is what comes of it in small segments."""
    again = {f"small {url}": small for url in WANTED}
    return world(http={**dict.fromkeys(WANTED, first), **again}, **changes)


BROKEN = {
    "path-tunnel": (world(tcp=shut(PROHIBITED, FIRST, SECOND), paths=hops(*SAYS_NO)), RUN),
    "path-large-packets": (stalling(page("PK", 206)), RUN),
}
