"""Trying every way out that this VM needs, all at once.

The agent fetches in this order: the manifest of an extension straight from a store, by the HostGAPlugin if no store
delivers; then the package, again straight and then by the HostGAPlugin (WALinuxAgent, common/protocol/wire.py). Here
both ways are tried, because which one works decides between a delay and a failure. Extensions' own traffic has no
second way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Callable, Optional, TypeVar

from azpreflight.host import Host
from azpreflight.model import Run
from azpreflight.probes.answers import Answer, answer_of
from azpreflight.probes.dns_facts import DnsFacts
from azpreflight.probes.egress.facts import EgressFacts, Own, Package, Way, host_of, port_of, way
from azpreflight.probes.egress.fetch import ATTEMPT, Tried, fetch, look_up
from azpreflight.probes.egress.plan import MAX_URIS, Errand, Need, plan
from azpreflight.probes.goalstate import GoalState, Unreadable, bare, parse_manifest
from azpreflight.probes.wireserver import WIRE_SERVER, plugin_headers

A = TypeVar("A")
B = TypeVar("B")

ARTIFACT_URL = f"http://{WIRE_SERVER}:32526/extensionArtifact"
MANIFEST_LIMIT = 1 << 19
"""Bytes of a manifest; it lists every version ever published, which for the oldest extensions is some 100 KiB."""
PACKAGE_LIMIT = 1 << 16
"""Bytes of a package: enough to know that large packets come through, too little to cost anything."""
RANGE = {"Range": f"bytes=0-{PACKAGE_LIMIT - 1}"}
PAGE_LIMIT = 1 << 10
"""Bytes of anything else: that it answers is all that counts."""
PACKAGE_ATTEMPT = 1.4
"""Seconds for a package, whose stores have answered for the manifest: so both steps cost at most 3.4 s."""


@dataclass(frozen=True)
class Means:
    """What every attempt needs."""

    host: Host
    dns: Optional[DnsFacts]
    state: Optional[GoalState]


def gather(host: Host, run: Run) -> EgressFacts:
    """Nothing is tried for a mounted image; outside Azure only what the configuration names."""
    if run.offline:
        return EgressFacts()
    todo = plan(run)
    means = Means(host, run.facts(DnsFacts), todo.state)
    pages = [*(uri for need in todo.needs for uri in need.uris), *todo.configured, *todo.documented]
    packages, answers = _both(host, partial(_packages, means, todo.errands), partial(_pages, means, pages))
    rest = iter(answers)
    return EgressFacts(
        packages=packages,
        own=tuple(_own(need, tuple(next(rest) for _ in need.uris)) for need in todo.needs),
        configured=tuple(next(rest) for _ in todo.configured),
        documented=tuple(rest),
    )


def _both(host: Host, first: "Callable[[], A]", second: "Callable[[], B]") -> "tuple[A, B]":
    """Two calls at once."""
    calls: list[Callable[[], Any]] = [first, second]
    one, other = host.together(calls)
    return one, other


def _pages(means: Means, uris: "Sequence[str]") -> "tuple[Answer, ...]":
    """Whether these answer, whatever they say."""
    found = look_up(means.host, [host_of(uri) for uri in uris], means.dns)
    tries = means.host.together([partial(fetch, means.host, uri, found, PAGE_LIMIT, ATTEMPT) for uri in uris])
    return tuple(tried.answer for tried in tries)


def _own(need: Need, answers: "tuple[Answer, ...]") -> Own:
    known = need.known
    if known is None:
        return Own(need.extension, known=False)
    return Own(need.extension, True, answers, known.settings, known.always)


def _packages(means: Means, errands: "Sequence[Errand]") -> "tuple[Package, ...]":
    return means.host.together([partial(_package, means, errand) for errand in errands])


def _package(means: Means, errand: Errand) -> Package:
    """The manifest by both ways, then the package that it names by both ways."""
    straight, relayed = _both(
        means.host,
        partial(_straight, means, errand.manifests, MANIFEST_LIMIT, ATTEMPT),
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
    dead = {_server(answer.url): answer for answer in package.manifests if way(answer) is Way.SHUT}
    straight, relayed = _both(
        means.host,
        partial(
            _straight, means, [uri for uri in uris if _server(uri) not in dead], PACKAGE_LIMIT, PACKAGE_ATTEMPT, RANGE
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


def _server(uri: str) -> "tuple[str, int]":
    """Whom an address belongs to: one that could not be reached for the manifest is not tried again for the package."""
    return host_of(uri), port_of(uri)


def _straight(
    means: Means, uris: "Sequence[str]", limit: int, seconds: float, headers: "Optional[Mapping[str, str]]" = None
) -> "tuple[Tried, ...]":
    """Each address, from its own server."""
    found = look_up(means.host, [host_of(uri) for uri in uris], means.dns)
    return means.host.together([partial(fetch, means.host, uri, found, limit, seconds, headers) for uri in uris])


def _relayed(means: Means, uri: str, limit: int, seconds: float, manifest: Optional[str] = None) -> Optional[Tried]:
    """The same by the HostGAPlugin, which the host lets fetch it."""
    if means.state is None:
        return None
    headers = {**plugin_headers(means.state), "x-ms-artifact-location": uri}
    if manifest is not None:
        headers["x-ms-artifact-manifest-location"] = manifest
    got = means.host.get(ARTIFACT_URL, seconds, headers=headers, limit=limit)
    return Tried(answer_of(ARTIFACT_URL, got), got.body)
