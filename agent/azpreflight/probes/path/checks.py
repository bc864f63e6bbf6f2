"""Judging the facts. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from azpreflight.host import Hop, Outcome
from azpreflight.model import Cause, Check, Finding, NotApplicable, Run, Severity, Unknown, Verdict
from azpreflight.probes.egress.consequences import consequence_of
from azpreflight.probes.egress.facts import EgressFacts, flow_of, host_of
from azpreflight.probes.egress.messages import AGAIN, listed
from azpreflight.probes.network.facts import NetworkFacts
from azpreflight.probes.path import segments
from azpreflight.probes.path.facts import PathFacts
from azpreflight.probes.path.tunnel import Evidence, Path, evidence
from azpreflight.probes.platform.facts import PlatformFacts

FIX = (
    "Let the network behind {who} pass {hosts}, or give the subnet a route of its own (such as next hop Internet for"
    " {instead}); " + AGAIN + "."
)
STORAGE = "the service tag Storage, or a service endpoint for Microsoft.Storage"


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
    if not facts.small and facts.small_to_platform is None:
        yield NotApplicable("no connection stalled after it was made")
    egress = run.facts(EgressFacts) or EgressFacts()
    network = run.facts(NetworkFacts)
    routes = network.default_routes if network is not None else ()
    interface = routes[0].interface if routes else None
    yield from segments.findings(facts.small, egress, interface)
    swallowed = segments.swallowed(run.facts(PlatformFacts))
    if facts.small_to_platform is not None and facts.small_to_platform.outcome is Outcome.OK and swallowed is not None:
        yield segments.of_platform(facts.small_to_platform, swallowed.duration_s, interface)


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


CHECKS = (
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
)
