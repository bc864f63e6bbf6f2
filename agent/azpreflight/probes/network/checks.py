"""Judging the facts. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from azpreflight.azure.addresses import HOST_PLUGIN_PORT, IMDS, WIRE_SERVER
from azpreflight.host import Interface, Outcome
from azpreflight.model import Cause, Check, Finding, Platform, Run, Severity, Verdict
from azpreflight.probes.network.dhcp import judge_wire_server
from azpreflight.probes.network.facts import SOMEWHERE, NetworkFacts


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
        yield from (f"tcp {WIRE_SERVER}:{port}" for port in (80, HOST_PLUGIN_PORT))
    if IMDS in facts.unrouted:
        yield f"tcp {IMDS}:80"
    for server in (WIRE_SERVER, *facts.nameservers):
        if server in facts.unrouted:
            yield from (f"udp {server}:53", f"tcp {server}:53")
    if facts.nameservers and set(facts.nameservers) <= set(facts.unrouted):
        yield "name *"


CHECKS = (
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
        reads=("agents", "firewall"),
        azure_only=True,
        environment=True,
    ),
)
