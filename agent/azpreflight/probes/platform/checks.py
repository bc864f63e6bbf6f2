"""The verdicts on the platform's endpoints. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from azpreflight.azure.addresses import WIRE_SERVER
from azpreflight.azure.agent_versions import READY_NEEDS_PLUGIN
from azpreflight.azure.answer import Answer, said
from azpreflight.azure.wire_server import PLUGIN_PROTOCOL, PROTOCOL, Goal
from azpreflight.host import Outcome, Phase
from azpreflight.model import Confidence, Finding, Run, Severity, Unknown, Verdict
from azpreflight.probes.agents.facts import AgentsFacts, Provisioner
from azpreflight.probes.network.clearance import cleared, rule_out
from azpreflight.probes.network.detours import Detour, detour_of, led_alike
from azpreflight.probes.network.facts import NetworkFacts
from azpreflight.probes.platform.check import METADATA, WIRE, check
from azpreflight.probes.platform.facts import (
    FLOWS,
    IMDS_FLOW,
    NOT_ASKED,
    NOT_ROOT,
    PLUGIN_FLOW,
    WIRE_FLOW,
    PlatformFacts,
    PlatformRoute,
)
from azpreflight.text import plain

REPORTERS = (Provisioner.WAAGENT, Provisioner.CLOUD_INIT, Provisioner.AZURE_INIT)
"""Who reports Ready, where exactly one of them provisions."""
REST = ("tcp *:443", "tcp *:80")
"""What else provisioning needs, beyond the platform's own addresses."""
GUARDED = (401, 403)
"""How the guest proxy agent of the Metadata Security Protocol answers a program that is not on its list."""
_NOTHING_BACK = (Outcome.TIMEOUT, Outcome.UNREACHABLE, Outcome.PROHIBITED)
"""Nobody at the address said a word; a closed port is one."""
LET_OUT = (
    "Let root's TCP connections to {address} out of this machine: no firewall rule, route or proxy of the guest may"
    " stand in the way, and nothing in the virtual network does."
)


def judge_route(facts: PlatformFacts, run: Run) -> Iterator[Verdict]:
    """The kernel knows a way to both addresses, and it is that of the NIC that the platform serves."""
    if not facts.routes:
        yield Unknown(NOT_ASKED)
    for route in facts.routes:
        detour = detour_of(route.address, {route.address: route.as_route}, run)
        if route.error is not None:
            yield Unknown(route.error)
        elif detour is not None:
            yield from _by_another_way(route, detour, facts, run)
        elif route.outcome is not Outcome.OK:
            yield _no_route(route, run)


def _no_route(route: PlatformRoute, run: Run) -> Finding:
    flow, *more = FLOWS[route.address]
    return Finding(
        Severity.ERROR if route.address == WIRE_SERVER else severity_of_metadata(run),
        f"no route to {route.address}: the kernel says {route.outcome.value}",
        "Renew the DHCP lease, which brings a default route and a route to this address,"
        " and remove any route of the image's own that rejects it.",
        flow=flow,
        breaks=tuple(more),
        confidence_reason="the kernel's own routing table says so",
    )


def _by_another_way(route: PlatformRoute, detour: Detour, facts: PlatformFacts, run: Run) -> Iterator[Verdict]:
    """Where it answers all the same, another source address or a NIC that was given its routes by hand will do."""
    flow, *more = FLOWS[route.address]
    answered = any(answer.outcome is Outcome.OK for answer in facts.answers_of(route.address))
    if answered and detour.quiet:
        return
    worst = Severity.ERROR if route.address == WIRE_SERVER else severity_of_metadata(run)
    yield Finding(
        Severity.NOTE if answered else worst,
        detour.message + ("; it answers all the same" if answered else ""),
        detour.fix,
        detour.commands,
        evidence={"interface": route.interface or "none", "source": route.source or "unknown"},
        flow=flow,
        breaks=() if answered else (*more, *_with_the_rest(route, run)),
        confidence=Confidence.LIKELY,
        confidence_reason="the kernel's own routing says so; a NIC with manually configured routes may behave the same",
    )


def _with_the_rest(route: PlatformRoute, run: Run) -> tuple[str, ...]:
    """Where what is sent to the internet takes the same way, or to name servers by the same rule and route, that is
    lost with it."""
    network = run.facts(NetworkFacts)
    if network is None or route.outcome is not Outcome.OK:
        return ()
    same = (network.internet.interface, network.internet.gateway) == (route.interface, route.gateway)
    taken = (f"udp {server}:53" for server in led_alike(route.address, network))
    return (*(REST if same else ()), *taken)


def judge_wire_server(facts: PlatformFacts, run: Run) -> Iterator[Verdict]:
    """Port 80 answers in a protocol that the agents speak."""
    offer = facts.wire_server
    if offer is None:
        yield _not_asked(facts)
    elif _guarded(offer.answer):
        yield _guard(offer.answer)
    elif not offer.answer.delivered:
        yield replace(_failed("the wire server", offer.answer, WIRE_FLOW), breaks=_with_its_address(facts, run))
    elif PROTOCOL not in offer.versions:
        yield _odd(f"the wire server does not offer version {PROTOCOL} of its protocol", WIRE_FLOW)


def _with_its_address(facts: PlatformFacts, run: Run) -> tuple[str, ...]:
    """Where nothing comes back from either port, and no rule of the guest is why, the way to the address is shut, and
    with it the one to the platform's DNS server."""
    dead = [
        offer is not None and offer.answer.phase is Phase.TCP and offer.answer.outcome in _NOTHING_BACK
        for offer in (facts.wire_server, facts.plugin)
    ]
    if not all(dead) or rule_out(WIRE_FLOW, run) is None:
        return ()
    return (f"udp {WIRE_SERVER}:53", f"tcp {WIRE_SERVER}:53")


def judge_goal_state(facts: PlatformFacts, run: Run) -> Iterator[Verdict]:
    """The wire server tells what this VM should become, in a form that can be read."""
    goal = facts.goal
    if goal is None:
        yield _not_asked(facts)
    elif _guarded(goal.answer):
        yield _guard(goal.answer)
    elif not goal.answer.delivered:
        yield _failed("asked for the goal state, the wire server", goal.answer, WIRE_FLOW)
    elif goal.fault is not None:
        yield _odd(f"the goal state cannot be read: {goal.fault}", WIRE_FLOW)
    elif goal.wanted is None:
        yield Unknown(f"the extensions could not be read: {_why_no_extensions(goal)}")


def _why_no_extensions(goal: Goal) -> str:
    if goal.wanted_fault is not None:
        return goal.wanted_fault
    return said(goal.extensions) if goal.extensions is not None else "none were named"


def judge_plugin(facts: PlatformFacts, run: Run) -> Iterator[Verdict]:
    """Any HTTP answer will do: the agent asks for vmSettings too and takes a 404 for "not supported"."""
    offer = facts.plugin
    if offer is None:
        yield _not_asked(facts)
    elif offer.answer.outcome is not Outcome.OK:
        failed = _failed("the HostGAPlugin", offer.answer, PLUGIN_FLOW)
        yield replace(failed, message=f"{failed.message}; {without_plugin(run)}")
    elif offer.answer.delivered and PLUGIN_PROTOCOL not in offer.versions:
        message = f"the HostGAPlugin answers without offering version {PLUGIN_PROTOCOL} of its interface"
        yield _odd(message, PLUGIN_FLOW, Severity.WARNING)


def without_plugin(run: Run) -> str:
    """What follows where port 32526 is closed and port 80 is open: extensions never run, and in some cases the VM is
    not reported either."""
    agents = run.facts(AgentsFacts)
    if agents is None or agents.provisioner not in REPORTERS:
        return "no extension is installed"
    if agents.provisioner is not Provisioner.WAAGENT:
        return f"{agents.provisioner.value} reports Ready without it, and no extension is installed"
    needed = READY_NEEDS_PLUGIN.holds(agents.waagent.version)
    name = f"waagent {plain(agents.waagent.version or '')}".rstrip()
    if needed is None:
        versions = f"{READY_NEEDS_PLUGIN.first} to {READY_NEEDS_PLUGIN.last}"
        return f"no extension is installed, and waagent {versions} never reports Ready"
    if needed:
        return f"{name} never reports Ready, not even a failure, and installs no extension"
    return f"{name} reports Ready without it, and installs no extension"


def judge_metadata(facts: PlatformFacts, run: Run) -> Iterator[Verdict]:
    """The metadata service describes this VM."""
    metadata = facts.metadata
    if metadata is None:
        yield Unknown(NOT_ASKED)
    elif metadata.instance is not None:
        return
    elif not facts.privileged and metadata.answer.outcome is not Outcome.OK:
        yield Unknown(f"{said(metadata.answer)}; needs root, because rules may let only root out")
    elif _guarded(metadata.answer):
        yield _guard(metadata.answer)
    elif metadata.fault is not None:
        yield _odd(f"the instance document cannot be read: {metadata.fault}", IMDS_FLOW, severity_of_metadata(run))
    elif metadata.answer.outcome is Outcome.OK:
        yield _refused_document(metadata.answer, run)
    else:
        yield _failed("the instance metadata service", metadata.answer, IMDS_FLOW, severity_of_metadata(run))


def severity_of_metadata(run: Run) -> Severity:
    """An error where cloud-init or azure-init provisions, which fail without it; waagent alone only logs it."""
    agents = run.facts(AgentsFacts)
    return Severity.ERROR if agents is not None and agents.needs_metadata else Severity.WARNING


def _refused_document(answer: Answer, run: Run) -> Finding:
    """The service is there and has no document now; what its status means is documented with it."""
    meaning = {
        404: "there is no such document, as on platforms without the service",
        410: "it is being updated, and will answer within 70 s",
        429: "it was asked too often",
    }.get(answer.status or 0, "it failed")
    passing = answer.status in (410, 429)
    return Finding(
        Severity.WARNING if passing else severity_of_metadata(run),
        f"the instance metadata service answers with status {answer.status}: {meaning}",
        "Ask again in a minute, and if it stays like this move the VM to another host (redeploy) or ask Azure support.",
        flow=IMDS_FLOW,
        confidence=Confidence.LIKELY,
        confidence_reason="the service answers; a passing state of the host is the alternative to a fault",
    )


def _not_asked(facts: PlatformFacts) -> Unknown:
    return Unknown(NOT_ASKED if facts.privileged else NOT_ROOT)


def _guarded(answer: Answer) -> bool:
    return answer.outcome is Outcome.OK and answer.status in GUARDED


def _guard(answer: Answer) -> Unknown:
    return Unknown(f"status {answer.status}: the Metadata Security Protocol may let only the agents ask")


def _failed(who: str, answer: Answer, flow: str, severity: Severity = Severity.ERROR) -> Finding:
    place = flow[len("tcp ") :]
    silent = "silence: something drops the packets, and that need not be this machine"
    return Finding(
        severity,
        f"{who} at {place}: {said(answer)}",
        LET_OUT.format(address=place.partition(":")[0]),
        flow=flow,
        evidence={"url": answer.url, "phase": answer.phase.value, "outcome": answer.outcome.value},
        confidence=Confidence.CERTAIN if answer.sure else Confidence.LIKELY,
        confidence_reason="the network or the server said so" if answer.sure else silent,
    )


def _odd(message: str, flow: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(
        severity,
        message,
        "Find what answers in the platform's place, such as a transparent proxy or a rule that redirects;"
        " where it is the platform itself, ask Azure support.",
        flow=flow,
        confidence=Confidence.LIKELY,
        confidence_reason="a server answered, and not as the platform does",
    )


CHECKS = (
    check(
        "platform-route",
        "there is a route to the platform addresses",
        judge_route,
        ("network-address", "network-default-route"),
    ),
    check("wireserver-http", "the wire server answers on port 80", cleared(judge_wire_server), WIRE),
    check(
        "wireserver-goal-state",
        "the wire server returns a valid goal state",
        cleared(judge_goal_state),
        (*WIRE, "wireserver-http"),
    ),
    check("hostgaplugin-http", "the HostGAPlugin answers on port 32526", cleared(judge_plugin), WIRE),
    check("imds-instance", "IMDS returns the instance metadata", cleared(judge_metadata), METADATA),
)
