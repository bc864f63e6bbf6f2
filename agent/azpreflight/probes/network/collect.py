"""Collecting the facts."""

from __future__ import annotations

import ipaddress
import re
import sys
from collections.abc import Iterator
from typing import Optional, Union

from azpreflight.azure.addresses import IMDS, WIRE_SERVER
from azpreflight.guest import dhcp_leases
from azpreflight.host import Host, HostError, Outcome, Routing
from azpreflight.model import Run
from azpreflight.probes.network.facts import SOMEWHERE, DefaultRoute, NetworkFacts

RESOLVER_FILES = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf")
"""The second has the servers behind systemd-resolved's stub."""
MANAGERS = {
    "systemd-networkd": "/run/systemd/netif/state",
    "NetworkManager": "/run/NetworkManager",
    "networking": "/run/network/ifstate",
    "wicked": "/run/wicked",
}
"""Units that configure interfaces, by what each makes when it starts; `networking` is ifupdown."""
ENDPOINT = "/var/lib/waagent/WireServerEndpoint"
"""Where waagent keeps the address of the wire server that it has found (common/protocol/util.py)."""
_UP, _REJECT = 0x1, 0x200
"""RTF_UP and RTF_REJECT of <linux/route.h>."""


def gather(host: Host, run: Run) -> NetworkFacts:
    """HostError if the kernel does not tell its interfaces or routes."""
    nameservers = tuple(dict.fromkeys(server for path in RESOLVER_FILES for server in _nameservers(host, path)))
    return NetworkFacts(
        interfaces=host.interfaces(),
        default_routes=(
            *parse_ipv4(_needed_text(host, "/proc/net/route")),
            *parse_ipv6(host.text("/proc/net/ipv6_route") or ""),
        ),
        internet=host.route(SOMEWHERE),
        nameservers=nameservers,
        unrouted=tuple(
            address for address in (WIRE_SERVER, IMDS, *nameservers) if host.route(address).outcome is not Outcome.OK
        ),
        managers=tuple(name for name, path in MANAGERS.items() if host.info(path) is not None),
        leases=dhcp_leases.look(host),
        host_route=host.route(WIRE_SERVER).prefix == f"{WIRE_SERVER}/32",
        endpoint_found=_endpoint_found(host),
        routing=_routing(host),
    )


def _endpoint_found(host: Host) -> bool:
    """By the file of waagent's that has it, if it is not older than this boot."""
    try:
        info, stat = host.info(ENDPOINT), host.text("/proc/stat") or ""
    except HostError:
        return False
    booted = next((line.split()[1] for line in stat.splitlines() if line.startswith("btime ")), "")
    return info is not None and booted.isdigit() and info.modified >= int(booted)


def _routing(host: Host) -> Routing:
    """Nothing is concluded from what is not known here, so that a kernel that does not tell is no fault."""
    try:
        return host.routing()
    except HostError:
        return Routing()


def _needed_text(host: Host, path: str) -> str:
    text = host.text(path)
    if text is None:
        raise HostError(f"cannot read {path}: no such file")
    return text


def _nameservers(host: Host, path: str) -> Iterator[str]:
    """Literal addresses of `nameserver` lines. What cannot be read is the business of the probe for names."""
    try:
        text = host.text(path) or ""
    except HostError:
        return
    for word in re.findall(r"^nameserver[ \t]+(\S+)", text, re.MULTILINE):
        address = _ip(word.partition("%")[0])
        if address is not None and not address.is_loopback:
            yield str(address)


def _ip(text: str) -> Optional[Union[ipaddress.IPv4Address, ipaddress.IPv6Address]]:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def parse_ipv4(text: str) -> Iterator[DefaultRoute]:
    """Default routes of /proc/net/route. HostError for a table that is none."""
    for line in text.splitlines()[1:]:
        try:
            interface, destination, gateway, flags, _, _, metric, mask, *_ = line.split()
            usable = int(flags, 16) & (_UP | _REJECT) == _UP
            if usable and int(destination, 16) == int(mask, 16) == 0:
                router = ipaddress.IPv4Address(int(gateway, 16).to_bytes(4, sys.byteorder))
                yield DefaultRoute(4, interface, str(router) if int(router) else None, int(metric))
        except (ValueError, OverflowError):
            raise HostError("cannot read /proc/net/route: not a routing table") from None


def parse_ipv6(text: str) -> Iterator[DefaultRoute]:
    """Default routes of /proc/net/ipv6_route. HostError for a table that is none."""
    for line in text.splitlines():
        try:
            destination, length, _, _, gateway, metric, _, _, flags, interface = line.split()
            usable = int(flags, 16) & (_UP | _REJECT) == _UP
            if usable and int(destination, 16) == int(length, 16) == 0:
                router = ipaddress.IPv6Address(int(gateway, 16))
                yield DefaultRoute(6, interface, str(router) if int(router) else None, int(metric, 16))
        except (ValueError, OverflowError):
            raise HostError("cannot read /proc/net/ipv6_route: not a routing table") from None
