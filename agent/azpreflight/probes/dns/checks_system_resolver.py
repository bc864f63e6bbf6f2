"""The verdict on glibc's own way to names, which every program takes. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from azpreflight.host import Outcome
from azpreflight.model import Cause, Check, Confidence, Finding, NotApplicable, Run, Severity, Unknown, Verdict
from azpreflight.probes.dns import nsswitch
from azpreflight.probes.dns.checks_answers import fails
from azpreflight.probes.dns.checks_servers import nobody_to_judge
from azpreflight.probes.dns.facts import EVERYTHING, USE_TCP, DnsFacts, Role, Server, known_addresses, named, speaks
from azpreflight.text import several

NSSWITCH, HOSTS = "/etc/nsswitch.conf", "/etc/hosts"
SAME_MOMENT = "glibc and the server were asked in the same moment"


def judge_library(facts: DnsFacts, run: Run) -> Iterator[Verdict]:
    """Where the servers of resolv.conf know a name, glibc must find it.

    It asks by the line "hosts:" of nsswitch.conf, which may leave DNS out, or end at a module that does not work.
    """
    excuse, library = nobody_to_judge(facts), facts.library
    if excuse is not None:
        yield excuse
    elif library is None:
        yield Unknown("no name is known that could be asked for")
    elif any(_leaves_it_waiting(server, library.name, facts) for server in named(facts)):
        yield NotApplicable("it waits for a DNS server that does not answer, see dns-servers")
    elif fails(named(facts), library.name, facts) or not _known(facts, library.name):
        yield NotApplicable(f"no DNS server of resolv.conf knows {library.name}")
    elif library.error is not None:
        yield Unknown(library.error)
    elif not library.addresses:
        yield _finds_nothing(library.name, facts)
    elif all(_is_nowhere(address) for address in library.addresses):
        yield from _finds_itself(library.name, library.addresses, facts)


def _leaves_it_waiting(server: Server, name: str, facts: DnsFacts) -> bool:
    """It asks over UDP, for both families at once, and waits 5 s for either."""
    asked = [question.answer for question in server.asked if question.name == name and not question.tcp]
    if USE_TCP in facts.file.content.options and server.role is Role.CONFIGURED:
        return not speaks(server, tcp=True)
    return not speaks(server) or any(answer.outcome is Outcome.TIMEOUT for answer in asked)


def _known(facts: DnsFacts, name: str) -> bool:
    return any(known_addresses(server, name, facts) for server in named(facts))


def _is_nowhere(address: str) -> bool:
    """This machine's own loopback, or no address at all: how lists of names to block are written in /etc/hosts."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return found.is_loopback or found.is_unspecified


def _finds_itself(name: str, addresses: tuple[str, ...], facts: DnsFacts) -> Iterator[Verdict]:
    """Silent where the servers give that address themselves: what they answer is judged by dns-answers."""
    server = next(server for server in named(facts) if known_addresses(server, name, facts))
    if set(addresses) & set(known_addresses(server, name, facts)):
        return
    yield Finding(
        Severity.WARNING,
        f"glibc takes {name} for {several(addresses)}, and DNS server {server.address} knows its real address",
        f'Take the name out of {HOSTS}, or the module that answers for it out of the line "hosts:" of {NSSWITCH}.',
        (f"grep -n {name} {HOSTS}", f"getent ahosts {name}"),
        evidence={"name": name, "server": server.address},
        flow=f"name {name}",
        confidence=Confidence.CERTAIN,
        confidence_reason=SAME_MOMENT,
        in_image=True,
    )


def _finds_nothing(name: str, facts: DnsFacts) -> Finding:
    knows = next(server.address for server in named(facts) if known_addresses(server, name, facts))
    end = nsswitch.ends_before_dns(facts.hosts_line or "")
    why = f': the line "hosts:" of {NSSWITCH} ends the search with {end}, before DNS' if end is not None else ""
    action = re.escape((end or "").partition(" ")[2])
    return Finding(
        Severity.ERROR,
        f"glibc does not find {name}, which DNS server {knows} knows{why}",
        f'Let the line "hosts:" of {NSSWITCH} name dns, and no module before it that ends the search.',
        (f"sed -i '/^hosts:/s/ {action}//' {NSSWITCH}",)
        if end is not None
        else (f"grep hosts: {NSSWITCH}", f"getent ahosts {name}"),
        evidence={"name": name, "server": knows},
        flow=EVERYTHING[0],
        breaks=EVERYTHING,
        confidence=Confidence.CERTAIN,
        confidence_reason=SAME_MOMENT,
        in_image=True,
    )


CHECKS = (
    Check(
        "dns-library",
        "the system resolver (glibc) resolves what the DNS servers do",
        judge_library,
        severity=Severity.ERROR,
        cause=Cause.DNS_UNREACHABLE,
        depends_on=("dns-resolv-conf", "dns-servers", "dns-answers", "firewall-dns"),
        environment=True,
    ),
)
