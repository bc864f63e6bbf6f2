"""The verdicts on whether the DNS servers answer at all, and over TCP as well. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Union

from azpreflight.guest.dns_sources import Origin
from azpreflight.guest.resolv_conf import FileState
from azpreflight.host import Outcome
from azpreflight.model import (
    Cause,
    Check,
    Confidence,
    Finding,
    NotApplicable,
    Platform,
    Run,
    Severity,
    Stage,
    Unknown,
    Verdict,
)
from azpreflight.probes.dns.check import WAY
from azpreflight.probes.dns.checks_unreliable import no_way_to_names, now_and_then
from azpreflight.probes.dns.facts import (
    CONTROL,
    EVERYTHING,
    STUBS,
    DnsFacts,
    Role,
    Server,
    answers_here,
    asks_nobody,
    control_of,
    heard,
    judged,
    patchy,
    plain,
    source_of,
    speaks,
    upstream,
)
from azpreflight.probes.network.clearance import cleared
from azpreflight.probes.network.detours import detour_of
from azpreflight.text import several

MANNERS = {
    Outcome.OK: "answers",
    Outcome.TIMEOUT: "silent",
    Outcome.REFUSED: "port closed",
    Outcome.UNREACHABLE: "unreachable",
    Outcome.PROHIBITED: "prohibited",
    Outcome.RESET: "connection broken off",
    Outcome.ERROR: "no DNS",
}
CORRECT_THE_NETWORK = (
    "Correct the DNS servers of the virtual network or of the network interface, restart the VM so that DHCP brings "
    "them, then remove and add again each extension that failed: the VM itself boots, can be logged into by SSH and "
    "need not be deleted, but its extensions look up their hosts without success, retry and time out."
)
CORRECT_THE_IMAGE = (
    "Take this DNS server out of {where}, so that those count that DHCP names, or name one there that every network of "
    "the VMs can reach; then remove and add again each extension that failed: the VM itself need not be deleted."
)
CORRECT_EITHER = (
    "Correct the DNS servers of the virtual network or of the network interface and restart the VM, or where a file of "
    "the image names this one take it out there; then remove and add again each extension that failed: the VM itself "
    "need not be deleted."
)
CORRECT_THE_LEASE = "Correct the DNS servers that this network's DHCP hands out, or that the image names itself."
OPEN_THE_CONTROL = (
    "Take away the guest's firewall rule, route or VPN that keeps 168.63.129.16 port 53 from this VM, or the network "
    "security group rule on the service tag AzurePlatformDNS."
)
LET_OUT = (
    "Find the route, the routing rule or the firewall rule of this machine that keeps packets to this server here, and "
    "let them out: the network was not asked."
)
START_THE_RESOLVER = "Start the local resolver and read its log, because resolv.conf sends every question to it."


def judge_servers(facts: DnsFacts, run: Run) -> Iterator[Verdict]:
    """Every server that this machine's names depend on must answer over UDP, which glibc asks first."""
    excuse = nobody_to_judge(facts)
    if excuse is not None:
        yield excuse
        return
    silent_behind = [server for server in upstream(facts) if not speaks(server) or patchy(server)]
    down = no_way_to_names(facts)
    for server in judged(facts):
        resolver_waits = server.role is Role.LOCAL and bool(silent_behind)
        if not answers_here(server, facts) and not resolver_waits:
            yield _no_answer(server, facts, run, down)
        elif speaks(server) and server.role is not Role.LOCAL and answers_here(server, facts):
            yield from now_and_then(server, facts)


def nobody_to_judge(facts: DnsFacts) -> Union[Unknown, NotApplicable, None]:
    """Why no server can be judged; None if there are some."""
    if facts.file.state is FileState.UNREADABLE:
        return Unknown(facts.file.error or f"cannot read {facts.file.path}")
    if not facts.file.content.nameservers:
        return NotApplicable("resolv.conf names no DNS server")
    if asks_nobody(facts):
        return NotApplicable("systemd-resolved has no DNS server to ask")
    return None


def _no_answer(server: Server, facts: DnsFacts, run: Run, down: bool) -> Finding:
    found = _silent(server, facts, run, down)
    detour = detour_of(server.address, facts.routes, run)
    by_lease = source_of(server, facts).origin is Origin.DHCP
    if detour is None or (detour.by_vpn and not by_lease):
        return found
    return replace(
        found,
        message=f"DNS server {plain(server.address)} does not answer: {detour.message} ({_compared(server, facts)})",
        fix=detour.fix,
        commands=detour.commands,
        confidence=Confidence.CERTAIN if detour.sure and by_lease else Confidence.LIKELY,
        confidence_reason=detour.reason,
    )


def _compared(server: Server, facts: DnsFacts) -> str:
    """What it did, and what the platform's own server did."""
    control = control_of(facts)
    compared = [_manner(server)]
    if control is not None and control is not server:
        compared.append(f"control {CONTROL} {_as_control(control)}")
    return "; ".join(compared)


def _silent(server: Server, facts: DnsFacts, run: Run, down: bool) -> Finding:
    confidence, reason = _how_sure(server, facts)
    return Finding(
        Severity.ERROR if down else Severity.WARNING,
        f"{_who(server, facts, run)} ({_compared(server, facts)})",
        _fix(server, facts, run),
        commands=_restart(server),
        evidence=evidence_of(server, facts),
        flow=f"udp {server.address}:53",
        breaks=EVERYTHING if down else (),
        confidence=confidence,
        confidence_reason=reason,
        in_image=in_image(server, facts, run),
    )


def in_image(server: Server, facts: DnsFacts, run: Run) -> bool:
    """The image names it. A resolv.conf of the build VM that deprovisioning deletes is none while it is built."""
    source = source_of(server, facts)
    deleted = run.stage is Stage.BUILD and source.where == facts.file.path
    return source.origin is Origin.IMAGE and server.address != CONTROL and not deleted


def _as_control(control: Server) -> str:
    return "answers" if speaks(control) else f"fails too: {MANNERS[heard(control, tcp=False).outcome]}"


def _who(server: Server, facts: DnsFacts, run: Run) -> str:
    address, source = plain(server.address), source_of(server, facts)
    if server.role is Role.LOCAL:
        return f"the resolver on this machine does not answer: {address}"
    if _stays_here(server):
        return f"nothing that is sent to DNS server {address} leaves this machine"
    if server.address == CONTROL:
        return f"the platform's own DNS server does not answer: {address}"
    if source.origin is Origin.IMAGE:
        kind = _kind(server, "does not answer")
        return f"the image names {kind}: {address}, in {plain(source.where or '')}{_instead(facts)}"
    if run.platform is not Platform.AZURE:
        return f"a DNS server of this network does not answer: {address}"
    if source.origin is Origin.UNKNOWN:
        return f"this VM is configured with {_kind(server, 'does not answer')}: {address}"
    control = control_of(facts)
    silent = heard(server, tcp=False).outcome is Outcome.TIMEOUT and not speaks(server, tcp=True)
    nobody = silent and control is not None and speaks(control)
    return (
        f"the virtual network points to {_kind(server, 'does not exist' if nobody else 'does not answer')}: {address}"
    )


def _stays_here(server: Server) -> bool:
    """This machine's kernel said so itself, and nobody else."""
    answer = heard(server, tcp=False)
    return answer.outcome in (Outcome.PROHIBITED, Outcome.UNREACHABLE) and answer.offender is None


def _kind(server: Server, what: str) -> str:
    closed = heard(server, tcp=False).outcome is Outcome.REFUSED
    return "a machine without a DNS server" if closed else f"a DNS server that {what}"


def _instead(facts: DnsFacts) -> str:
    """What DHCP would give, and whether that is any better."""
    offered = [server for server in facts.servers if server.role is Role.OFFERED]
    answering = [plain(server.address) for server in offered if speaks(server)]
    if answering:
        return f"; DHCP names {several(answering)}, which answers"
    return (
        f"; DHCP names {several([plain(server.address) for server in offered])}, without success too" if offered else ""
    )


def _manner(server: Server) -> str:
    """ "silent over udp and tcp", "port closed over udp, silent over tcp", and who said so if it was somebody else."""
    over = {transport: heard(server, tcp=transport == "tcp") for transport in ("udp", "tcp")}
    words = {
        transport: answer.detail if answer.outcome is Outcome.ERROR and answer.detail else MANNERS[answer.outcome]
        for transport, answer in over.items()
    }
    same = words["udp"] == words["tcp"]
    said = f"{words['udp']} over udp and tcp" if same else f"{words['udp']} over udp, {words['tcp']} over tcp"
    others = {answer.offender for answer in over.values() if answer.offender not in (None, server.address)}
    return said + "".join(f", says {offender}" for offender in sorted(map(str, others)))


def _how_sure(server: Server, facts: DnsFacts) -> tuple[Confidence, str]:
    answer = heard(server, tcp=False)
    if answer.outcome is not Outcome.TIMEOUT:
        if _stays_here(server):
            return Confidence.LIKELY, "this machine's kernel said so, and the network was not asked"
        return Confidence.CERTAIN, f"{answer.offender or 'the server'} said so"
    others = [other for other in facts.servers if other is not server and other.role is not Role.LOCAL]
    answering = [other.address for other in others if speaks(other)]
    if answering:
        return Confidence.CERTAIN, f"{answering[0]} answers the same questions in the same moment"
    if others:
        return Confidence.LIKELY, "no other server answers either, so the guest's firewall or the network may be why"
    return Confidence.LIKELY, "there is no other server to compare with, so the network may be why"


def _fix(server: Server, facts: DnsFacts, run: Run) -> str:
    source = source_of(server, facts)
    if server.role is Role.LOCAL:
        return START_THE_RESOLVER
    if _stays_here(server):
        return LET_OUT
    if source.origin is Origin.IMAGE and server.address != CONTROL:
        return CORRECT_THE_IMAGE.format(where=plain(source.where or ""))
    if run.platform is not Platform.AZURE:
        return CORRECT_THE_LEASE
    if server.address == CONTROL:
        return OPEN_THE_CONTROL
    return CORRECT_THE_NETWORK if source.origin is Origin.DHCP else CORRECT_EITHER


def _restart(server: Server) -> tuple[str, ...]:
    return ("systemctl restart systemd-resolved",) if server.address in STUBS else ()


def evidence_of(server: Server, facts: DnsFacts) -> dict[str, str]:
    """What a finding on this server shows."""
    seen = {
        "server": plain(server.address),
        "role": server.role.value,
        "udp": MANNERS[heard(server, tcp=False).outcome],
        "tcp": MANNERS[heard(server, tcp=True).outcome],
    }
    source = source_of(server, facts)
    if server.role is not Role.LOCAL:
        seen |= {"named by": f"{source.origin.value} ({plain(source.where)})" if source.where else source.origin.value}
    others = [other for other in facts.servers if other is not server]
    return seen | {plain(other.address): MANNERS[heard(other, tcp=False).outcome] for other in others}


CHECKS = (
    Check(
        "dns-servers",
        "every configured DNS server answers",
        cleared(judge_servers),
        severity=Severity.ERROR,
        cause=Cause.DNS_UNREACHABLE,
        depends_on=WAY,
        reads=("firewall", "network"),
        environment=True,
    ),
)
