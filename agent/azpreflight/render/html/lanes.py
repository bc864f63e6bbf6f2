"""The way to each endpoint as the facts of a report show it: what lies on it, how far it goes, and why it ends there.

One lane an endpoint, from this VM through the guest's firewall, its network interface and the routers that showed
themselves, to the platform's own endpoints, the name servers and the servers of the internet.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Optional
from urllib.parse import urlsplit

from azpreflight.azure.addresses import HOST_PLUGIN_PORT, IMDS, WIRE_SERVER
from azpreflight.dataclass import dataclass
from azpreflight.render.html.seen import Tree, obj, objects, tree, word, words

MOST = 8
"""Servers of the internet that are drawn, those that do not answer first."""
PRIVATE = tuple(
    ipaddress.ip_network(prefix)
    for prefix in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
"""RFC 1918, RFC 6598 and RFC 4193: what private networks number their routers from."""
STOPS = ("blocked", "diverted")
"""What the guest's rules do to a flow that does not arrive then."""


class State(str, Enum):
    """How a lane ends."""

    OPEN = "open"
    """The far end answered."""
    SHUT = "shut"
    """It did not, or not in a usable way."""
    UNKNOWN = "unknown"
    """Nobody asked."""


class Stop(str, Enum):
    """Where a lane that is shut ends."""

    FIREWALL = "firewall"
    LINK = "link"
    ROUTER = "router"
    FAR = "far"


@dataclass(frozen=True)
class Router:
    """What showed itself on the way."""

    name: str
    """Its address, or how many hops in a row are silent."""
    silent: bool = False
    foreign: bool = False
    """A private address outside the virtual network."""


@dataclass(frozen=True)
class Lane:
    """The way to one endpoint."""

    name: str
    target: str
    """Address and port, or the name where no address is known."""
    state: State
    said: str
    """What came of it, in a few words."""
    stop: Optional[Stop] = None
    """None where it is not shut."""
    routers: tuple[Router, ...] = ()


@dataclass(frozen=True)
class Map:
    """What is drawn: what all lanes have in common, and the lanes."""

    link: str
    """The interface and its address, or what is missing."""
    gateway: Optional[str]
    rules: str
    """The guest's firewall in a few words."""
    lanes: tuple[Lane, ...]
    more: int
    """Servers that are not drawn."""


def seen(facts: Mapping[str, Any]) -> Optional[Map]:
    """The map; None where the report has nothing of a network, as that of an image."""
    view = _View(facts)
    lanes = [*view.platform(), *view.name_servers()]
    servers = sorted(view.servers(), key=lambda lane: lane.state is State.OPEN)
    if not any(lane.state is not State.UNKNOWN for lane in (*lanes, *servers)):
        return None
    lanes += servers[:MOST]
    return Map(view.link(), view.gateway(), view.rules(), tuple(lanes), max(0, len(servers) - MOST))


class _View:
    """The facts that the lanes are made of."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.network, self.dns = tree(facts, "network"), tree(facts, "dns")
        self.asked, self.egress = tree(facts, "platform"), tree(facts, "egress")
        self.path, self.firewall = tree(facts, "path"), tree(facts, "firewall")

    # what all have in common

    def link(self) -> str:
        """The interface towards the internet, or the first one with an address."""
        outward = word(obj(self.network.get("internet")).get("interface"))
        found = [one for one in objects(self.network.get("interfaces")) if word(one.get("name")) != "lo"]
        chosen = next((one for one in found if word(one.get("name")) == outward), found[0] if found else None)
        if chosen is None:
            return "no network interface"
        addresses = [address for address in words(chosen.get("addresses")) if ":" not in address]
        state = addresses[0] if addresses else "no IPv4 address"
        return f"{word(chosen.get('name')) or '?'} {state}" + ("" if chosen.get("up") else ", down")

    def gateway(self) -> Optional[str]:
        """The router of the default route."""
        return word(obj(self.network.get("internet")).get("gateway"))

    def rules(self) -> str:
        """How many rules there are, and in which filters."""
        chains = objects(self.firewall.get("chains"))
        count = sum(int(one.get("rules") or 0) for one in chains if isinstance(one.get("rules"), int))
        if not self.firewall:
            return "not read"
        closed = any(word(one.get("policy")) == "DROP" for one in chains)
        return (
            f"{count} rule{'' if count == 1 else 's'}" + (", policy DROP" if closed else "") if chains else "no rules"
        )

    # the lanes

    def platform(self) -> Iterator[Lane]:
        """The two addresses of the platform, by port."""
        for name, key, target in (
            ("wire server", "wire_server", f"{WIRE_SERVER}:80"),
            ("HostGAPlugin", "plugin", f"{WIRE_SERVER}:{HOST_PLUGIN_PORT}"),
            ("instance metadata", "metadata", f"{IMDS}:80"),
        ):
            found = obj(obj(self.asked.get(key)).get("answer"))
            yield self._lane(name, "tcp", target, found)

    def name_servers(self) -> Iterator[Lane]:
        """Every DNS server that names depend on here."""
        for server in objects(self.dns.get("servers")):
            if word(server.get("role")) in ("local", "control", "offered"):
                continue
            answers = [obj(one.get("answer")) for one in objects(server.get("asked"))]
            good = [one for one in answers if word(one.get("outcome")) == "ok"]
            answered = next((one for one in good if word(one.get("rcode")) in (None, "NOERROR")), None)
            best = answered or next(iter([*good, *answers]), {})
            yield self._lane("name server", "udp", f"{word(server.get('address')) or '?'}:53", best)

    def servers(self) -> Iterator[Lane]:
        """Each server of the internet that was asked, by the worst that came of it."""
        worst: dict[tuple[str, int], Tree] = {}
        for answer in self._answers():
            host, port = _place(word(answer.get("url")) or "")
            if host and ((host, port) not in worst or not _is_open(answer)):
                worst[(host, port)] = answer
        for (host, port), answer in worst.items():
            found = word(answer.get("address"))
            yield self._lane(host, "tcp", f"{found}:{port}" if found else f"port {port}", answer)

    def _answers(self) -> Iterator[Tree]:
        for one in objects(self.egress.get("packages")):
            yield from (*objects(one.get("manifests")), *objects(one.get("packages")))
        for one in objects(self.egress.get("own")):
            yield from objects(one.get("answers"))
        for name in ("configured", "documented", "repositories"):
            yield from objects(self.egress.get(name))

    # one lane

    def _lane(self, name: str, protocol: str, target: str, answer: Tree) -> Lane:
        flow = self._flow(protocol, target)
        if _is_open(answer):
            return Lane(name, target, State.OPEN, _said(answer), routers=self._near(target))
        if flow is not None:
            return Lane(name, target, State.SHUT, _rule(flow), Stop.FIREWALL)
        if not answer:
            return Lane(name, target, State.UNKNOWN, "not asked")
        if not self._linked():
            return Lane(name, target, State.SHUT, _said(answer), Stop.LINK)
        routers = self._hops(target)
        foreign = [place for place, one in enumerate(routers) if one.foreign]
        if foreign:
            return Lane(name, target, State.SHUT, _said(answer), Stop.ROUTER, routers[: foreign[-1] + 1])
        return Lane(name, target, State.SHUT, _said(answer), Stop.FAR, routers or self._near(target))

    def _linked(self) -> bool:
        return any(
            address and ":" not in address and not address.startswith(("127.", "169.254."))
            for one in objects(self.network.get("interfaces"))
            if one.get("up")
            for address in words(one.get("addresses"))
        )

    def _flow(self, protocol: str, target: str) -> Optional[Tree]:
        """What the guest's rules do to the flow, if they stop it."""
        for one in objects(self.firewall.get("flows")):
            flow = obj(one.get("flow"))
            same = f"{flow.get('address')}:{flow.get('port')}" == target and flow.get("protocol") == protocol
            if same and flow.get("uid") == 0 and word(one.get("outcome")) in STOPS:
                return one
        return None

    def _near(self, target: str) -> tuple[Router, ...]:
        """The gateway, for what is not an address of the platform's own."""
        gateway = self.gateway()
        return () if gateway is None or target.startswith(("168.63.", "169.254.")) else (Router(gateway),)

    def _hops(self, target: str) -> tuple[Router, ...]:
        own = words(self.path.get("own"))
        for path in objects(self.path.get("paths")):
            if f"{path.get('address')}:{path.get('port')}" == target:
                return _routers(objects(path.get("hops")), own)
        return ()


def _routers(hops: list[Tree], own: list[str]) -> tuple[Router, ...]:
    """Those that showed themselves, and between them how many did not."""
    met: list[Router] = []
    silent = 0
    for hop in hops:
        found = word(hop.get("address"))
        if found is None:
            silent += 1
            continue
        if silent:
            met.append(Router(f"{silent} silent", silent=True))
            silent = 0
        met.append(Router(found, foreign=_is_foreign(found, own)))
    return tuple(met)


def _is_foreign(found: str, own: list[str]) -> bool:
    """A private address outside of the virtual network."""
    try:
        place = ipaddress.ip_address(found)
        inside = any(place in ipaddress.ip_network(prefix, strict=False) for prefix in own)
    except ValueError:
        return False
    return not inside and any(place in network for network in PRIVATE)


def _place(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
    except ValueError:
        return "", 443


def _is_open(answer: Tree) -> bool:
    return word(answer.get("outcome")) == "ok" and word(answer.get("rcode")) in (None, "NOERROR")


def _rule(flow: Tree) -> str:
    rule = obj(flow.get("decider"))
    if not rule:
        return "the guest's rules stop it"
    place = f"rule {rule.get('number')}" if rule.get("number") is not None else "the policy"
    return f"{place} of {rule.get('chain')} ({rule.get('backend')} {rule.get('table')}) stops it"


def _said(answer: Tree) -> str:
    outcome, status, rcode = word(answer.get("outcome")), word(answer.get("status")), word(answer.get("rcode"))
    by = f", by proxy {answer['proxy']}" if word(answer.get("proxy")) else ""
    if outcome == "ok":
        return (f"status {status}" if status else "answers" if rcode is None or rcode == "NOERROR" else rcode) + by
    known = {"timeout": "no answer", "refused": "connection refused", "reset": "connection reset"}
    said = known.get(outcome or "", outcome or "unknown")
    if outcome == "error":
        said = word(answer.get("detail")) or "malformed response"
    phase = {"dns": " in the name lookup", "tls": " in the TLS handshake", "proxy": " at the proxy"}
    return said + (phase.get(word(answer.get("phase")) or "", "") if outcome != "error" else "") + by
