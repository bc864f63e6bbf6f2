"""The path that traffic to the internet takes, inspected only where an endpoint does not answer.

A virtual network may send 0.0.0.0/0 into a private network: over a VPN or ExpressRoute, by a user-defined or a learnt
default route ("forced tunneling" on Microsoft Learn), or to a firewall appliance. The platform's own addresses are not
affected, so the VM provisions, and then extensions cannot fetch what they need: the firewall at the far end drops it,
prohibits it or resets it. From inside the guest that looks like any other missing way out, except for who is on the
way, and that is what connects with a limited TTL tell (see `tunnel`). The absence of hops proves nothing. Pings are
not asked: many networks answer none and are well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Callable, Optional

from azpreflight.azure.answer import Answer
from azpreflight.azure.wire_server import WIRE_SERVER
from azpreflight.host import Hop, Host, HostError, Outcome, Phase
from azpreflight.model import Cause, Check, Finding, NotApplicable, Probe, Run, Severity, Unknown, Verdict
from azpreflight.probes.egress.checks_packages import consequence_of
from azpreflight.probes.egress.facts import EgressFacts, Way, by_flow, flow_of, host_of, port_of, way
from azpreflight.probes.egress.messages import AGAIN, listed
from azpreflight.probes.network.facts import NetworkFacts
from azpreflight.probes.path import segments
from azpreflight.probes.path.tunnel import Evidence, Path, evidence, own_prefixes
from azpreflight.probes.platform.facts import PlatformFacts

TRACED = 3
"""Addresses that are inspected: what one virtual network sends to the internet takes one way out."""
HOPS_TIMEOUT = 1.3
"""Seconds. The sends are spread over it, and the last one still has 0.18 s to come back from behind a VPN."""
FIX = (
    "Let the network behind {who} pass {hosts}, or give the subnet a route of its own (such as next hop Internet for"
    " {instead}); " + AGAIN + "."
)
STORAGE = "the service tag Storage, or a service endpoint for Microsoft.Storage"


@dataclass(frozen=True)
class PathFacts:
    """The ways to endpoints that do not answer."""

    tried: tuple[str, ...]
    """Flows to all endpoints that were tried straight: "tcp 20.60.0.10:443", or "name HOST" where it has no address."""
    failed: tuple[str, ...]
    """Those that did not connect, or stopped in the TLS handshake."""
    paths: tuple[Path, ...]
    """The ways to the first TRACED of them."""
    own: tuple[str, ...]
    """Prefixes of the virtual network as far as the guest knows it."""
    small: tuple[Answer, ...] = ()
    """Requests that stalled after the connection was made, once more in small segments; one for each flow."""


def gather(host: Host, run: Run) -> PathFacts:
    """The ICMP error of any of several tries counts, because routers send few of them. HostError if no endpoint was
    tried because the egress probe could not look."""
    egress = run.facts(EgressFacts)
    if egress is None:
        raise HostError("the endpoints could not be tried, so none is known to fail")
    failed = {
        flow: max(answers, key=lambda answer: answer.icmp is not None)
        for flow, answers in by_flow(answer for answer in egress.witnessed if _stopped_on_the_way(answer)).items()
    }
    looks = [partial(_look, host, answer) for answer in list(failed.values())[:TRACED]]
    again = [partial(segments.ask_again, host, answer, HOPS_TIMEOUT) for answer in segments.stalled(egress)[:TRACED]]
    calls: list[Callable[[], Any]] = [*looks, *again]
    seen: tuple[Any, ...] = host.together(calls)
    return PathFacts(
        tried=tuple(dict.fromkeys(flow_of(answer) for answer in egress.witnessed)),
        failed=tuple(failed),
        paths=seen[: len(looks)],
        own=_own(run),
        small=seen[len(looks) :],
    )


def _stopped_on_the_way(answer: Answer) -> bool:
    """A certificate that is not trusted is another matter: something answered."""
    return way(answer) is Way.SHUT and answer.phase in (Phase.TCP, Phase.TLS) and answer.address is not None


def _look(host: Host, answer: Answer) -> Path:
    address, port = answer.address or "", port_of(answer.url)
    path = Path(address, port, answer.phase, answer.outcome, answer.offender, answer.icmp)
    try:
        return replace(path, route=host.route(address), hops=host.hops(address, port, HOPS_TIMEOUT))
    except HostError as error:
        return replace(path, error=str(error))


def _own(run: Run) -> tuple[str, ...]:
    network, platform = run.facts(NetworkFacts), run.facts(PlatformFacts)
    routes = platform.routes if platform is not None else ()
    uplinks = [route.interface for route in routes if route.address == WIRE_SERVER and route.outcome is Outcome.OK]
    instance = platform.instance if platform is not None else None
    return own_prefixes(
        network.interfaces if network is not None else (),
        instance.subnets if instance is not None else (),
        uplinks[0] if uplinks else None,
    )


# --- judging ------------------------------------------------------------------------------------------------------


def judge(facts: PathFacts, run: Run) -> Iterator[Verdict]:
    """One finding for each address whose path ends among private routers. Silence without one is no evidence."""
    nothing_to_look_at = _nothing_to_look_at(facts)
    if nothing_to_look_at is not None:
        yield nothing_to_look_at
    by_size = {flow_of(answer) for answer in segments.arrived(facts.small)}
    for path in (path for path in facts.paths if path.flow not in by_size):
        seen = evidence(path, facts.own, run.platform)
        if path.error is not None:
            yield Unknown(f"the path to {path.address} could not be inspected: {path.error}")
        elif seen is not None:
            yield _finding(path, seen, facts, run)


def judge_large_packets(facts: PathFacts, run: Run) -> Iterator[Verdict]:
    """Where small segments get through and usual ones do not, large packets vanish."""
    if not facts.small:
        yield NotApplicable("no connection stalled after it was made")
    egress = run.facts(EgressFacts) or EgressFacts()
    network = run.facts(NetworkFacts)
    routes = network.default_routes if network is not None else ()
    yield from segments.findings(facts.small, egress, routes[0].interface if routes else None)


def _finding(path: Path, seen: Evidence, facts: PathFacts, run: Run) -> Finding:
    """What follows depends on the endpoint; addresses that were not inspected took the same way out."""
    egress = run.facts(EgressFacts) or EgressFacts()
    answers = [answer for answer in egress.witnessed if flow_of(answer) == path.flow]
    severity, consequence = consequence_of(egress, answers)
    hosts = [host_of(answer.url) for answer in answers]
    stores = any(".blob." in host for host in hosts)
    traced = {other.flow for other in facts.paths}
    return Finding(
        severity=severity,
        message=seen.message + (f"; {consequence}" if consequence else ""),
        fix=FIX.format(who=seen.routers[-1], hosts=listed(hosts), instead=STORAGE if stores else "their addresses"),
        evidence={"hops": drawn(path), "virtual network": ", ".join(facts.own), "route": _learnt(path)},
        flow=path.flow,
        breaks=tuple(flow for flow in facts.failed if flow not in traced),
        confidence=seen.confidence,
        confidence_reason=seen.reason,
    )


def _nothing_to_look_at(facts: PathFacts) -> Optional[Verdict]:
    if not facts.tried:
        return NotApplicable("no endpoint was tried")
    addresses = [flow for flow in facts.tried if flow.startswith("tcp ")]
    if not addresses:
        return Unknown("no endpoint has a known address, so there was no path to look at")
    if not facts.failed:
        known = "" if len(addresses) == len(facts.tried) else " whose address is known"
        return NotApplicable(f"every endpoint{known} was reached")
    return None


def _learnt(path: Path) -> str:
    """The kernel's own route, and who made it: a guest's VPN client would be seen here."""
    route = path.route
    if route is None:
        return "unknown"
    return f"{route.prefix or 'unknown'} out of {route.interface or 'unknown'} by {route.origin or 'unknown'}"


def drawn(path: Path) -> str:
    """The hops in a line: "1 10.0.0.1, 2 10.200.0.1, 3 silent"; silence at the end is told once."""
    told = [f"{hop.ttl} {_named(hop)}" for hop in path.hops]
    while len(told) > 1 and told[-1].endswith(" silent") and told[-2].endswith(" silent"):
        told.pop()
    return ", ".join(told) or "none"


def _named(hop: Hop) -> str:
    if hop.address is None:
        return "silent" if hop.outcome is Outcome.TIMEOUT else hop.outcome.value
    return hop.address if hop.outcome is Outcome.ERROR else f"{hop.address} ({hop.icmp or hop.outcome.value})"


WORST_CASE_S = HOPS_TIMEOUT
"""Seconds: all ways are inspected at once."""

PROBE = Probe(
    name="path",
    facts=PathFacts,
    gather=gather,
    needs=("egress", "network", "platform"),
    checks=(
        Check(
            "path-tunnel",
            "traffic to Azure endpoints is not routed into a private network",
            judge,
            Severity.ERROR,
            cause=Cause.FORCED_TUNNEL,
            depends_on=("firewall-egress", "network-default-route", "proxy-required"),
            environment=True,
        ),
        Check(
            "path-large-packets",
            "large packets arrive from the endpoints as small ones do",
            judge_large_packets,
            Severity.ERROR,
            cause=Cause.PATH_MTU,
            depends_on=("firewall-egress",),
            environment=True,
        ),
    ),
)
