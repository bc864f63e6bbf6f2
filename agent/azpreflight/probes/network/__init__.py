"""Interfaces, addresses and the default route.

An Azure VM gets its address and all its routes by DHCP: the default route (option 3) and one each for the platform's
own addresses (option 121), from the virtual network's gateway, which always answers. So where they are missing the
image is nearly always to blame: no DHCP client that starts, an interface that is called otherwise than the
configuration says, or a configuration pinned to the MAC address of the build VM. The address is always an IPv4
address; IPv6 only ever comes beside it (Microsoft Learn, "IPv6 for Azure Virtual Network").
"""

from __future__ import annotations

import ipaddress
import re
import sys
from collections.abc import Iterator
from typing import Optional, Union

from azpreflight.guest import dhcp_leases
from azpreflight.host import Host, HostError, Interface, Outcome, Routing
from azpreflight.model import Cause, Check, Finding, Platform, Probe, Run, Severity, Verdict
from azpreflight.probes.network.dhcp import judge_wire_server
from azpreflight.probes.network.facts import IMDS, SOMEWHERE, WIRE_SERVER, DefaultRoute, NetworkFacts

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


# --- judging ------------------------------------------------------------------------------------------------------


def judge_address(facts: NetworkFacts, run: Run) -> Iterator[Verdict]:
    """On Azure an IPv4 address is needed, because the platform's own endpoints have no other."""
    nics = [interface for interface in facts.interfaces if interface.name != "lo"]
    wanted = "IPv4 address" if run.platform is Platform.AZURE else "address"
    if not nics:
        message = "no network interface but lo exists"
    elif not any(nic.up for nic in nics):
        message = f"no network interface but lo is up: {', '.join(nic.name for nic in nics)} down"
    elif not any(_counts(address, run.platform) for nic in nics for address in nic.addresses if nic.up):
        message = f"no interface has an {wanted} beyond the link: {'; '.join(_described(nic) for nic in nics)}"
    else:
        return
    yield Finding(
        severity=Severity.ERROR,
        message=message + ("" if facts.managers else ", and nothing that configures interfaces has started"),
        fix=_fix(facts) if nics else NO_DRIVER,
        commands=_commands(facts),
        evidence={nic.name: _described(nic) for nic in nics},
        flow="any",
    )


def judge_default_route(facts: NetworkFacts, run: Run) -> Iterator[Verdict]:
    """Policy rules and split routes (0.0.0.0/1) count too: it is enough that the kernel knows a way to the internet."""
    azure = run.platform is Platform.AZURE
    if facts.internet.outcome is Outcome.OK or any(route.version == 4 or not azure for route in facts.default_routes):
        return
    family = "IPv4 " if azure else ""
    yield Finding(
        severity=Severity.ERROR,
        message=f"no {family}default route, and no other way to {SOMEWHERE}: {facts.internet.outcome.value}",
        fix=_fix(facts),
        commands=_commands(facts),
        evidence={"unrouted": ", ".join((SOMEWHERE, *facts.unrouted))},
        flow="tcp *:443",
        breaks=tuple(_down_without_route(facts)),
    )


NO_DRIVER = "Make the driver of the network interface (hv_netvsc on Azure) part of the image's kernel and initramfs."


def _counts(address: str, platform: Platform) -> bool:
    """Whether an address is one to send from: not of the link alone, and on Azure of IPv4."""
    ip = ipaddress.ip_interface(address).ip
    return not ip.is_link_local and not ip.is_loopback and (platform is not Platform.AZURE or ip.version == 4)


def _described(nic: Interface) -> str:
    return f"{nic.name} {'up' if nic.up else 'down'} with {', '.join(nic.addresses) or 'no address'}"


def _fix(facts: NetworkFacts) -> str:
    who = f"Have {' or '.join(facts.managers)}" if facts.managers else "Enable systemd-networkd or NetworkManager to"
    return f"{who} configure the interface by DHCP, whatever its name and MAC address are."


def _commands(facts: NetworkFacts) -> tuple[str, ...]:
    return tuple(
        f"{verb} {unit}" for unit in facts.managers for verb in ("journalctl -b --no-pager -u", "systemctl restart")
    )


def _down_without_route(facts: NetworkFacts) -> Iterator[str]:
    """What a missing default route stops besides HTTPS. Routes by option 121 and servers on the link still work."""
    if WIRE_SERVER in facts.unrouted:
        yield from (f"tcp {WIRE_SERVER}:{port}" for port in (80, 32526))
    if IMDS in facts.unrouted:
        yield f"tcp {IMDS}:80"
    for server in (WIRE_SERVER, *facts.nameservers):
        if server in facts.unrouted:
            yield from (f"udp {server}:53", f"tcp {server}:53")
    if facts.nameservers and set(facts.nameservers) <= set(facts.unrouted):
        yield "name *"


WORST_CASE_S = 0.5
"""Seconds: the kernel's own answers; the host's deadline for one of them."""

PROBE = Probe(
    name="network",
    facts=NetworkFacts,
    gather=gather,
    checks=(
        Check(
            "network-address",
            "an interface is up and has an address",
            judge_address,
            Severity.ERROR,
            cause=Cause.NO_NETWORK,
            environment=True,
        ),
        Check(
            "network-default-route",
            "there is a default route",
            judge_default_route,
            Severity.ERROR,
            cause=Cause.NO_NETWORK,
            depends_on=("network-address",),
            environment=True,
        ),
        Check(
            "network-wire-server",
            "DHCP option 245 names the platform's wire server",
            judge_wire_server,
            Severity.ERROR,
            cause=Cause.PLATFORM_UNREACHABLE,
            reads=("agents",),
            azure_only=True,
            environment=True,
        ),
    ),
)
