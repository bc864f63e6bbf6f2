"""The stand-in's servers, in the two namespaces of a rehearsal."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from azpreflight import package
from azpreflight.model import codec
from azpreflight.rehearse.facts import Network
from azpreflight.rehearse.machine import TAP
from azpreflight.rehearse.worker import wiring
from azpreflight.rehearse.worker.child import Child
from azpreflight.rehearse.worker.errors import RehearsalError
from azpreflight.standin import addresses
from azpreflight.standin.config import TIME_SOURCE, Config, Listener, Offer, Setup, internet, platform
from azpreflight.standin.identity import Identity

READY_TIMEOUT = 20.0
"""Seconds until a server process has opened its ports; it takes a quarter of one."""
SERVERS = "azpreflight.standin.servers.__main__"


@contextlib.contextmanager
def world(network: Network, identity: Identity, folder: Path, certificate: str) -> Iterator[None]:
    """The network wired and everybody in it listening; requests are logged in the folder."""
    with contextlib.ExitStack() as stack:
        holder = stack.enter_context(_namespace())
        wiring.apply(wiring.vnet(network, holder))
        stack.callback(wiring.apply, wiring.unmade(network))
        wiring.apply(wiring.internet(), holder)
        wiring.forward()
        for name, config, place in (
            ("fabric", fabric(network, identity), 0),
            ("internet", outside(certificate), holder),
        ):
            log = str(folder / f"{name}.requests")
            stack.enter_context(_serving(replace(config, log=log), place))
        yield


def fabric(network: Network, identity: Identity) -> Config:
    """Who listens in the virtual network: the platform, and a proxy where there is one."""
    dns = Listener("dns", addresses.WIRE_SERVER, addresses.DNS)
    leases = Listener("dhcp", addresses.WIRE_SERVER, addresses.DHCP)
    more = [Listener("dhcpv6", "::", addresses.DHCPV6)] if network is Network.IPV6 else []
    more += [Listener("proxy", addresses.PROXY, addresses.PROXY_PORT)] if network is Network.PROXY else []
    offered = (wiring.DEAD_DNS,) if network is Network.DNS_DEAD else (addresses.WIRE_SERVER,)
    return Config(
        (*platform({}), dns, leases, *more),
        setup=Setup(identity=identity),
        offer=Offer(TAP, dns=offered),
    )


def outside(certificate: str) -> Config:
    """Who listens beyond it; the certificate is a file."""
    return Config((*internet(), TIME_SOURCE), certificate=certificate)


@contextlib.contextmanager
def _namespace() -> Iterator[int]:
    """A process in a network namespace of its own, by its number, once it is there."""
    with Child(("unshare", "--net", "cat")) as holder:
        holder.tell(b"there")
        if not holder.line(READY_TIMEOUT):
            raise RehearsalError(f"no second network namespace: {holder.end()}")
        yield holder.pid


@contextlib.contextmanager
def _serving(config: Config, peer: int) -> Iterator[None]:
    where = ("nsenter", f"--net=/proc/{peer}/ns/net", "--") if peer else ()
    with Child((*where, sys.executable, "-I", "-B", *package.arguments(SERVERS))) as servers:
        servers.tell(json.dumps(codec.encode(config)).encode())
        if servers.line(READY_TIMEOUT) != b"ready":
            raise RehearsalError(f"the stand-in did not come up: {servers.end()}")
        yield
