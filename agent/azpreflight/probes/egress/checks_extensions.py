"""What becomes of each extension of this VM: how its package arrives, and whether it will work. Pure."""

from __future__ import annotations

from typing import Optional

from azpreflight.model import ExtensionVerdict, Run
from azpreflight.probes.agents.facts import AgentsFacts
from azpreflight.probes.dns.facts import DnsFacts, known_addresses, named
from azpreflight.probes.egress.checks_packages import why_no_packages
from azpreflight.probes.egress.facts import EgressFacts, Own, Package, Way, host_of, way
from azpreflight.probes.egress.messages import private_addresses, support_of, told

HOW = {
    "direct": "its package arrives straight from the store",
    "hostgaplugin": "its package arrives by the HostGAPlugin",
    "none": "its package arrives neither straight from the store nor by the HostGAPlugin",
    "unknown": "whether its package arrives is not known",
}


def verdicts(facts: EgressFacts, run: Run) -> tuple[ExtensionVerdict, ...]:
    """One for each extension, those named on the command line included."""
    names = names_work(run.facts(DnsFacts))
    packages = {package.name: package for package in facts.packages if not package.agent}
    return tuple(_verdict(own, packages.get(own.extension), facts, names, run) for own in facts.own)


def names_work(dns: Optional[DnsFacts]) -> Optional[bool]:
    """A configured DNS server knows public names, and glibc asks it; None if no name was asked for.

    The ways out are tried with addresses from any server, the platform's own included. The agent and the extensions
    only have the configured ones.
    """
    if dns is None or not dns.names:
        return None
    library = dns.library
    in_vain = library is not None and library.error is None and not library.addresses
    if library is not None and in_vain and any(known_addresses(server, library.name, dns) for server in named(dns)):
        return False
    return any(known_addresses(server, name, dns) for server in named(dns) for name in dns.names)


def _verdict(
    own: Own, package: Optional[Package], facts: EgressFacts, names: Optional[bool], run: Run
) -> ExtensionVerdict:
    channel = channel_of(package, names)
    hindrance = _refused(own, run) or _hindrance(own, facts, names)
    how = HOW[channel] if package is not None else _not_in_goal_state(run)
    stopped = channel == "none" or hindrance is not None
    doubt = None if stopped else _doubt(own)
    works = "no" if stopped else "unknown" if channel == "unknown" or doubt is not None else "yes"
    parts = (how, hindrance, doubt, private_addresses(own.answers), support_of(own))
    return ExtensionVerdict(own.extension, channel, works, "; ".join(part for part in parts if part is not None))


def _refused(own: Own, run: Run) -> Optional[str]:
    """The agent's own policy keeps it out, whatever the network does."""
    agents = run.facts(AgentsFacts)
    refused = agents is not None and agents.waagent.refuses(own.extension)
    return "waagent's policy file refuses it, see agents-policy" if refused else None


def channel_of(package: Optional[Package], names: Optional[bool]) -> str:
    """direct, hostgaplugin, none or unknown."""
    if package is None:
        return "unknown"
    by_proxy = any(answer.proxy is not None for answer in package.direct)
    if package.delivered and (names is not False or by_proxy):
        return "direct"
    if package.relayed:
        return "hostgaplugin"
    return "unknown" if package.fault is not None or package.signed else "none"


def _not_in_goal_state(run: Run) -> str:
    return why_no_packages(run) or "this VM's goal state does not name it"


def _hindrance(own: Own, facts: EgressFacts, names: Optional[bool]) -> Optional[str]:
    """What will stop its work; None if nothing is known that would."""
    for answer in own.answers:
        if way(answer) in (Way.SHUT, Way.UNTRUSTED, Way.PROXY):
            return f"it needs {host_of(answer.url)}: {told(answer)}"
    needs = [host_of(answer.url) for answer in own.answers if answer.proxy is None] or [own.untried or ""]
    by_proxy = any(answer.proxy is not None for answer in own.answers)
    if names is False and not by_proxy and (own.answers or own.always):
        return f"it needs {needs[0]}, and no program on this machine finds public names"
    if own.always and facts.nothing_open:
        return f"it needs {own.untried}, and no public server answers"
    return None


def _doubt(own: Own) -> Optional[str]:
    """Why it may not work all the same; None if it needs nothing else."""
    proxies = [answer.proxy for answer in own.answers if answer.proxy is not None]
    if proxies:
        return f"its own settings must name the proxy {proxies[0]}, by which the agent gets out"
    if not own.known:
        return "what else it needs is not known"
    if own.undocumented is not None:
        return f"the hosts that it needs are not known: {own.undocumented}"
    parts = [
        f"it also needs {own.settings}, which its public settings do not name" if own.settings is not None else None,
        f"it also needs {own.beyond}, which nothing on this VM names" if own.beyond is not None else None,
    ]
    return "; ".join(filter(None, parts)) or None
