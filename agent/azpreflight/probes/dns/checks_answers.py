"""The verdict on whether the DNS servers that answer are right. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest.dns_sources import Origin
from azpreflight.model import Cause, Check, Confidence, Finding, Platform, Run, Severity, Unknown, Verdict
from azpreflight.probes.dns import search, strictness
from azpreflight.probes.dns.checks_servers import in_image, nobody_to_judge
from azpreflight.probes.dns.facts import (
    CONTROL,
    EVERYTHING,
    PASSED_ON,
    RESOLVED,
    SILENCE,
    DnsFacts,
    Role,
    Server,
    asked_here,
    fault,
    judged,
    known_addresses,
    made_up,
    named,
    patchy,
    plain,
    source_of,
    speaks,
    upstream,
)
from azpreflight.probes.dns.names import IMPOSSIBLE

OF_OTHERS = ("SERVFAIL", "REFUSED", SILENCE)
"""What a local resolver says for want of a server that answers it: systemd-resolved SERVFAIL, dnsmasq REFUSED."""
ABOUT_THE_SERVER = ("REFUSED", "NOTIMP", "FORMERR", "NOTAUTH")
"""What a server says of itself, whatever the name."""
PORTS = (80, 443)
"""Of the flows that a made-up address takes down."""
FORWARD = (
    "Let this DNS server resolve public names, for example by forwarding them to 168.63.129.16, or point the virtual "
    "network to one that does, restart the VM, then remove and add again each extension that failed."
)
NOT_FROM_THE_IMAGE = (
    "Take this DNS server, which the image itself names, out of {where}, so that those count that DHCP names; then "
    "remove and add again each extension that failed."
)
PRIVATE_ZONE = (
    "Look for a private DNS zone that is linked to this virtual network and hides the public zone: add the missing "
    "record to it, or unlink it."
)
LOCAL_RESOLVER = "Correct the configuration of the resolver on this machine, which all names depend on, and restart it."
ELSEWHERE = "Correct this DNS server, or have another one configured by DHCP or in the image."


@dataclass(frozen=True)
class Wrong:
    """A name that a server does not know, or knows wrongly."""

    name: str
    fault: str
    """The rcode, "no address", or the address that it should not have given."""
    shown_by: Optional[str]
    """How it is known to be wrong; None if it may be right."""
    sure: bool = True


def judge_answers(facts: DnsFacts, run: Run) -> Iterator[Verdict]:
    """A server that answers must know the names that matter, and must not know what does not exist."""
    excuse = nobody_to_judge(facts)
    if excuse is not None:
        yield excuse
        return
    if not facts.names:
        yield Unknown("no name is known that could be asked for")
    elif not any(speaks(server) or speaks(server, tcp=True) for server in judged(facts)):
        yield Unknown("no configured DNS server answered")
    if strictness.insists(facts) and not any(wrongs(server, facts) for server in upstream(facts)):
        yield from strictness.refuses(facts)
        return
    wrong_behind = any(wrongs(server, facts) for server in upstream(facts))
    for server in judged(facts):
        if server.role is not Role.LOCAL or not (wrong_behind or _waits_for_others(server, facts)):
            yield from _verdicts(server, facts, run)
    yield from search.caught(facts)


def _waits_for_others(server: Server, facts: DnsFacts) -> bool:
    """A local resolver only fails for want of an answer, and of the servers behind it one is silent, always or now and
    then: see dns-servers."""
    silent = [other for other in upstream(facts) if not speaks(other)]
    behind = any(patchy(other) for other in upstream(facts)) or 0 < len(silent) < len(upstream(facts))
    return behind and all(wrong.fault in OF_OTHERS for wrong in wrongs(server, facts))


def _verdicts(server: Server, facts: DnsFacts, run: Run) -> Iterator[Verdict]:
    found = wrongs(server, facts)
    shown = tuple(wrong for wrong in found if wrong.shown_by is not None)
    if shown:
        yield _wrong_answers(server, shown, facts, run)
    doubtful = next((wrong for wrong in found if wrong.shown_by is None), None)
    if doubtful is not None:
        yield Unknown(
            f"{plain(server.address)} answers {doubtful.fault} for {doubtful.name}, and nothing here shows whether "
            "that name exists"
        )


def wrongs(server: Server, facts: DnsFacts) -> tuple[Wrong, ...]:
    """The names that this server does not know, or knows wrongly, with what shows it."""
    faults = [(name, fault(server, name, facts)) for name in facts.names if asked_here(server, name, facts)]
    faults = [(name, word) for name, word in faults if word != SILENCE or not patchy(server)]
    return tuple(_wrong(server, name, word, facts) for name, word in faults if word is not None)


def _wrong(server: Server, name: str, word: str, facts: DnsFacts) -> Wrong:
    if word in made_up(server, facts):
        return Wrong(name, word, f"it has that answer for names that do not exist as well, such as {IMPOSSIBLE}")
    knowing = [other for other in facts.servers if other is not server and known_addresses(other, name, facts)]
    if knowing:
        return Wrong(name, word, f"{plain(knowing[0].address)} knows it")
    if name in facts.proven:
        return Wrong(name, word, "this VM's goal state names it")
    if word in ABOUT_THE_SERVER or word[-1].isdigit() or ":" in word:
        return Wrong(name, word, "that is no answer for any public name")
    if word in ("SERVFAIL", SILENCE):
        return Wrong(name, word, "though the fault may also be with the name's own servers", sure=False)
    return Wrong(name, word, None)


def fails(servers: tuple[Server, ...], name: str, facts: DnsFacts) -> bool:
    """True if whoever asks these servers in turn, as glibc does, ends with a wrong answer."""
    passed_on = False
    for server in servers:
        word = fault(server, name, facts)
        if word is None and known_addresses(server, name, facts):
            return False
        if word is not None and word not in PASSED_ON:
            return True
        passed_on = passed_on or word is not None
    return passed_on


def _is_lost(name: str, facts: DnsFacts) -> bool:
    """By the servers that resolv.conf names, or by those behind the local resolver, though that found it just now."""
    behind = tuple(server for server in upstream(facts) if asked_here(server, name, facts))
    return fails(named(facts), name, facts) or fails(behind, name, facts)


def _wrong_answers(server: Server, shown: tuple[Wrong, ...], facts: DnsFacts, run: Run) -> Finding:
    failing = [name for name in facts.names if _is_lost(name, facts)]
    failed = [wrong.name for wrong in shown if wrong.name in failing]
    names = EVERYTHING if len(failed) == len(facts.names) else tuple(f"name {name}" for name in failed)
    invented = sorted(made_up(server, facts) & {wrong.fault for wrong in shown})
    if _may_be_spared(server, shown, facts):
        return _spared(server, shown, facts)
    sure = [wrong for wrong in shown if wrong.sure]
    first = (sure or shown)[0]
    more = f" and {len(shown) - 1} more" if len(shown) > 1 else ""
    return Finding(
        Severity.ERROR if failed else Severity.WARNING,
        f"DNS server {plain(server.address)} answers {first.fault} for {first.name}{more}: {first.shown_by}",
        _fix(server, facts, run),
        evidence={
            "server": plain(server.address),
            "named by": source_of(server, facts).origin.value,
            **{wrong.name: wrong.fault for wrong in shown},
        },
        flow=_flow(server, shown),
        breaks=(*names, *(f"tcp {address}:{port}" for address in invented for port in PORTS)),
        confidence=Confidence.CERTAIN if sure else Confidence.LIKELY,
        confidence_reason="the server said so" if sure else "the name's own servers may be at fault instead",
        in_image=in_image(server, facts, run),
    )


def _may_be_spared(server: Server, shown: tuple[Wrong, ...], facts: DnsFacts) -> bool:
    """Of some local resolvers it is not known which server they ask for which names; one with servers for some domains
    alone finds all others by another server."""
    told = facts.behind is not None and facts.behind.path == RESOLVED
    told = told or (facts.forwarder is not None and server.address in facts.forwarder.servers)
    known = all(any(known_addresses(one, wrong.name, facts) for one in named(facts)) for wrong in shown)
    return server.role is Role.UPSTREAM and not told and known


def _spared(server: Server, shown: tuple[Wrong, ...], facts: DnsFacts) -> Finding:
    return Finding(
        Severity.NOTE,
        f"DNS server {plain(server.address)}, which the local resolver has, answers {shown[0].fault} for"
        f" {shown[0].name}, and the local resolver finds it all the same",
        "Nothing, where this server is there for a company's own domains alone; else let it resolve public names too.",
        evidence={"server": plain(server.address), **{wrong.name: wrong.fault for wrong in shown}},
        flow=f"udp {server.address}:53",
        confidence=Confidence.POSSIBLE,
        confidence_reason="which names the local resolver asks this server for is not known",
    )


def _flow(server: Server, shown: tuple[Wrong, ...]) -> str:
    """A local resolver that only fails ends with the way to all names, where that has ended."""
    passes_on = server.role is Role.LOCAL and all(wrong.fault in OF_OTHERS for wrong in shown)
    return EVERYTHING[0] if passes_on else f"udp {server.address}:53"


def _fix(server: Server, facts: DnsFacts, run: Run) -> str:
    source = source_of(server, facts)
    if server.role is Role.LOCAL:
        return LOCAL_RESOLVER
    if source.origin is Origin.IMAGE and server.address != CONTROL:
        return NOT_FROM_THE_IMAGE.format(where=plain(source.where or ""))
    if run.platform is not Platform.AZURE:
        return ELSEWHERE
    return PRIVATE_ZONE if server.address == CONTROL else FORWARD


CHECKS = (
    Check(
        "dns-answers",
        "DNS servers resolve the required names and invent none",
        judge_answers,
        severity=Severity.ERROR,
        cause=Cause.DNS_WRONG_ANSWER,
        depends_on=("dns-servers", "network-address", "network-default-route"),
        environment=True,
    ),
)
