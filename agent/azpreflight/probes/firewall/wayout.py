"""What the rules do to the ways out, those included that are only found while they are tried. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Optional

from azpreflight.azure.addresses import HOST_PLUGIN_PORT
from azpreflight.azure.answer import Answer
from azpreflight.firewall.facts import Decider, FirewallFacts, Flow, FlowFacts, Outcome, Purpose
from azpreflight.firewall.rule_names import title
from azpreflight.host import Phase
from azpreflight.model import Confidence, Finding, Run, Severity, Verdict
from azpreflight.probes.egress.facts import EgressFacts, Way, flow_of, port_of, way
from azpreflight.probes.firewall.check import AT_BOOT, check
from azpreflight.probes.firewall.checks import at_stage, of_root, verdicts_on
from azpreflight.probes.firewall.flow_words import RULE_LIMIT
from azpreflight.probes.firewall.flows import ANYWHERE, package_addresses
from azpreflight.text import plain

WITH_USERS = ("AzureMonitorLinuxAgent", "LinuxDiagnostic", "OmsAgentForLinux")
"""Types of extensions whose services give up root: mdsd runs as syslog, the older agent as omsagent."""
STANDS_FOR_OTHERS = f"the rules do so to {ANYWHERE}, which stands for the public addresses that were not rehearsed"


def judge_egress(facts: FirewallFacts, run: Run) -> Iterator[Verdict]:
    """Port 443 is an error where packages come by no other way, or an extension needs that very address for its work;
    port 80 of the stores costs nothing that is documented."""
    needed = _needed(facts, run)
    flows = [found for found in of_root(facts) if found.flow.purpose is Purpose.PACKAGE]
    others: tuple[FlowFacts, ...] = ()
    if any(package_addresses(run)):
        rehearsed = {found.flow.text for found in flows}
        unknown = [flow for flow in _shut(run) if flow.text not in rehearsed]
        others = tuple(_as_of(flow, found) for found in flows for flow in unknown if _stands_for(found, flow))
        flows = [found for found in flows if found.flow.address != ANYWHERE]

    def severity(found: FlowFacts) -> Severity:
        if found.flow.port != 443:
            return Severity.WARNING if found in others else Severity.NOTE
        return Severity.ERROR if needed is None or found.flow.text in needed else Severity.WARNING

    yield from verdicts_on([*flows, *others], run, severity)
    yield from _of_other_users(facts, run)


def _of_other_users(facts: FirewallFacts, run: Run) -> Iterator[Verdict]:
    """Rules that let root alone out stop what services of an extension send as a user of their own."""
    egress = run.facts(EgressFacts) or EgressFacts()
    needy = [own.extension for own in egress.own if own.extension.endswith(WITH_USERS)]
    for found in facts.flows:
        of_others = found.flow.uid != 0 and found.flow.purpose is Purpose.PACKAGE
        roots = next((one for one in of_root(facts) if one.flow.text == found.flow.text), None)
        free = roots is not None and roots.outcome is Outcome.ALLOWED
        if needy and of_others and free and found.outcome is Outcome.BLOCKED and found.decider is not None:
            yield at_stage(_root_alone(found, found.decider, needy[0]), run)


def _root_alone(found: FlowFacts, decider: Decider, extension: str) -> Finding:
    return Finding(
        Severity.WARNING,
        f"{title(decider)} drops what other users than root send to port {found.flow.port}: services of {extension} may"
        " run as one",
        f"Let port {found.flow.port} out for the users of {extension} as well (ps -ef shows them).",
        evidence={"rule": plain(decider.text, RULE_LIMIT), "user": str(found.flow.uid)},
        confidence=Confidence.POSSIBLE,
        confidence_reason="the kernel did so in a rehearsal; a service that runs as root is the alternative",
    )


def _shut(run: Run) -> Iterator[Flow]:
    """Public addresses to which no connection was made."""
    egress = run.facts(EgressFacts) or EgressFacts()
    failed = {flow_of(answer): answer for answer in egress.witnessed if _found_shut(answer)}
    for answer in failed.values():
        yield Flow("tcp", answer.address or "", port_of(answer.url), Purpose.PACKAGE)


def _found_shut(answer: Answer) -> bool:
    return way(answer) is Way.SHUT and answer.phase is Phase.TCP and answer.address is not None


def _stands_for(found: FlowFacts, flow: Flow) -> bool:
    return found.flow.address == ANYWHERE and found.flow.port == flow.port and ":" not in flow.address


def _as_of(flow: Flow, found: FlowFacts) -> FlowFacts:
    """What the rules do to an address that stands for this one."""
    decider = found.decider
    return replace(
        found,
        flow=flow,
        decider=decider and replace(decider, command=decider.command.replace(ANYWHERE, flow.address)),
        rehearsed=False,
        reason=found.reason or STANDS_FOR_OTHERS,
    )


def _needed(facts: FirewallFacts, run: Run) -> Optional[frozenset[str]]:
    """Flows that nothing replaces; None if none of them is replaced."""
    egress = run.facts(EgressFacts)
    if egress is None:
        return frozenset() if _plugin_open(facts) else None
    if any(not (package.delivered or package.relayed or package.agent) for package in egress.packages):
        return None
    answers = [answer for own in egress.own for answer in own.answers]
    if egress.nothing_open and any(own.always for own in egress.own):
        answers += egress.documented
    return frozenset(map(flow_of, answers))


def _plugin_open(facts: FirewallFacts) -> bool:
    return not any(found.flow.port == HOST_PLUGIN_PORT and found.outcome is Outcome.BLOCKED for found in of_root(facts))


CHECKS = (
    check(
        "firewall-egress",
        "the guest firewall lets connections to package storage pass",
        judge_egress,
        Severity.ERROR,
        depends_on=AT_BOOT,
        reads=("egress", "firewall_boot"),
    ),
)
