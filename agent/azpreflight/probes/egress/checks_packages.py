"""The verdicts on the packages: by the stores, and by the HostGAPlugin. Pure.

An agent of our day survives a closed way to the stores: it turns to the HostGAPlugin, which the host lets fetch the
package. That costs one delay, which depends on the agent's version, because it stays with what has delivered. Only
where neither way delivers does the extension fail, and then it is not tried again before the goal state changes or the
agent restarts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Optional

from azpreflight.azure.answer import Answer, said
from azpreflight.host import Outcome
from azpreflight.model import Finding, NotApplicable, Run, Severity, Unknown, Verdict
from azpreflight.probes.egress.facts import EgressFacts, Package, Way, by_flow, host_of, way
from azpreflight.probes.egress.messages import (
    delay_of,
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
from azpreflight.text import several

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
    worst = _concerned(facts, answers)[0]
    message = f"no way to {place_of(answers)}{_card(run)}: {told(answers[0])}; {_consequence(facts, worst, answers[0])}"
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


def severity_of(package: Package) -> Severity:
    """How bad it is that one of its stores cannot be reached."""
    if package.open:
        return Severity.NOTE
    return Severity.WARNING if package.relayed or package.withheld or package.agent else Severity.ERROR


def _concerned(facts: EgressFacts, answers: Sequence[Answer]) -> tuple[Package, ...]:
    """Packages whose way is the one of these answers; the one that suffers most is the first."""
    concerned = [package for package in facts.packages if set(package.direct) & set(answers)]
    return tuple(sorted(concerned, key=lambda package: -severity_of(package).rank))


def consequence_of(facts: EgressFacts, answers: Sequence[Answer]) -> tuple[Severity, Optional[str]]:
    """How bad it is for this VM that the way of these answers is shut, and what follows from it if that is known."""
    needy = [own.extension for own in facts.own if set(own.answers) & set(answers)]
    if needy:
        return Severity.ERROR, f"{listed(needy)} cannot work without it"
    always = [own.extension for own in facts.own if own.always and facts.nothing_open]
    if always:
        return Severity.ERROR, f"{listed(always)} cannot work without a way out"
    concerned = _concerned(facts, answers)
    if not concerned:
        return Severity.WARNING, None
    return severity_of(concerned[0]), _consequence(facts, concerned[0], answers[0])


def _consequence(facts: EgressFacts, package: Package, answer: Answer) -> str:
    if package.open:
        return f"another store has {package.name}"
    if package.relayed:
        return f"the HostGAPlugin delivers instead, some {delay_of(answer, facts.handler)} later"
    if package.withheld:
        return f"whether the HostGAPlugin delivers {package.name} instead only the agent can tell, by its signature"
    if package.agent:
        return "the agent cannot update itself"
    return f"the HostGAPlugin does not deliver {package.name} either: {_relay_said(package)}"


def _relay_said(package: Package) -> str:
    """The answer that shows that it does not deliver."""
    for answer in (package.relayed_manifest, package.relayed_package):
        if answer is not None and not answer.delivered:
            return said(answer)
    return package.fault or "it was not asked"


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
            failed.setdefault(_relay_said(package), []).append(package)
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
