"""Collecting the facts."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Callable

from azpreflight.azure.addresses import WIRE_SERVER
from azpreflight.azure.answer import Answer
from azpreflight.host import Host, HostError, Outcome, Phase
from azpreflight.model import Run
from azpreflight.probes.egress.facts import EgressFacts, Way, by_flow, flow_of, port_of, way
from azpreflight.probes.network.facts import NetworkFacts
from azpreflight.probes.path import segments
from azpreflight.probes.path.facts import PathFacts
from azpreflight.probes.path.tunnel import Path, own_prefixes
from azpreflight.probes.platform.facts import PlatformFacts

TRACED = 3
"""Addresses that are inspected: what one virtual network sends to the internet takes one way out."""
HOPS_TIMEOUT = 1.3
"""Seconds. The sends are spread over it, and the last one still has 0.18 s to come back from behind a VPN."""


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
    swallowed = segments.swallowed(run.facts(PlatformFacts))
    to_platform = [partial(segments.ask_again, host, swallowed, HOPS_TIMEOUT)] if swallowed is not None else []
    calls: list[Callable[[], Any]] = [*to_platform, *looks, *again]
    answers: tuple[Any, ...] = host.together(calls)
    seen = answers[len(to_platform) :]
    return PathFacts(
        tried=tuple(dict.fromkeys(flow_of(answer) for answer in egress.witnessed)),
        failed=tuple(failed),
        paths=seen[: len(looks)],
        own=_own(run),
        small=seen[len(looks) :],
        small_to_platform=answers[0] if to_platform else None,
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
