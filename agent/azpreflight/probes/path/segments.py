"""Requests that stall once large packets are due, asked once more in small segments.

A tunnel on the way takes smaller packets than the link of the VM, and the message that would say so (ICMP 3/4,
"fragmentation needed") is dropped by some firewall. Then the connection is made, because its first packets are small,
and stalls where the certificate or the content comes. TCP agrees with the far end on the size of segments when it
connects, so that the same request in small ones, which fit any way, tells the difference without touching a setting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Optional

from azpreflight.azure.answer import Answer, answer_of, said
from azpreflight.host import Host, Outcome, Phase
from azpreflight.model import Confidence, Finding
from azpreflight.probes.egress.consequences import consequence_of
from azpreflight.probes.egress.facts import EgressFacts, Way, by_flow, flow_of, way
from azpreflight.probes.egress.messages import AGAIN, evidence_of, place_of
from azpreflight.shell import argument

SEGMENT = 536
"""Bytes: what every way on the internet takes (RFC 9293, section 3.7.1)."""
LIMIT = 1 << 16
"""Bytes of content: as much as was asked for of a package, so that success is no matter of the amount."""
SMALLER_MTU = 1350
"""Bytes that fit the tunnels of Azure's VPN gateways (Microsoft Learn, "About VPN devices": clamp TCP MSS at 1350)."""


def stalled(egress: EgressFacts) -> tuple[Answer, ...]:
    """Requests straight to a server that connected and then stood still, the first of each flow."""
    return tuple(answers[0] for answers in by_flow(answer for answer in egress.every if _stood_still(answer)).values())


def _stood_still(answer: Answer) -> bool:
    after = answer.outcome is Outcome.TIMEOUT and answer.phase in (Phase.TLS, Phase.HTTP)
    return after and not answer.hurried and answer.proxy is None and answer.address is not None


def ask_again(host: Host, answer: Answer, seconds: float) -> Answer:
    """The same request in small segments."""
    wanted = {"Range": f"bytes=0-{LIMIT - 1}"}
    got = host.get(answer.url, seconds, headers=wanted, limit=LIMIT, address=answer.address, segment=SEGMENT)
    return replace(answer_of(answer.url, got), address=answer.address)


def arrived(small: Sequence[Answer]) -> Iterator[Answer]:
    """Those to which the server answered now, if only by a certificate that is not trusted."""
    return (answer for answer in small if way(answer) in (Way.OPEN, Way.UNTRUSTED))


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
            f"large packets from {place_of(before or [answer])} vanish on the way: {said((before or [answer])[0])},"
            f" and in segments of {SEGMENT} bytes it answers" + (f"; {consequence}" if consequence else ""),
            "Let ICMP type 3 code 4 pass on all firewalls of the way, or clamp the segment size at the tunnel; the"
            f" command makes this VM's packets smaller until it restarts; {AGAIN}.",
            (f"ip link set dev {argument(interface)} mtu {SMALLER_MTU}",) if interface is not None else (),
            evidence=evidence_of(answer),
            flow=flow_of(answer),
            breaks=untried,
            confidence=Confidence.CERTAIN if sure else Confidence.LIKELY,
            confidence_reason="so it is with more than one server" if sure else "a loss that passed is the alternative",
        )
