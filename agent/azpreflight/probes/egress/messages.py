"""How a shut way is told: what it means, how sure that is, and how it is fixed. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Optional

from azpreflight.azure import agent_versions, endpoints
from azpreflight.azure.agent_versions import Delays
from azpreflight.azure.answer import Answer, said
from azpreflight.host import Outcome, Phase
from azpreflight.model import Confidence, Finding, Severity
from azpreflight.probes.egress.facts import EgressFacts, Own, flow_of, host_of, port_of

DIAGNOSTICS = "LinuxDiagnostic"
"""Type of the diagnostics extension, which is often left on where no way out is intended."""
PRIVATE = (
    "Look for the private endpoint that {hosts} resolves to: let this subnet reach it, or take the record of one that"
    " is gone out of the private DNS zone"
)
AGAIN = "the VM need not be deleted: once this is fixed, remove each extension that failed and add it again"


def place_of(answers: Sequence[Answer]) -> str:
    """The hosts of answers that speak of one flow, with what was tried to reach them."""
    first = answers[0]
    if first.proxy is not None:
        return f"{hosts_of(answers)} (by the proxy {first.proxy})"
    if first.phase is Phase.DNS:
        return hosts_of(answers)
    return f"{hosts_of(answers)} ({first.address}:{port_of(first.url)})"


def listed(names: Iterable[str], most: int = 3) -> str:
    """Names once each, in order, the rest as a number."""
    unique = list(dict.fromkeys(names))
    return ", ".join(unique[:most]) + (f" and {len(unique) - most} more" if len(unique) > most else "")


def told(answer: Answer) -> str:
    """What came of it; of a name, why it has no address."""
    nameless = answer.phase is Phase.DNS or (answer.phase is Phase.PROXY and answer.address is None)
    return answer.detail or said(answer) if nameless else said(answer)


def delay_of(answer: Answer, handler: Optional[str]) -> str:
    """Seconds until the agent turns to the HostGAPlugin, once for all addresses: "91 s", or where the handler's version
    is not known "5 to 91 s"."""
    known = agent_versions.delays(handler)
    seconds = sorted({_seconds(answer, one) for one in (agent_versions.DELAYS if known is None else (known,))})
    return f"{' to '.join(f'{one:.0f}' for one in seconds)} s"


def _seconds(answer: Answer, delays: Delays) -> float:
    if answer.outcome is Outcome.OK:
        return delays.status
    if answer.outcome is not Outcome.TIMEOUT:
        return delays.refused
    return delays.silent_dns if answer.phase is Phase.DNS else delays.silent


def confidence_of(answer: Answer) -> tuple[Confidence, str]:
    """How surely a shut way is one, and why."""
    if answer.phase is Phase.DNS:
        return Confidence.POSSIBLE, "the address is not known, so the way to it was not tried"
    if answer.outcome is Outcome.ERROR:
        return Confidence.LIKELY, "no store of Azure speaks anything else: a captive portal or a transparent proxy does"
    if answer.phase is not Phase.TCP:
        reason = "the connection is made and then breaks: a filter that reads names, or large packets that vanish"
        return Confidence.POSSIBLE, reason
    if answer.outcome is Outcome.TIMEOUT:
        return Confidence.LIKELY, "silence: a rule or a tunnel on the way that drops packets is the alternative"
    return Confidence.CERTAIN, f"{answer.offender or 'the network'} said so"


def evidence_of(answer: Answer) -> dict[str, str]:
    """What was seen of one attempt."""
    seen = {
        "url": answer.url,
        "address": answer.address,
        "phase": answer.phase.value,
        "outcome": answer.outcome.value,
        "proxy": answer.proxy,
        "via": answer.via,
        "issuer": answer.issuer,
        "offender": answer.offender,
        "icmp": answer.icmp,
    }
    return {key: value for key, value in seen.items() if value is not None}


def open_up(target: str) -> str:
    """What opens a shut way."""
    return f"Open the way from this subnet to {target} (NAT gateway, route, network security group or firewall)"


def open_up_or_do_without(facts: EgressFacts, target: str) -> str:
    """The fix for a way without which an extension fails, in one sentence."""
    off = ", or where no way out is intended turn the diagnostics extension off, as boot diagnostics work without it"
    diagnostics = any(own.extension.endswith(DIAGNOSTICS) for own in facts.own)
    gone = "".join(f"; {said}" for said in (support_of(own) for own in facts.own) if said is not None)
    return f"{open_up(target)}{off if diagnostics else ''}; {AGAIN}{gone}."


def support_of(own: Own) -> Optional[str]:
    """What is said of an extension that is not supported any more; None of one that is."""
    if own.retired is None:
        return None
    return f"{own.extension} is not supported since {own.retired}: {own.successor} takes its place"


def is_private(answer: Answer) -> bool:
    """A service of Azure was asked straight at an address of a virtual network, as a private endpoint has (RFC 1918,
    RFC 4193)."""
    try:
        found = ipaddress.ip_address(answer.address or "")
    except ValueError:
        return False
    inside = found.is_private and not (found.is_loopback or found.is_link_local)
    return inside and answer.proxy is None and endpoints.may_be_private(host_of(answer.url))


def private_addresses(answers: Iterable[Answer]) -> Optional[str]:
    """Which servers were asked at a private address; None if none was."""
    found = [f"{host_of(one.url)} has {one.address}" for one in answers if is_private(one)]
    return f"by a private endpoint: {listed(found)}" if found else None


def hosts_of(answers: Sequence[Answer]) -> str:
    """The hosts of answers that speak of one flow."""
    return listed(host_of(answer.url) for answer in answers)


def shut_finding(answers: Sequence[Answer], severity: Severity, message: str, fix: str) -> Finding:
    """What is said of answers that speak of one flow, whose way is shut; of a private address something else helps."""
    confidence, reason = confidence_of(answers[0])
    if is_private(answers[0]):
        message = f"{message}; {answers[0].address} is a private address, as a private endpoint has"
        fix = f"{PRIVATE.format(hosts=hosts_of(answers))}; {AGAIN}."
    return Finding(
        severity,
        message,
        fix,
        evidence=evidence_of(answers[0]),
        flow=flow_of(answers[0]),
        confidence=confidence,
        confidence_reason=reason,
    )
