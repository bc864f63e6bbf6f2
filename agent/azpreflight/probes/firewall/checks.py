"""What the rules do to a flow, as a finding that names the rule. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Optional

from azpreflight.firewall.boot.facts import SavedRulesFacts
from azpreflight.firewall.facts import (
    BROADCAST,
    AgentState,
    FirewallFacts,
    Flow,
    FlowFacts,
    Outcome,
    Part,
    Purpose,
)
from azpreflight.firewall.rule_names import title
from azpreflight.host import Outcome as Answered
from azpreflight.host import Phase
from azpreflight.model import Confidence, Finding, NotApplicable, Platform, Run, Severity, Stage, Unknown, Verdict
from azpreflight.probes.agents.facts import AgentsFacts
from azpreflight.probes.dns.facts import DnsFacts, Role, Server, speaks
from azpreflight.probes.egress.facts import EgressFacts, flow_of
from azpreflight.probes.firewall.check import AFTER_AGENT, AT_BOOT, check
from azpreflight.probes.firewall.flow_words import RULE_LIMIT, commands_of, confidence_of, fix_of, message_of, reason_of
from azpreflight.probes.firewall.flows import ANYWHERE
from azpreflight.probes.network import marks
from azpreflight.probes.platform.facts import PlatformFacts
from azpreflight.text import plain

UNANSWERED = "the kernel gave it that source in a rehearsal of the same rules, and the real connection failed"
FAILED = "the real connection failed, and this rule does not always let it through"
NOT_AFTER_BOOT = "these rules are live now, and the next boot's let it through"
WAITING_FOR_BOOT = "these rules are live now; whether the next VM has them depends on what saves them"

SeverityOf = Callable[[FlowFacts], Severity]


def of_root(facts: FirewallFacts) -> tuple[FlowFacts, ...]:
    """What others than root may is no fault."""
    return tuple(found for found in facts.flows if found.flow.uid == 0)


def judge_wire_server(facts: FirewallFacts, run: Run) -> Iterator[Verdict]:
    """Ports 80 and 32526: without the first no VM is reported Ready, without the second no extension is installed."""
    yield from _judge(facts, run, Purpose.WIRE_SERVER, lambda found: Severity.ERROR)
    yield from _unheard_probes(facts, run)


def _unheard_probes(facts: FirewallFacts, run: Run) -> Iterator[Verdict]:
    """A load balancer's question that the rules let in, and whose answer they do not let out; one finding for all."""
    lost = [found for found in facts.flows if found.flow.purpose is Purpose.PROBE and found.part is Part.REPLY]
    told = any(rules.state in (AgentState.BLOCKS_PROBES, AgentState.BLOCKS_ROOT) for rules in facts.agent_rules)
    found = next((one for one in lost if one.outcome is Outcome.BLOCKED and one.decider is not None), None)
    if found is None or found.decider is None or told or run.platform is Platform.NONE:
        return
    finding = Finding(
        Severity.WARNING,
        f"{title(found.decider)} drops the answers to health probes of load balancers, which come from"
        f" {found.flow.caller}: tcp port {found.flow.port} of this machine is asked, and its answer does not get out",
        fix_of(found),
        commands=commands_of(found),
        evidence={"rule": plain(found.decider.text, RULE_LIMIT), "asked": found.flow.text},
        confidence=confidence_of(found),
        confidence_reason=reason_of(found),
    )
    yield at_stage(finding, run)


def judge_imds(facts: FirewallFacts, run: Run) -> Iterator[Verdict]:
    """cloud-init and azure-init find out here which VM they are in; waagent can do without."""
    agents = run.facts(AgentsFacts)
    severity = Severity.ERROR if agents is not None and agents.needs_metadata else Severity.WARNING
    yield from _judge(facts, run, Purpose.IMDS, lambda found: severity)


def judge_dns(facts: FirewallFacts, run: Run) -> Iterator[Verdict]:
    """An error only if no server is left; servers that are only asked to compare do not count."""
    dns = run.facts(DnsFacts)
    if dns is None:
        yield from _judge(facts, run, Purpose.DNS, lambda found: Severity.WARNING)
        return
    needed = {server.address for server in dns.servers if server.role is not Role.CONTROL}
    if not needed:
        yield NotApplicable("no DNS server is configured")
        return
    nothing_left = _nothing_left(facts, run, dns.servers)
    flows = [found for found in of_root(facts) if found.flow.purpose is Purpose.DNS and found.flow.address in needed]

    def severity(found: FlowFacts) -> Severity:
        return Severity.ERROR if nothing_left and found.flow.protocol == "udp" else Severity.WARNING

    yield from verdicts_on(flows, run, severity)


def _nothing_left(facts: FirewallFacts, run: Run, servers: Sequence[Server]) -> bool:
    """No server that resolv.conf names, or none of those behind the local resolver, can be asked over UDP."""
    blocked = {found.flow.address for found in of_root(facts) if found.flow.protocol == "udp" and _stopped(found, run)}
    named = {server.address for server in servers if server.role in (Role.LOCAL, Role.CONFIGURED)}
    behind = {server.address for server in servers if server.role is Role.UPSTREAM}
    return any(group and group <= blocked for group in (named, behind))


def _stopped(found: FlowFacts, run: Run) -> bool:
    """By a rule that blocks it, or by one that does something else with it, after which nobody answered."""
    if found.flow.purpose is not Purpose.DNS or found.outcome in (Outcome.ALLOWED, Outcome.UNKNOWN):
        return False
    return found.outcome is Outcome.BLOCKED or works(found, run) is False


def judge_dhcp(facts: FirewallFacts, run: Run) -> Iterator[Verdict]:
    """Without renewals the client asks again by broadcast in the end, which no rule of iptables sees. The agent's own
    request is a matter of how it finds the wire server: see network-wire-server."""
    flows = [found for found in of_root(facts) if found.flow.purpose is Purpose.DHCP]
    if any(found.flow.address == BROADCAST for found in flows):
        yield NotApplicable("no lease is in force that would be renewed")
        return
    yield from verdicts_on(flows, run, lambda found: Severity.WARNING)


# --- one flow -----------------------------------------------------------------------------------------------------


def _judge(facts: FirewallFacts, run: Run, purpose: Purpose, severity: SeverityOf) -> Iterator[Verdict]:
    yield from verdicts_on([found for found in of_root(facts) if found.flow.purpose is purpose], run, severity)


def verdicts_on(flows: Sequence[FlowFacts], run: Run, severity: SeverityOf) -> Iterator[Verdict]:
    """What the rules do to each of these flows."""
    if run.platform is Platform.NONE and run.stage is Stage.FIRSTBOOT:
        yield NotApplicable("not on Azure")
        return
    reasons = dict.fromkeys(found.reason for found in flows if found.outcome is Outcome.UNKNOWN and found.reason)
    yield from (Unknown(reason) for reason in reasons)
    for found in flows:
        if found.outcome is Outcome.ALLOWED and found.mark and works(found, run) is False:
            yield from (at_stage(finding, run) for finding in marks.rerouted(found, severity(found), run))
        if found.outcome in (Outcome.ALLOWED, Outcome.UNKNOWN):
            continue
        if found.outcome is Outcome.REWRITTEN and works(found, run) is None:
            continue  # from another address it may be answered as well
        if works(found, run):
            yield from _in_spite_of_the_rules(found)
        else:
            yield at_stage(_finding(found, severity(found), failed=works(found, run) is False), run)


def works(found: FlowFacts, run: Run) -> Optional[bool]:
    """The same flow was made for real in this run, and something answered each time; None if it was not made."""
    flow, platform, dns = found.flow, run.facts(PlatformFacts), run.facts(DnsFacts)
    if flow.purpose is Purpose.DNS and dns is not None:
        server = next((server for server in dns.servers if server.address == flow.address), None)
        return None if server is None else speaks(server, tcp=flow.protocol == "tcp")
    if flow.purpose is Purpose.PACKAGE:
        return _reached(flow, run)
    if platform is None or flow.purpose not in (Purpose.WIRE_SERVER, Purpose.IMDS):
        return None
    offers = (platform.wire_server, platform.goal) if flow.port == 80 else (platform.plugin,)
    asked = [one for one in ((platform.metadata,) if flow.purpose is Purpose.IMDS else offers) if one is not None]
    return all(one.answer.outcome is Answered.OK for one in asked) if asked else None


def _reached(flow: Flow, run: Run) -> Optional[bool]:
    """Whether a connection was made to a public server, by the probe that tried."""
    egress = run.facts(EgressFacts) or EgressFacts()
    answers = [answer for answer in egress.witnessed if flow_of(answer) == flow.text]
    connected = [answer.outcome is Answered.OK or answer.phase in (Phase.TLS, Phase.HTTP) for answer in answers]
    return any(connected) if connected else None


def _in_spite_of_the_rules(found: FlowFacts) -> Iterator[Verdict]:
    """What a rehearsal says to be blocked and is not, it has got wrong. A flow that is sent elsewhere and answered, or
    left to a program that lets it pass, is well."""
    if found.outcome is Outcome.BLOCKED:
        yield Unknown(f"the rehearsal says that {found.flow.text} is blocked, and the real connection was answered")


def _finding(found: FlowFacts, severity: Severity, failed: bool = False) -> Finding:
    """`failed`: the real connection did. Then what rules leave to chance or to a program is no mere possibility."""
    flow, decider, anywhere = found.flow, found.decider, found.flow.address == ANYWHERE
    chance = found.outcome in (Outcome.QUEUED, Outcome.PROBABILISTIC, Outcome.REWRITTEN)
    evidence = {"flow": flow.text, "outcome": found.outcome.value}
    if decider is not None:
        evidence |= {"rule": plain(decider.text, RULE_LIMIT), "tool": f"{decider.backend.value} {decider.family}"}
        if decider.packets is not None:
            evidence["counter"] = f"{decider.packets} packets"
    return Finding(
        Severity.WARNING if chance and not failed and severity is Severity.ERROR else severity,
        message_of(found),
        fix_of(found),
        commands=commands_of(found),
        evidence=evidence,
        flow=flow.text,
        breaks=(f"tcp *:{flow.port}",) if anywhere else (),
        confidence=Confidence.LIKELY if chance and failed else confidence_of(found),
        confidence_reason=_why(found, chance and failed),
    )


def _why(found: FlowFacts, failed: bool) -> str:
    if found.outcome is Outcome.REWRITTEN:
        return UNANSWERED
    return FAILED if failed else found.reason or reason_of(found)


def at_stage(finding: Finding, run: Run) -> Finding:
    """Before first boot these are the rules of the VM that the image is built in; if it is known what the next boot
    loads, a rule that it does not load is worth a note."""
    if run.stage is Stage.FIRSTBOOT:
        return finding
    saved = run.facts(SavedRulesFacts)
    if saved is not None and finding.flow is not None and saved.lets_through(finding.flow):
        return replace(finding, severity=Severity.NOTE, confidence=Confidence.CERTAIN, confidence_reason=NOT_AFTER_BOOT)
    capped = Severity.WARNING if finding.severity is Severity.ERROR else finding.severity
    return replace(
        finding,
        severity=capped,
        fix=f"If these rules are saved for the next boot: {finding.fix[:1].lower()}{finding.fix[1:]}",
        confidence=Confidence.POSSIBLE,
        confidence_reason=WAITING_FOR_BOOT,
    )


CHECKS = (
    check(
        "firewall-wireserver",
        "the guest's rules let root reach the wire server",
        judge_wire_server,
        Severity.ERROR,
        depends_on=AFTER_AGENT,
        reads=("firewall_boot",),
    ),
    check(
        "firewall-imds",
        "the guest's rules let root reach the instance metadata",
        judge_imds,
        Severity.ERROR,
        depends_on=AT_BOOT,
        reads=("agents", "firewall_boot"),
    ),
    check(
        "firewall-dns",
        "the guest firewall lets DNS queries and replies pass",
        judge_dns,
        Severity.ERROR,
        depends_on=AFTER_AGENT,
        reads=("firewall_boot",),
    ),
    check(
        "firewall-dhcp",
        "the guest firewall lets DHCP renewal pass",
        judge_dhcp,
        Severity.WARNING,
        depends_on=AT_BOOT,
        reads=("firewall_boot",),
    ),
)
