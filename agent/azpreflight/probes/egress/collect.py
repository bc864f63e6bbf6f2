"""Trying every way out that this VM needs, all at once.

The agent fetches in this order: the manifest of an extension straight from a store, by the HostGAPlugin if no store
delivers; then the package, again straight and then by the HostGAPlugin (WALinuxAgent, common/protocol/wire.py). Here
both ways are tried, because which one works decides between a delay and a failure. Extensions' own traffic has no
second way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Callable, Optional, TypeVar

from azpreflight.azure.addresses import HOST_PLUGIN_PORT, WIRE_SERVER
from azpreflight.azure.answer import Answer, answer_of
from azpreflight.azure.goal_state import Unreadable, bare, parse_manifest
from azpreflight.azure.wire_server import plugin_headers
from azpreflight.guest import repositories
from azpreflight.host import Host
from azpreflight.model import Platform, Run
from azpreflight.probes.agents.facts import AgentsFacts
from azpreflight.probes.dns.facts import DnsFacts
from azpreflight.probes.egress.facts import EgressFacts, Own, Package, Way, host_of, port_of, way
from azpreflight.probes.egress.fetch import (
    ATTEMPT,
    Means,
    Tried,
    Wanted,
    fetch_all,
    fetch_as_agent,
    first_of_each,
    look_up,
)
from azpreflight.probes.egress.plan import MAX_URIS, Errand, Need, plan
from azpreflight.probes.network import detours
from azpreflight.probes.proxy.facts import ProxyFacts, agent_proxy, other_proxies, proxy_hosts

A = TypeVar("A")
B = TypeVar("B")

ARTIFACT_URL = f"http://{WIRE_SERVER}:{HOST_PLUGIN_PORT}/extensionArtifact"
MANIFEST_LIMIT = 1 << 19
"""Bytes of a manifest; it lists every version ever published, which for the oldest extensions is some 100 KiB."""
PACKAGE_LIMIT = 1 << 16
"""Bytes of a package: enough to know that large packets come through, too little to cost anything."""
RANGE = {"Range": f"bytes=0-{PACKAGE_LIMIT - 1}"}
PAGE_LIMIT = 1 << 10
"""Bytes of anything else: that it answers is all that counts."""
REPOSITORIES = 2
"""Servers of repositories that are tried: a distribution's own, and one more."""
OTHER_SERVERS, OTHER_PROXIES = 2, 2
"""Servers that are tried by other ways, and proxies by which: they are the network's, and the same for all servers."""
PACKAGE_ATTEMPT = 1.4
"""Seconds for a package, whose stores have answered for the manifest: so both steps cost at most 3.4 s."""


def gather(host: Host, run: Run) -> EgressFacts:
    """Nothing is tried for a mounted image; outside Azure only what the configuration names."""
    if run.offline:
        return EgressFacts()
    todo = plan(run)
    dns, proxies, agents = run.facts(DnsFacts), run.facts(ProxyFacts), run.facts(AgentsFacts)
    means = Means(host, dns, proxies, todo.state, look_up(host, proxy_hosts(proxies), dns))
    pages = [*(uri for need in todo.needs for uri in need.uris), *todo.configured, *todo.documented]
    manifests = [uri for errand in todo.errands for uri in errand.manifests]
    calls: list[Callable[[], Any]] = [
        partial(_packages, means, todo.errands),
        partial(fetch_as_agent, means, pages, PAGE_LIMIT, ATTEMPT),
        partial(fetch_all, means, _other_ways(means, [*manifests, *pages]), PAGE_LIMIT, ATTEMPT),
    ]
    calls.append(partial(_repositories, means, run))
    packages, tried, otherwise, witnesses = host.together(calls)
    rest = (page.answer for page in tried)
    facts = EgressFacts(
        packages=packages,
        untried=todo.untried,
        own=tuple(_own(need, tuple(next(rest) for _ in need.uris)) for need in todo.needs),
        configured=tuple(next(rest) for _ in todo.configured),
        documented=tuple(rest),
        repositories=tuple(witness.answer for witness in witnesses),
        otherwise=tuple(page.answer for page in otherwise),
        handler=agents.waagent.versions.handler if agents is not None else None,
    )
    addresses = [answer.address for answer in facts.witnessed if answer.address is not None]
    lookups = dict.fromkeys(one.lookup for one in (*tried, *witnesses) if one.lookup is not None)
    return replace(facts, routes=detours.look_up(host, addresses), lookups=tuple(lookups))


def _repositories(means: Means, run: Run) -> tuple[Tried, ...]:
    """Straight to some of them, where no program here has a proxy: a firewall that reads names breaks off not before
    the TLS handshake, or answers over HTTP in the place of the server."""
    if run.platform is not Platform.AZURE or means.proxies is None or proxy_hosts(means.proxies):
        return ()
    wanted = [(uri, None) for uri in first_of_each(repositories.look(means.host), REPOSITORIES)]
    return fetch_all(means, wanted, PAGE_LIMIT, ATTEMPT)


def _other_ways(means: Means, uris: Sequence[str]) -> list[Wanted]:
    """Ways that the agent does not take, if a proxy is set at all: they tell whether it should."""
    wanted: list[Wanted] = []
    for uri in first_of_each(uris, OTHER_SERVERS):
        own = agent_proxy(means.proxies, uri)
        others = other_proxies(means.proxies, [own])[:OTHER_PROXIES]
        wanted += [(uri, proxy) for proxy in ((None, *others) if own is not None else others)]
    return wanted


def _both(host: Host, first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """Two calls at once."""
    calls: list[Callable[[], Any]] = [first, second]
    one, other = host.together(calls)
    return one, other


def _own(need: Need, answers: tuple[Answer, ...]) -> Own:
    known = need.known
    if known is None:
        return Own(need.extension, False, answers)
    return Own(
        need.extension,
        True,
        answers,
        None if need.named else known.settings,
        known.always,
        known.beyond,
        need.undocumented,
        known.retired if known.unsupported else None,
        known.successor,
    )


def _packages(means: Means, errands: Sequence[Errand]) -> tuple[Package, ...]:
    return means.host.together([partial(_package, means, errand) for errand in errands])


def _package(means: Means, errand: Errand) -> Package:
    """The manifest by both ways, then the package that it names by both ways."""
    straight, relayed = _both(
        means.host,
        partial(fetch_as_agent, means, errand.manifests, MANIFEST_LIMIT, ATTEMPT),
        partial(_relayed, means, errand.manifests[0], MANIFEST_LIMIT, ATTEMPT),
    )
    package = Package(
        name=errand.name,
        version=errand.version,
        signed=errand.signed,
        manifests=tuple(tried.answer for tried in straight),
        relayed_manifest=relayed.answer if relayed is not None else None,
    )
    delivered = [tried.body for tried in (*straight, relayed) if tried is not None and tried.answer.delivered]
    return package if errand.version is None or not delivered else _go_on(means, package, delivered[0])


def _go_on(means: Means, package: Package, manifest: bytes) -> Package:
    """The package itself, as the manifest names it."""
    try:
        uris = parse_manifest(manifest).get(package.version or "", ())[:MAX_URIS]
    except Unreadable as error:
        return replace(package, fault=f"the manifest cannot be read: {error}")
    if not uris:
        return replace(package, fault=f"the manifest names no package of version {package.version}")
    dead = {_server(answer.url): answer for answer in package.manifests if way(answer) in (Way.SHUT, Way.PROXY)}
    straight, relayed = _both(
        means.host,
        partial(
            fetch_as_agent,
            means,
            [uri for uri in uris if _server(uri) not in dead],
            PACKAGE_LIMIT,
            PACKAGE_ATTEMPT,
            RANGE,
        ),
        partial(_relayed, means, uris[0], PACKAGE_LIMIT, PACKAGE_ATTEMPT, package.manifests[0].url),
    )
    alive = iter(straight)
    return replace(
        package,
        packages=tuple(
            replace(dead[_server(uri)], url=bare(uri)) if _server(uri) in dead else next(alive).answer for uri in uris
        ),
        relayed_package=relayed.answer if relayed is not None else None,
    )


def _server(uri: str) -> tuple[str, int]:
    """Whom an address belongs to: one that could not be reached for the manifest is not tried again for the package."""
    return host_of(uri), port_of(uri)


def _relayed(means: Means, uri: str, limit: int, seconds: float, manifest: Optional[str] = None) -> Optional[Tried]:
    """The same by the HostGAPlugin, which the host lets fetch it."""
    if means.state is None:
        return None
    headers = {**plugin_headers(means.state), "x-ms-artifact-location": uri}
    if manifest is not None:
        headers["x-ms-artifact-manifest-location"] = manifest
    got = means.host.get(ARTIFACT_URL, seconds, headers=headers, limit=limit)
    return Tried(answer_of(ARTIFACT_URL, got), got.body)
