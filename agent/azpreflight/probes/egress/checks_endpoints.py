"""The verdicts on what extensions need of their own, on and on what the configuration names. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from azpreflight.azure.answer import Answer
from azpreflight.host import Phase
from azpreflight.model import Confidence, Finding, NotApplicable, Run, Severity, Unknown, Verdict
from azpreflight.probes.egress.check import no_egress
from azpreflight.probes.egress.checks_packages import BY_PROXY, why_no_packages
from azpreflight.probes.egress.facts import EgressFacts, Own, Way, by_flow, flow_of, host_of, way
from azpreflight.probes.egress.messages import (
    evidence_of,
    hosts_of,
    listed,
    open_up,
    open_up_or_do_without,
    place_of,
    shut_finding,
    told,
)
from azpreflight.text import plain


def judge_extensions(facts: EgressFacts, run: Run) -> Iterator[Verdict]:
    """Extensions' own traffic has no second way: one that is shut stops the extension."""
    if not facts.own:
        reason = why_no_packages(run)
        yield NotApplicable("no extension is wanted here") if reason is None else Unknown(reason)
        return
    yield from _undocumented(facts)
    needy = [own for own in facts.own if own.answers or own.always]
    if not needy:
        yield NotApplicable("nothing is known that these extensions need of their own")
    for answers in by_flow(_those(needy, Way.SHUT)).values():
        names = listed(own.extension for own in needy if set(own.answers) & set(answers))
        message = f"no way to {place_of(answers)}, which {names} needs: {told(answers[0])}"
        yield shut_finding(answers, Severity.ERROR, message, open_up_or_do_without(facts, hosts_of(answers)))
    if any(_those(needy, Way.PROXY)):
        yield NotApplicable(BY_PROXY)
    for answer in _those(needy, Way.ODD):
        yield _odd(answer, facts)
    if facts.nothing_open:
        yield from _no_way_at_all(facts, [own for own in needy if own.always])


def _undocumented(facts: EgressFacts) -> Iterator[Verdict]:
    blind = [own for own in facts.own if own.undocumented is not None]
    if blind:
        names = listed(own.extension for own in blind)
        yield Unknown(f"the hosts of {names} are not known: {plain(blind[0].undocumented or '')}")


def _those(needy: Sequence[Own], kind: Way) -> Iterator[Answer]:
    return (answer for own in needy for answer in own.answers if way(answer) is kind)


def _no_way_at_all(facts: EgressFacts, always: Sequence[Own]) -> Iterator[Verdict]:
    """Hosts that only the settings name are not known here; where no public server answers, neither will they."""
    if not always:
        return
    names, settings = listed(own.extension for own in always), listed(own.untried or "" for own in always)
    for answers in by_flow(answer for answer in facts.documented if way(answer) is Way.SHUT).values():
        place = place_of(answers)
        message = f"no way to {place} nor to any public server: {told(answers[0])}; {names} needs {settings}"
        finding = shut_finding(answers, Severity.ERROR, message, open_up_or_do_without(facts, settings))
        sure = Confidence.LIKELY if finding.confidence is Confidence.CERTAIN else finding.confidence
        reason = f"{finding.confidence_reason}; a private endpoint in the virtual network would still work"
        yield replace(finding, confidence=sure, confidence_reason=reason)


def judge_repositories(facts: EgressFacts, run: Run) -> Iterator[Verdict]:
    """A matter of their own where other public servers answer; where none does, the rest says so."""
    if not facts.repositories:
        yield NotApplicable("no package repository was tried")
    elif facts.nothing_open:
        yield NotApplicable("no public server answers at all, see egress-packages")
    else:
        for answers in by_flow(answer for answer in facts.repositories if way(answer) is Way.SHUT).values():
            message = f"no way to {place_of(answers)}: {told(answers[0])}; a package repository of the image is there"
            yield shut_finding(answers, Severity.WARNING, message, f"{open_up(hosts_of(answers))}{_of_azure(answers)}.")
        for answers in by_flow(answer for answer in facts.repositories if way(answer) is Way.PROXY).values():
            yield _answered_for(answers)
        for answer in facts.repositories:
            if way(answer) is Way.ODD and answer.phase is Phase.DNS:
                yield _odd(answer, facts)


def _answered_for(answers: Sequence[Answer]) -> Finding:
    """A proxy on the way that gives its own answer, as a firewall that allows names does for those that it does not."""
    first = answers[0]
    return Finding(
        Severity.WARNING,
        f"a proxy on the way ({first.via or 'nameless'}) answers in the place of {place_of(answers)}: {told(first)};"
        " a package repository of the image is there",
        f"Let that proxy or firewall pass {hosts_of(answers)}{_of_azure(answers)}.",
        evidence=evidence_of(first),
        flow=flow_of(first),
        confidence=Confidence.CERTAIN,
        confidence_reason="its answer says so",
    )


def _odd(answer: Answer, facts: EgressFacts) -> Verdict:
    """A name that this VM's servers deny is judged as one, by egress-names."""
    name = host_of(answer.url)
    denied = any(lookup.name == name and lookup.rcode is not None for lookup in facts.lookups)
    return NotApplicable(f"{name} is not resolved, see egress-names") if denied else Unknown(f"{name}: {told(answer)}")


def _of_azure(answers: Sequence[Answer]) -> str:
    """What is special about the servers for Red Hat's images (Microsoft Learn, "Red Hat Update Infrastructure for
    on-demand RHEL VMs in Azure")."""
    rhui = any(host_of(answer.url).startswith("rhui") for answer in answers)
    return ", without a detour over another network, as RHUI lets in addresses of Azure alone" if rhui else ""


def judge_configured(facts: EgressFacts, run: Run) -> Iterator[Verdict]:
    """What the configuration names, for the user's own purposes."""
    if not facts.configured:
        yield NotApplicable("the configuration names no endpoints")
    for answers in by_flow(answer for answer in facts.configured if way(answer) is Way.SHUT).values():
        message = f"no way to {place_of(answers)}: {told(answers[0])}; the configuration names it"
        yield shut_finding(answers, Severity.WARNING, message, f"{open_up(hosts_of(answers))}.")
    if any(way(answer) is Way.PROXY for answer in facts.configured):
        yield NotApplicable(BY_PROXY)
    for answer in facts.configured:
        if way(answer) is Way.ODD:
            yield Unknown(f"{host_of(answer.url)}: {told(answer)}")


CHECKS = (
    no_egress(
        "egress-extensions",
        "the endpoints that extensions need are reachable",
        judge_extensions,
        Severity.ERROR,
    ),
    no_egress(
        "egress-endpoints",
        "the endpoints that the configuration names can be reached",
        judge_configured,
        Severity.WARNING,
        azure_only=False,
    ),
    no_egress(
        "egress-repositories",
        "the package repositories of the image can be reached",
        judge_repositories,
        Severity.WARNING,
    ),
)
