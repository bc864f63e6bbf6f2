"""The verdicts on the packages: by the stores, and by the HostGAPlugin. Pure.

An agent of our day survives a closed way to the stores: it turns to the HostGAPlugin, which the host lets fetch the
package. That costs one delay, which depends on the agent's version, because it stays with what has delivered. Only
where neither way delivers does the extension fail, and then it is not tried again before the goal state changes or the
agent restarts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Optional

from azpreflight.azure.answer import Answer
from azpreflight.host import Outcome
from azpreflight.model import Check, Finding, NotApplicable, Run, Severity, Unknown, Verdict
from azpreflight.probes.egress.check import no_egress
from azpreflight.probes.egress.consequences import concerned, relay_said, severity_of, what_follows
from azpreflight.probes.egress.facts import EgressFacts, Package, Way, by_flow, host_of, way
from azpreflight.probes.egress.messages import (
    hosts_of,
    listed,
    open_up,
    open_up_or_do_without,
    place_of,
    shut_finding,
    told,
)
from azpreflight.probes.network.facts import NetworkFacts
from azpreflight.probes.platform.facts import NOT_ROOT, PLUGIN_FLOW, PlatformFacts
from azpreflight.text import count, several

BY_PROXY = "a proxy keeps it from coming, see proxy-agent and proxy-required"
NO_PACKAGES = "this VM's goal state names no package"


def judge_packages(facts: EgressFacts, run: Run) -> Iterator[Verdict]:
    """The way straight to the stores; how bad a shut one is depends on the other way."""
    if not facts.packages:
        yield from _without_packages(facts, run)
        return
    for answers in by_flow(answer for package in facts.packages for answer in _shut(package)).values():
        yield _shut_way(facts, answers, run)
    yield from dict.fromkeys(verdict for package in facts.packages for verdict in _undecided(package))
    if facts.untried:
        yield Unknown(f"{count(facts.untried, 'further extension')} of the goal state: their stores were not tried")


def _undecided(package: Package) -> Iterator[Verdict]:
    """What keeps the way to a package from being judged."""
    ways = {way(answer): answer for answer in package.direct}
    if package.fault is not None:
        yield Unknown(f"{package.name}: {package.fault}")
    elif not package.open and Way.ODD in ways:
        yield Unknown(f"{host_of(ways[Way.ODD].url)}: {told(ways[Way.ODD])}")
    elif not package.open and Way.PROXY in ways:
        yield NotApplicable(BY_PROXY)
    elif not package.open and Way.UNTRUSTED in ways:
        yield NotApplicable("what answers there presents certificates that are not trusted, see egress-tls")


def _shut(package: Package) -> Iterator[Answer]:
    return (answer for answer in package.direct if way(answer) is Way.SHUT)


def _shut_way(facts: EgressFacts, answers: Sequence[Answer], run: Run) -> Finding:
    worst = concerned(facts, answers)[0]
    message = f"no way to {place_of(answers)}{_card(run)}: {told(answers[0])}; {what_follows(facts, worst, answers[0])}"
    severity, target = severity_of(worst), hosts_of(answers)
    fix = f"{open_up(target)}; where no way out is intended nothing needs fixing."
    if severity is Severity.ERROR:
        fix = open_up_or_do_without(facts, target)
    return shut_finding(answers, severity, message, fix)


def _card(run: Run) -> str:
    """The interface by which it goes out, where there is a choice: another one's subnet may have the way out."""
    network = run.facts(NetworkFacts)
    choice = {route.interface for route in network.default_routes if route.version == 4} if network else set()
    if network is None or len(choice) < 2:
        return ""
    return f" by {network.internet.interface}, one of {several(sorted(choice))} with a default route"


def _without_packages(facts: EgressFacts, run: Run) -> Iterator[Verdict]:
    """No package is known: the cloud's public endpoints can only show that there is no way out at all."""
    reason = why_no_packages(run)
    if reason is None:
        yield NotApplicable(NO_PACKAGES)
        return
    shut = [answer for answer in facts.documented if way(answer) is Way.SHUT]
    if not shut or len(shut) < len(facts.documented):
        yield Unknown(f"which packages this VM needs is not known: {reason}")
        return
    for answers in by_flow(iter(shut)).values():
        message = f"no way to {place_of(answers)}: {told(answers[0])}; which packages this VM needs is not known"
        yield shut_finding(answers, Severity.WARNING, message, f"{open_up(hosts_of(answers))}.")


def why_no_packages(run: Run) -> Optional[str]:
    """Why it is not known what this VM needs; None if it is known."""
    platform = run.facts(PlatformFacts)
    if platform is None:
        return "the platform could not be asked"
    if platform.wanted is not None:
        return None
    return "the goal state could not be read" if platform.privileged else NOT_ROOT


def judge_relay(facts: EgressFacts, run: Run) -> Iterator[Verdict]:
    """The second way. Where the first one works its failure is no more than a note."""
    if not facts.packages:
        reason = why_no_packages(run)
        yield NotApplicable(NO_PACKAGES) if reason is None else Unknown(reason)
        return
    asked = [package for package in facts.packages if not package.signed and package.relayed_manifest is not None]
    if not asked:
        yield Unknown("what it answers shows nothing, because the packages need signatures that are not kept")
    failed: dict[str, list[Package]] = {}
    for package in asked:
        if not package.relayed and package.fault is None:
            failed.setdefault(relay_said(package), []).append(package)
    for reason, packages in failed.items():
        yield _no_relay(reason, packages)


def _no_relay(reason: str, packages: Sequence[Package]) -> Verdict:
    manifest = packages[0].relayed_manifest
    if manifest is not None and manifest.outcome is not Outcome.OK:
        return Unknown(f"the HostGAPlugin: {reason}")
    return Finding(
        Severity.NOTE,
        f"the HostGAPlugin does not deliver {listed(package.name for package in packages)}: {reason}",
        "Keep the direct way to the stores open, as there is no second one, and if this stays ask Azure support.",
        flow=PLUGIN_FLOW,
    )


CHECKS = (
    no_egress("egress-packages", "the extension package storage is reachable", judge_packages, Severity.ERROR),
    Check(
        "egress-hostgaplugin",
        "the HostGAPlugin delivers packages",
        judge_relay,
        Severity.NOTE,
        depends_on=("hostgaplugin-http", "firewall-wireserver"),
        azure_only=True,
        environment=True,
    ),
)
