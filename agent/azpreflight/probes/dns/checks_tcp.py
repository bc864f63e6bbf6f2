"""Whether a DNS server that answers over UDP answers over TCP, too. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.model import (
    Cause,
    Check,
    Finding,
    NotApplicable,
    Run,
    Severity,
    Verdict,
)
from azpreflight.probes.dns.check import WAY
from azpreflight.probes.dns.checks_servers import MANNERS, evidence_of, nobody_to_judge
from azpreflight.probes.dns.facts import (
    DnsFacts,
    Server,
    heard,
    judged,
    lost_names,
    plain,
    speaks,
)
from azpreflight.probes.network.clearance import cleared


def judge_tcp(facts: DnsFacts, run: Run) -> Iterator[Verdict]:
    """What is too long for a datagram is asked again over TCP."""
    excuse = nobody_to_judge(facts)
    if excuse is not None:
        yield excuse
        return
    answering = [server for server in judged(facts) if speaks(server)]
    if not answering:
        yield NotApplicable("no configured DNS server answers over udp")
    for server in answering:
        if not speaks(server, tcp=True):
            yield _no_tcp(server, facts)


def _no_tcp(server: Server, facts: DnsFacts) -> Finding:
    answer = heard(server, tcp=True)
    cut = next((asked.name for asked in server.asked if asked.answer.truncated), None)
    lost = cut is not None and cut in lost_names(facts)
    example = f", as for {cut}" if cut is not None else ""
    return Finding(
        Severity.ERROR if lost else Severity.WARNING,
        f"DNS server {plain(server.address)} answers over udp and not over tcp ({MANNERS[answer.outcome]}): "
        f"answers that are longer than a datagram are lost{example}",
        "Let tcp port 53 through to this server wherever udp port 53 is let through, in the guest and in the network.",
        evidence=evidence_of(server, facts),
        flow=f"tcp {server.address}:53",
        breaks=(f"name {cut}",) if lost else (),
        confidence_reason="its udp port answers the same questions in the same moment",
    )


CHECKS = (
    Check(
        "dns-tcp",
        "every DNS server that answers over udp answers over tcp",
        cleared(judge_tcp),
        severity=Severity.ERROR,
        cause=Cause.DNS_UNREACHABLE,
        depends_on=WAY,
        reads=("firewall",),
        environment=True,
    ),
)
