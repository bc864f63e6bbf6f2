"""Requests that stall once large packets are due, asked once more in small segments.

A tunnel on the way takes smaller packets than the link of the VM, and the message that would say so (ICMP 3/4,
"fragmentation needed") is dropped by some firewall. Then the connection is made, because its first packets are small,
and stalls where the certificate or the content comes, or where a request or an upload takes more than one packet. TCP
agrees with the far end on the size of segments when it connects, so that the same request in small ones, which fit any
way, tells the difference without touching a setting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Optional

from azpreflight.azure.answer import PADDED, Answer, answer_of, said
from azpreflight.host import Host, Outcome, Phase
from azpreflight.model import Confidence, Finding, Severity
from azpreflight.probes.egress.consequences import consequence_of
from azpreflight.probes.egress.facts import EgressFacts, Way, by_flow, flow_of, way
from azpreflight.probes.egress.messages import AGAIN, evidence_of, place_of
from azpreflight.probes.platform.facts import WIRE_FLOW, PlatformFacts
from azpreflight.probes.proxy.facts import port_of_proxy
from azpreflight.shell import argument

SEGMENT = 536
"""Bytes: what every way on the internet takes (RFC 9293, section 3.7.1)."""
LIMIT = 1 << 16
"""Bytes of content: as much as was asked for of a package, so that success is no matter of the amount."""
FIX = (
    "Let ICMP type 3 code 4 pass on all firewalls of the way, or clamp the segment size at the tunnel; the command"
    " makes this VM's packets smaller until it restarts"
)
SMALLER_MTU = 1350
"""Bytes that fit the tunnels of Azure's VPN gateways (Microsoft Learn, "About VPN devices": clamp TCP MSS at 1350)."""


def stalled(egress: EgressFacts) -> tuple[Answer, ...]:
    """Requests to a server or a proxy that connected and then stood still, the first of each flow."""
    return tuple(answers[0] for answers in by_flow(answer for answer in egress.every if _stood_still(answer)).values())


def _stood_still(answer: Answer) -> bool:
    after = answer.outcome is Outcome.TIMEOUT and answer.phase in (Phase.TLS, Phase.HTTP)
    return after and not answer.hurried and answer.address is not None


def swallowed(platform: Optional[PlatformFacts]) -> Optional[Answer]:
    """The request of more than one packet to which the wire server said nothing, while it answers small ones."""
    padded = platform.padded if platform is not None else None
    offer = platform.wire_server if platform is not None else None
    small = offer is not None and offer.answer.outcome is Outcome.OK
    return padded if small and padded is not None and _stood_still(padded) else None


def ask_again(host: Host, answer: Answer, seconds: float) -> Answer:
    """The same request in small segments."""
    wanted = {**PADDED, "Range": f"bytes=0-{LIMIT - 1}"}
    if answer.proxy is None:
        got = host.get(answer.url, seconds, headers=wanted, limit=LIMIT, address=answer.address, segment=SEGMENT)
    else:
        place = f"http://{_bracketed(answer.address or '')}:{port_of_proxy(answer.proxy)}"
        got = host.get(answer.url, seconds, headers=wanted, limit=LIMIT, proxy=place, segment=SEGMENT)
    return replace(answer_of(answer.url, got), address=answer.address, proxy=answer.proxy)


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def arrived(small: Sequence[Answer]) -> Iterator[Answer]:
    """Those to which the server answered now, if only by a certificate that is not trusted."""
    return (answer for answer in small if way(answer) in (Way.OPEN, Way.UNTRUSTED))


def of_platform(small: Answer, stalled_s: float, interface: Optional[str]) -> Finding:
    """The agent's own requests and reports are as large."""
    return Finding(
        Severity.ERROR,
        f"large packets to {WIRE_FLOW[len('tcp ') :]} vanish on the way: a request of two packets gets no answer within"
        f" {stalled_s:.1f} s, and in segments of {SEGMENT} bytes it does; the agent's request for certificates and its"
        " reports are as large",
        f"{FIX}.",
        _smaller(interface),
        evidence={"url": small.url, "outcome": Outcome.TIMEOUT.value, "segment": str(SEGMENT)},
        flow=WIRE_FLOW,
        confidence=Confidence.LIKELY,
        confidence_reason="small requests are answered in the same moment; a loss that passed is the alternative",
    )


def _smaller(interface: Optional[str]) -> tuple[str, ...]:
    return (f"ip link set dev {argument(interface)} mtu {SMALLER_MTU}",) if interface is not None else ()


def findings(small: Sequence[Answer], egress: EgressFacts, interface: Optional[str]) -> Iterator[Finding]:
    """One for each flow on which the size of packets decides."""
    helped = tuple(arrived(small))
    sure = len(helped) > 1
    asked = {flow_of(answer) for answer in small}
    rest = tuple(dict.fromkeys(flow_of(answer) for answer in egress.witnessed if _stood_still(answer)))
    untried = tuple(flow for flow in rest if flow not in asked)  # what stood still likewise took the same way
    for answer in helped:
        before = [other for other in egress.every if flow_of(other) == flow_of(answer) and _stood_still(other)]
        severity, consequence = consequence_of(egress, before)
        yield Finding(
            severity,
            f"large packets to or from {place_of(before or [answer])} vanish on the way:"
            f" {said((before or [answer])[0])}, and in segments of {SEGMENT} bytes it answers"
            + (f"; {consequence}" if consequence else ""),
            f"{FIX}; {AGAIN}.",
            _smaller(interface),
            evidence=evidence_of(answer),
            flow=flow_of(answer),
            breaks=untried,
            confidence=Confidence.CERTAIN if sure else Confidence.LIKELY,
            confidence_reason="so it is with more than one server" if sure else "a loss that passed is the alternative",
        )
