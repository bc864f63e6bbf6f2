"""Where this machine's own routing leads packets another way than the platform's network wants them. Pure.

A docker bridge or a VPN whose prefix covers the virtual network's, a policy table with a blackhole in it, a second NIC
or a second address: a server that does not answer over such a path is not to blame. So before a silent
server is blamed, the kernel's own answer for its address is compared with the NIC that the platform serves, its address
and its gateway.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Optional, Union

from azpreflight.azure.addresses import PLATFORM
from azpreflight.dataclass import dataclass
from azpreflight.host import MAIN, Host, HostError, Outcome, Route, TableRoute
from azpreflight.model import Confidence, Finding, Judge, Run, Verdict
from azpreflight.probes.network.facts import NetworkFacts
from azpreflight.probes.network.owners import CONTAINERS, owner
from azpreflight.probes.network.policy import Decision, decide, longest, table_name
from azpreflight.probes.network.uplink import Uplink, ipv4_of, uplink_of

NEXT_BOOT = "the commands last until the next boot"
DOCKER = 'give that network another subnet (of the compose file, or "default-address-pools" of /etc/docker/daemon.json)'
SAID_BY_KERNEL = (Outcome.UNREACHABLE.value, Outcome.PROHIBITED.value)
"""What this machine's kernel says by itself where it has no way, or nobody answers on the link."""
MIN_PRIORITY = 2
"""Of a rule that another one can be put before: 0 is the kernel's own, which asks for local addresses."""


@dataclass(frozen=True)
class Detour:
    """Packets to an address leave by another way than the platform's, or not at all."""

    address: str
    message: str
    """"10.0.7.10 leaves by br-2f1 (docker), whose 10.0.0.0/16 covers the virtual network's"."""
    fix: str
    commands: tuple[str, ...]
    sure: bool = True
    """False where it is not known whether the way is the wrong one."""
    by_vpn: bool = False
    """It leads into a VPN, whose own servers are there as well."""
    quiet: bool = False
    """Nothing is wrong with it where an answer comes."""

    @property
    def reason(self) -> str:
        """Why this is held to be the cause."""
        return "the kernel's own routing says so" + (
            "" if self.sure else "; another fault beyond it is the alternative"
        )


def look_up(host: Host, addresses: Sequence[str]) -> dict[str, Route]:
    """The kernel's own route to each address; none where it cannot be asked."""
    found = {}
    for address in dict.fromkeys(addresses):
        with suppress(HostError):
            found[address] = host.route(address)
    return found


def detour_of(address: Optional[str], routes: Mapping[str, Route], run: Run) -> Optional[Detour]:
    """What is wrong with the way that packets to this address take; None if nothing is, or it is not known."""
    network = run.facts(NetworkFacts)
    route = routes.get(address or "")
    uplink = uplink_of(network) if network is not None else None
    if network is None or route is None or uplink is None or address is None or ":" in address:
        return None
    decision = decide(network.routing, address, route)
    if route.outcome is not Outcome.OK:
        return _rejected(address, uplink, decision, network)
    if route.interface not in (uplink.interface, "lo", None):
        return _elsewhere(address, route, uplink, decision, network)
    return _by_another_gateway(address, route, uplink, decision, network) or _from_another_address(
        address, route, uplink, decision, network
    )


def led_alike(address: str, network: NetworkFacts) -> tuple[str, ...]:
    """The name servers over which the very rule and route decide that do so over this address."""
    decision = decide(network.routing, address)
    if decision is None:
        return ()
    return tuple(server for server in network.nameservers if decide(network.routing, server) == decision)


def by_its_way(judge: Judge) -> Judge:
    """The judge, whose findings name the detour where the packets of their flow take one: the network is not to blame
    for what it was never given. Its facts have `routes`."""

    def judging(facts: Any, run: Run) -> Iterator[Verdict]:
        for verdict in judge(facts, run):
            unanswered = isinstance(verdict, Finding) and verdict.evidence.get("outcome") != Outcome.OK.value
            yield _with_detour(verdict, facts, run) if isinstance(verdict, Finding) and unanswered else verdict

    return judging


def _with_detour(finding: Finding, facts: Any, run: Run) -> Finding:
    address = (finding.flow or "").partition(" ")[2].rpartition(":")[0]
    detour = detour_of(address, facts.routes, run)
    if detour is None:
        return replace(finding, **_of_this_machine(finding, facts.routes.get(address), run))
    return replace(
        finding,
        message=f"{finding.message}; {detour.message}",
        fix=detour.fix,
        commands=detour.commands,
        confidence=Confidence.LIKELY,
        confidence_reason=detour.reason,
    )


def _of_this_machine(finding: Finding, route: Optional[Route], run: Run) -> dict[str, Any]:
    """What is to be said otherwise where the error is this machine's own, so that the network was not even asked."""
    network, offender = run.facts(NetworkFacts), finding.evidence.get("offender")
    own = (
        {address for nic in network.interfaces for address in ipv4_of(nic.addresses)} if network is not None else set()
    )
    if finding.evidence.get("outcome") not in SAID_BY_KERNEL or (offender is not None and offender not in own):
        return {}
    by = f": nobody answers for the gateway {route.gateway}" if route is not None and route.gateway is not None else ""
    return {
        "confidence": Confidence.LIKELY,
        "confidence_reason": f"this machine itself said so, before anything left it{by if offender in own else ''}",
    }


def _by_another_gateway(
    address: str, route: Route, uplink: Uplink, decision: Optional[Decision], network: NetworkFacts
) -> Optional[Detour]:
    """By a router that DHCP did not give."""
    lease = network.in_force.get(uplink.interface)
    given = lease.gateway if lease is not None else None
    if given is None or route.gateway in (given, None) or route.interface != uplink.interface:
        return None
    message = f"{address} goes by the gateway {route.gateway}, and Azure's DHCP gave {given}"
    fix = f"Take that gateway out of the network configuration; {NEXT_BOOT}."
    return Detour(address, message, fix, _commands(address, uplink, decision, network), quiet=True)


def _rejected(address: str, uplink: Uplink, decision: Optional[Decision], network: NetworkFacts) -> Optional[Detour]:
    """By a route or a rule of the image's own: nothing on Azure makes one."""
    if decision is None or decision.rejects is None:
        return None
    rule, route = decision
    by = f"rule {rule.priority}: {rule.action}"
    if route is not None:
        by = f"{route.kind} {route.prefix} of table {table_name(rule.table)} (rule {rule.priority})"
    fix = f"Remove that route or rule from the configuration that made it; {NEXT_BOOT}."
    return Detour(address, f"this machine rejects {address}: {by}", fix, _commands(address, uplink, decision, network))


def _elsewhere(
    address: str, route: Route, uplink: Uplink, decision: Optional[Decision], network: NetworkFacts
) -> Optional[Detour]:
    """Out of another interface, unless it is another NIC in whose subnet the address is, or carries the first one."""
    who = owner(route.interface, network.routing)
    nic = next((nic for nic in network.interfaces if nic.name == route.interface), None)
    own = [ipaddress.ip_interface(text).network for text in nic.addresses] if nic is not None else []
    at_home = who is None and route.gateway is None and any(ipaddress.ip_address(address) in net for net in own)
    if _carries(route.interface, uplink, network) or (at_home and not _hides(own, uplink)):
        return None
    by = f"{route.interface} ({who})" if who is not None else f"{route.interface}"
    message = f"{address} leaves by {by}{_covering(route, decision, uplink)}"
    commands = _commands(address, uplink, decision, network)
    return Detour(address, message, _exempt(route, who), commands, by_vpn=who is not None and who not in CONTAINERS)


def _hides(networks: Sequence[Union[ipaddress.IPv4Network, ipaddress.IPv6Network]], uplink: Uplink) -> bool:
    return any(ipaddress.ip_address(address) in network for address in uplink.addresses for network in networks)


def _carries(interface: Optional[str], uplink: Uplink, network: NetworkFacts) -> bool:
    """A bridge or bond that the NIC belongs to."""
    return any(link.name == uplink.interface and link.master == interface for link in network.routing.links)


def _covering(route: Route, decision: Optional[Decision], uplink: Uplink) -> str:
    """By which prefix of which table, and whether it hides the virtual network."""
    prefix = decision.route.prefix if decision is not None and decision.route is not None else route.prefix
    if prefix is None:
        return ""
    table = decision.rule.table if decision is not None else route.table
    of = "" if table in (MAIN, None) else f" of table {table_name(table or 0)}"
    by = f" (rule {decision.rule.priority})" if of and decision is not None else ""
    if prefix == "0.0.0.0/0":
        return f", by the default route{of}{by}"
    network = ipaddress.ip_network(prefix)
    if network.is_private and _hides([network], uplink):
        return f", whose {prefix}{of}{by} covers the virtual network's"
    return f", by {prefix}{of}{by}"


def _exempt(route: Route, who: Optional[str]) -> str:
    if who == "docker":
        return f"Let docker {DOCKER}; {NEXT_BOOT}."
    if who in CONTAINERS:
        return f"Give the network of {route.interface} ({who}) a subnet outside of the virtual network's; {NEXT_BOOT}."
    of = f" ({who})" if who is not None else ""
    return f"Exempt this address in the configuration that makes the route by {route.interface}{of}; {NEXT_BOOT}."


def _from_another_address(
    address: str, route: Route, uplink: Uplink, decision: Optional[Decision], network: NetworkFacts
) -> Optional[Detour]:
    """Only the primary address of the first NIC is answered by the host (Microsoft Learn, "What is IP address
    168.63.129.16?"); where no lease names it, of two the one that packets are not sent from is the one to try."""
    others = tuple(other for other in uplink.addresses if other != route.source)
    if route.source not in uplink.addresses or not others or route.source == uplink.address:
        return None
    if uplink.address is None and address not in PLATFORM:
        return None
    primary = uplink.address or (others[0] if len(others) == 1 else None)
    means = f"not from {uplink.address}, its primary address" if uplink.address is not None else "one of its addresses"
    return Detour(
        address,
        f"{address} is sent from {route.source} of {uplink.interface}, {means}; Azure's host answers the primary one",
        f"Make the primary address of {uplink.interface} in Azure the source of its routes; {NEXT_BOOT}.",
        _commands(address, replace(uplink, address=primary), decision, network),
        sure=uplink.address is not None,
        quiet=True,
    )


def _commands(address: str, uplink: Uplink, decision: Optional[Decision], network: NetworkFacts) -> tuple[str, ...]:
    """What beats the decision: a rule that asks the main table first where another one decided, and there a route to
    this address alone, which no other one is longer than, unless it leads the right way already."""
    main = longest(network.routing, MAIN, ipaddress.IPv4Address(address))
    show = _show(address, decision)
    by_main = decision is None or (decision.rule.table == MAIN and decision.route is not None)
    right = not by_main and main is not None and _is_right(main, uplink)
    if uplink.gateway is None or (not by_main and decision is not None and decision.rule.priority < MIN_PRIORITY):
        return (show,)
    source = f" src {uplink.address}" if uplink.address is not None else ""
    near = any(ipaddress.ip_address(address) in own for own in uplink.networks)
    via = "" if near else f" via {uplink.gateway}"
    replaced = () if right else (f"ip route replace {address}/32{via} dev {uplink.interface}{source}",)
    if by_main or decision is None:
        return (show, *replaced)
    prefix = decision.route.prefix if right and decision.route is not None else "0.0.0.0/0"
    to = prefix if prefix != "0.0.0.0/0" else f"{address}/32"
    return (show, *replaced, f"ip rule add priority {decision.rule.priority - 1} to {to} lookup main")


def _show(address: str, decision: Optional[Decision]) -> str:
    """What shows the decision; of what rejects, the kernel's answer for the address would be a failure."""
    if decision is None or decision.rejects is None:
        return f"ip route get {address}"
    return "ip rule show" if decision.route is None else f"ip route show table {decision.rule.table}"


def _is_right(route: TableRoute, uplink: Uplink) -> bool:
    usual = uplink.address is None or route.source in (None, uplink.address)
    return route.kind == "unicast" and route.interface == uplink.interface and usual
