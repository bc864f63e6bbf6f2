"""The platform's own endpoints: wire server, HostGAPlugin and instance metadata.

The guest agent and cloud-init talk to the host of the VM at two fixed addresses: 168.63.129.16 (port 80: what the
platform wants; port 32526: packages and status on the VM's behalf) and 169.254.169.254 (who this VM is). Both are
answered by the host itself. Network security groups and user-defined routes do not apply to them (Microsoft Learn,
"What is IP address 168.63.129.16?"), so where they do not answer it is nearly always the guest's own doing: a rule, a
route or a proxy. Without port 80 or 32526 the agent never reports the VM as ready.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Optional

from azpreflight.host import Host, HostError, Outcome
from azpreflight.model import Cause, Check, Confidence, Finding, Judge, Platform, Probe, Run, Severity, Unknown, Verdict
from azpreflight.probes import instance, wireserver
from azpreflight.probes.agents.facts import AgentsFacts
from azpreflight.probes.answers import Answer, said
from azpreflight.probes.goalstate import Wanted
from azpreflight.probes.instance import IMDS, Instance, Metadata
from azpreflight.probes.wireserver import PLUGIN_PROTOCOL, PROTOCOL, WIRE_SERVER, Goal, Offer

WIRE_FLOW, PLUGIN_FLOW, IMDS_FLOW = f"tcp {WIRE_SERVER}:80", f"tcp {WIRE_SERVER}:32526", f"tcp {IMDS}:80"
DNS_FLOWS = (f"udp {WIRE_SERVER}:53", f"tcp {WIRE_SERVER}:53")
FLOWS = {WIRE_SERVER: (WIRE_FLOW, PLUGIN_FLOW, *DNS_FLOWS), IMDS: (IMDS_FLOW,)}
NOT_ROOT = "needs root: the agent's own firewall drops everybody else's packets to 168.63.129.16"
NOT_ASKED = "it was not asked, because this did not look like Azure"
GUARDED = (401, 403)
"""How the guest proxy agent of the Metadata Security Protocol answers a program that is not on its list."""
LET_OUT = (
    "Let root's TCP connections to {address} out of this machine: no firewall rule, route or proxy of the guest may"
    " stand in the way, and nothing in the virtual network does."
)


@dataclass(frozen=True)
class PlatformRoute:
    """How the kernel would send to one of the two addresses."""

    address: str
    outcome: Outcome
    """ERROR where the kernel could not be asked."""
    interface: Optional[str] = None
    gateway: Optional[str] = None
    source: Optional[str] = None
    error: Optional[str] = None
    """Why the kernel could not be asked."""


@dataclass(frozen=True)
class PlatformFacts:
    """What the platform's endpoints said.

    None is what was not asked: nothing is asked outside Azure, and 168.63.129.16 only as root.
    """

    privileged: bool
    """Asked as root."""
    chassis_tag: Optional[str] = None
    """SMBIOS chassis asset tag; None if there is none."""
    product_uuid: Optional[str] = None
    """SMBIOS system UUID in lower case, which is the VM id; None if there is none or it may not be read."""
    routes: tuple[PlatformRoute, ...] = ()
    wire_server: Optional[Offer] = None
    plugin: Optional[Offer] = None
    goal: Optional[Goal] = None
    metadata: Optional[Metadata] = None

    @property
    def wanted(self) -> Optional[Wanted]:
        """The extensions of this VM; None if they could not be read."""
        return self.goal.wanted if self.goal is not None else None

    @property
    def instance(self) -> Optional[Instance]:
        """Who this VM is; None if it was not told."""
        return self.metadata.instance if self.metadata is not None else None


# --- gathering ----------------------------------------------------------------------------------------------------


def gather(host: Host, run: Run) -> PlatformFacts:
    """Ask everything at once; outside Azure nothing is asked."""
    tag, uuid = _dmi(host, "chassis_asset_tag"), _dmi(host, "product_uuid")
    if run.platform is not Platform.AZURE or run.offline:
        return PlatformFacts(host.privileged, tag, uuid)
    asks: dict[str, Callable[[Host], Any]] = {"metadata": instance.ask}
    if host.privileged:
        asks |= {"wire_server": wireserver.ask_versions, "plugin": wireserver.ask_plugin, "goal": wireserver.ask_goal}
    answers = host.together([partial(ask, host) for ask in asks.values()])
    routes = tuple(_route(host, address) for address in FLOWS)
    return PlatformFacts(host.privileged, tag, uuid, routes, **dict(zip(asks, answers)))


def _dmi(host: Host, name: str) -> Optional[str]:
    try:
        text = host.text(f"/sys/class/dmi/id/{name}")
    except HostError:
        return None
    return text.strip().lower() or None if text else None


def _route(host: Host, address: str) -> PlatformRoute:
    try:
        route = host.route(address)
    except HostError as error:
        return PlatformRoute(address, Outcome.ERROR, error=str(error))
    return PlatformRoute(address, route.outcome, route.interface, route.gateway, route.source)


# --- judging ------------------------------------------------------------------------------------------------------


def judge_route(facts: PlatformFacts, run: Run) -> Iterator[Verdict]:
    """The kernel knows a way to both addresses."""
    if not facts.routes:
        yield Unknown(NOT_ASKED)
    for route in facts.routes:
        if route.error is not None:
            yield Unknown(route.error)
        elif route.outcome is not Outcome.OK:
            flow, *more = FLOWS[route.address]
            yield Finding(
                Severity.ERROR if route.address == WIRE_SERVER else severity_of_metadata(run),
                f"no route to {route.address}: the kernel says {route.outcome.value}",
                "Renew the DHCP lease, which brings a default route and a route to this address,"
                " and remove any route of the image's own that rejects it.",
                flow=flow,
                takes_down=tuple(more),
                confidence_reason="the kernel's own routing table says so",
            )


def judge_wire_server(facts: PlatformFacts, run: Run) -> Iterator[Verdict]:
    """Port 80 answers in a protocol that the agents speak."""
    offer = facts.wire_server
    if offer is None:
        yield _not_asked(facts)
    elif _guarded(offer.answer):
        yield _guard(offer.answer)
    elif not offer.answer.delivered:
        yield _failed("the wire server", offer.answer, WIRE_FLOW)
    elif PROTOCOL not in offer.versions:
        yield _odd(f"the wire server does not offer version {PROTOCOL} of its protocol", WIRE_FLOW)


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
        yield _failed("the HostGAPlugin", offer.answer, PLUGIN_FLOW)
    elif offer.answer.delivered and PLUGIN_PROTOCOL not in offer.versions:
        message = f"the HostGAPlugin answers without offering version {PLUGIN_PROTOCOL} of its interface"
        yield _odd(message, PLUGIN_FLOW, Severity.WARNING)


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
    """An error where cloud-init provisions, which reports a failure without it; the agent alone only logs it."""
    agents = run.facts(AgentsFacts)
    return Severity.ERROR if agents is not None and agents.cloud_init_provisions else Severity.WARNING


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


_WIRE = ("firewall-wireserver", "platform-route", "network-address", "network-default-route")
_METADATA = ("firewall-imds", "platform-route", "network-address", "network-default-route")


def _check(check_id: str, title: str, judge: Judge, depends_on: "tuple[str, ...]") -> Check:
    """All ask the platform, for the same cause; how bad a silent metadata service is depends on who provisions."""
    return Check(
        check_id,
        title,
        judge,
        Severity.ERROR,
        cause=Cause.PLATFORM_UNREACHABLE,
        depends_on=depends_on,
        reads=("agents",),
        azure_only=True,
    )


WORST_CASE_S = 2 * wireserver.TIMEOUT
"""Seconds: the goal state, then the extensions; everything else is asked at the same time."""

PROBE = Probe(
    name="platform",
    facts=PlatformFacts,
    gather=gather,
    checks=(
        _check(
            "platform-route",
            "the kernel knows a way to the platform's own addresses",
            judge_route,
            ("network-address", "network-default-route"),
        ),
        _check("wireserver-http", "the wire server answers on port 80", judge_wire_server, _WIRE),
        _check(
            "wireserver-goal-state",
            "the wire server tells what it wants of this VM",
            judge_goal_state,
            (*_WIRE, "wireserver-http"),
        ),
        _check("hostgaplugin-http", "the HostGAPlugin answers on port 32526", judge_plugin, _WIRE),
        _check("imds-instance", "the instance metadata service tells who this VM is", judge_metadata, _METADATA),
    ),
)
