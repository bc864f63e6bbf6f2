"""Names that glibc completes by the search list before it asks for them as they are.

With `options ndots:5`, as containers have it, a name with four dots is first asked for below every domain of the list
(resolv.conf(5)). Where such a domain has a wildcard, every program of the VM goes to its address instead of the
store's, while a DNS server that is asked for the name itself answers well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from azpreflight.guest.resolv_conf import ResolvConfFile
from azpreflight.host import Host
from azpreflight.model import Confidence, Finding, Severity
from azpreflight.probes.dns.facts import EVERYTHING, DnsFacts, Searched, known_addresses, made_up, plain
from azpreflight.text import several

TIMEOUT = 1.0
"""Seconds for one question; they are asked only where a file wants that many dots."""
MOST_DOMAINS, MOST_NAMES = 6, 2
USUAL = 1
"""Dots from which a name is asked for as it is first, unless the file says otherwise."""


def dots_wanted(options: Sequence[str]) -> int:
    """ndots of resolv.conf; the last one counts, and 15 is the most (resolv.h)."""
    found = [option.partition(":")[2] for option in options if option.startswith("ndots:")]
    return min(int(found[-1]), 15) if found and found[-1].isdigit() else USUAL


def ask(host: Host, file: ResolvConfFile, names: Sequence[str], servers: Sequence[str]) -> tuple[Searched, ...]:
    """Nothing is asked where names have the dots that the file wants."""
    wanted = dots_wanted(file.content.options)
    short = [name for name in names if name.count(".") < wanted][:MOST_NAMES]
    asked = [(name, domain) for name in short for domain in file.content.search[:MOST_DOMAINS] if domain != "."]
    asked = [(name, domain) for name, domain in asked if servers]
    calls = [partial(host.ask, servers[0], f"{name}.{domain}", "A", TIMEOUT) for name, domain in asked]
    answers = host.together(calls) if calls else ()
    found = zip(asked, answers)
    return tuple(Searched(*pair, servers[0], answer.addresses) for pair, answer in found if answer.addresses)


def caught(facts: DnsFacts) -> Iterator[Finding]:
    """One for all names: what a wildcard catches it catches for every name."""
    first = facts.servers[0] if facts.servers else None
    found = [one for one in facts.searched if first is not None and one.server == first.address]
    true = [one for one in found if first is not None and known_addresses(first, one.name, facts)]
    if first is None or not true or set(true[0].addresses) <= made_up(first, facts):
        return
    one, wanted = true[0], f"ndots:{dots_wanted(facts.file.content.options)}"
    yield Finding(
        Severity.ERROR,
        f"programs look {one.name} up as {one.name}.{plain(one.domain)} first ({wanted} and the search list of"
        f" {facts.file.path}), and {plain(one.server)} has {several(one.addresses)} for that",
        f"Take {wanted} out of {facts.file.path} and out of what writes it, or the wildcard out of"
        f" {plain(one.domain)}.",
        (f"sed -i 's/\\<{wanted}\\>/ndots:{USUAL}/' {facts.file.path}",),
        evidence={"options": wanted, "search": plain(one.domain), "server": plain(one.server)},
        flow=EVERYTHING[0],
        breaks=EVERYTHING,
        confidence=Confidence.CERTAIN,
        confidence_reason="the server was asked for both names in the same run, and glibc takes the first that exists",
    )
