"""What the way to one silent endpoint says about where the traffic goes. Pure.

The fabric's own hops are silent and the subnet's gateway is inside the subnet, so a router with a private address
outside of it belongs to somebody: an on-premises network behind a VPN or ExpressRoute, or a firewall appliance in this
or a peered virtual network. That such a router is on the way is no fault; that the traffic ends there is.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host import Hop, Interface, Outcome, Phase, Route
from azpreflight.model import Confidence, Platform
from azpreflight.text import several

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
"""RFC 1918, RFC 6598 and RFC 4193: what private networks number their routers from."""
ENDS = {
    Outcome.TIMEOUT: "nothing answers",
    Outcome.REFUSED: "the connection is refused",
    Outcome.RESET: "the connection is reset",
}


@dataclass(frozen=True)
class Path:
    """The way to one address of an endpoint that did not answer."""

    address: str
    port: int
    phase: Phase
    """In which the endpoint failed: TCP, or TLS where it connected and then stopped."""
    outcome: Outcome
    """How it failed."""
    offender: Optional[str] = None
    """Who sent the ICMP error behind that; None if there was none."""
    icmp: Optional[str] = None
    """Its type and code: "3/13"."""
    route: Optional[Route] = None
    """The kernel's; None if the path could not be inspected."""
    hops: tuple[Hop, ...] = ()
    error: Optional[str] = None
    """Why the path could not be inspected."""

    @property
    def flow(self) -> str:
        return f"tcp {self.address}:{self.port}"


@dataclass(frozen=True)
class Evidence:
    """Why traffic is held to be swallowed by a private network."""

    message: str
    routers: tuple[str, ...]
    """Private addresses outside the virtual network, nearest first."""
    confidence: Confidence
    reason: str


def own_prefixes(interfaces: tuple[Interface, ...], subnets: tuple[str, ...], uplink: Optional[str]) -> tuple[str, ...]:
    """The virtual network as far as the guest knows it, as prefixes: the subnets that the platform tells, and those of
    `uplink`, the interface towards the platform. Another one may be a VPN client's or a container engine's; where it
    is not known which, all count."""
    found = [ipaddress.ip_network(subnet, strict=False) for subnet in subnets if _is_prefix(subnet)]
    for nic in interfaces:
        if nic.name != "lo" and uplink in (None, nic.name):
            found += [ipaddress.ip_interface(address).network for address in nic.addresses]
    return tuple(dict.fromkeys(str(network) for network in found if not network.is_link_local))


def _is_prefix(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def evidence(path: Path, own: tuple[str, ...], platform: Platform) -> Optional[Evidence]:
    """What speaks for a private network as the end of this path; None if nothing does.

    An endpoint with a private address of its own (Private Link) is no traffic to the internet, and one that answers
    this time is no end.
    """
    answers = path.phase is Phase.TCP and any(hop.outcome is Outcome.OK for hop in path.hops)
    if answers or _is_private(path.address):
        return None
    routers = tuple(dict.fromkeys(_routers(path, own)))
    if not routers:
        return None
    known = several([prefix for prefix in own if (":" in prefix) == (":" in path.address)]) or "this machine's link"
    said = _refusal(path, routers)
    carried = f"{path.flow} is carried through {several(routers)} (private, outside {known})"
    if said is not None:
        code, who = said
        reason = f"{who} said so itself, and that is a private address outside {known}"
        return Evidence(f"{carried} and dies there: icmp {code} from {who}", routers, Confidence.CERTAIN, reason)
    confidence, reason = _without_a_word(platform)
    return Evidence(f"{carried} and dies there or beyond: {_end(path)}", routers, confidence, reason)


def _without_a_word(platform: Platform) -> tuple[Confidence, str]:
    if platform is Platform.AZURE:
        reason = "private routers are on the way; a fault beyond them, on the internet, would look the same"
        return Confidence.LIKELY, reason
    return Confidence.POSSIBLE, "private routers are on the way, which outside Azure is the rule"


def _routers(path: Path, own: tuple[str, ...]) -> Iterator[str]:
    """Private addresses outside the virtual network that answered along the way, nearest first."""
    route = path.route or Route(Outcome.ERROR)
    heard = [*(hop.address for hop in path.hops if hop.icmp is not None), path.offender]
    for address in heard:
        if address is None or address in (route.gateway, route.source):
            continue
        if _is_private(address) and not any(_in(address, prefix) for prefix in own):
            yield address


def _is_private(address: str) -> bool:
    return any(_in(address, prefix) for prefix in PRIVATE)


def _in(address: str, prefix: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(prefix)


def _refusal(path: Path, routers: tuple[str, ...]) -> Optional[tuple[str, str]]:
    """Code and sender of an ICMP error by which one of the routers ended the connection."""
    ends = [(path.icmp, path.offender)]
    ends += [(hop.icmp, hop.address) for hop in path.hops if hop.outcome is not Outcome.ERROR]
    for code, who in ends:
        if code is not None and who is not None and who in routers:
            return code, who
    return None


def _end(path: Path) -> str:
    end = ENDS.get(path.outcome, path.outcome.value)
    return f"it connects, and in the TLS handshake {end}" if path.phase is Phase.TLS else end
