"""DNS servers that answer some questions, or of which some answer: what is left of the way to names. Pure.

Behind a local resolver it is the server that is at fault, and not the resolver, which fails for want of an answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.host import Outcome
from azpreflight.model import Confidence, Finding, Severity
from azpreflight.probes.dns.facts import (
    RESOLVED,
    DnsFacts,
    Role,
    Server,
    answers_here,
    lost_names,
    named,
    never_answers,
    patchy,
    plain,
    speaks,
    upstream,
)
from azpreflight.text import several

UNANSWERED = 2
"""Questions without an answer from which a server that answers others is called unreliable."""
WAITS = "glibc waits 5 s for each answer that does not come"


def now_and_then(server: Server, facts: DnsFacts) -> Iterator[Finding]:
    """A server that leaves some questions without an answer. One may be lost on the way; each was sent twice."""
    asked = [asked for asked in server.asked if not asked.tcp]
    if not patchy(server):
        asked = [question for question in asked if not never_answers(server, question.name)]
    silent = [question for question in asked if question.answer.outcome is Outcome.TIMEOUT]
    if len(silent) < UNANSWERED:
        return
    families = {question.rdtype for question in silent}
    only_ipv6 = families == {"AAAA"} and len(silent) == sum(question.rdtype == "AAAA" for question in asked)
    what = (
        "never answers when asked for IPv6 addresses (AAAA)"
        if only_ipv6
        else f"answers intermittently: {len(asked) - len(silent)} of {len(asked)} questions over udp"
    )
    lost = lost_names(facts) if server.role is Role.UPSTREAM and not only_ipv6 else ()
    yield Finding(
        Severity.ERROR if lost else Severity.WARNING,
        f"DNS server {plain(server.address)} {what}; {f'{several(lost)} is not found here' if lost else WAITS}",
        "Have this DNS server answer every question, with an empty answer where it has no address, and see that it is "
        "not overloaded and that no firewall on the way to it drops packets; or name another server.",
        evidence={f"{question.name} {question.rdtype}": "silent" for question in silent},
        flow=f"udp {server.address}:53",
        breaks=tuple(f"name {name}" for name in lost),
        confidence=Confidence.CERTAIN if only_ipv6 else Confidence.LIKELY,
        confidence_reason="every such question was sent twice, and all others were answered"
        if only_ipv6
        else "each question was sent twice; a moment of heavy load on this machine is the alternative",
    )


def no_way_to_names(facts: DnsFacts) -> bool:
    """No server that resolv.conf names answers, or the local resolver, which it names alone, has nobody to ask."""
    front, behind = named(facts), upstream(facts)
    if behind and all(server.role is Role.LOCAL for server in front):
        silent = [server for server in behind if not speaks(server)]
        lost = bool(silent) and bool(facts.names) and len(lost_names(facts)) == len(facts.names)
        lost = lost and not _turns_to_another(facts)
        unheard = not silent and not any(speaks(server) for server in front)
        return len(silent) == len(behind) or lost or unheard
    return not any(answers_here(server, facts) for server in front)


def _turns_to_another(facts: DnsFacts) -> bool:
    """systemd-resolved stays with a server until that one fails, some seconds, and then goes by the next one
    (resolved-dns-server.c, dns_server_packet_lost)."""
    by_resolved = facts.behind is not None and facts.behind.path == RESOLVED
    first, *others = [server for server in upstream(facts) if server.address not in facts.asked_for] or upstream(facts)
    return by_resolved and not speaks(first) and any(speaks(server) for server in others)
