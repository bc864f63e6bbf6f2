"""Collecting the facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from typing import Any, Optional

from azpreflight.azure.endpoints import documented_hosts
from azpreflight.guest import forwarders
from azpreflight.guest.dhcp_leases import Lease
from azpreflight.guest.dns_sources import files_that_name_servers, sources_of
from azpreflight.guest.forwarders import Forwarder
from azpreflight.guest.resolv_conf import FALLBACK, MAX_SERVERS, FileState, ResolvConfFile, is_local, look
from azpreflight.host import Host, HostError, systemd
from azpreflight.host.systemd import UnitState
from azpreflight.model import Platform, Run
from azpreflight.probes.dns import (
    nsswitch,
    resolved,
    search,
    writers,
)
from azpreflight.probes.dns.facts import CONTROL, RESOLVED, STUBS, Asked, DnsFacts, LibraryAnswer, Role, Server, speaks
from azpreflight.probes.dns.names import IMPOSSIBLE, hosts_of, sibling_of
from azpreflight.probes.network import detours
from azpreflight.probes.network.facts import NetworkFacts
from azpreflight.probes.platform.facts import PlatformFacts, cloud_of

TIMEOUT = 1.5
"""Seconds for one question, within which it is sent twice over UDP. 168.63.129.16 answers in milliseconds and forwards
within a second; a lost packet costs 0.75 s. All questions are asked at once, so this is the price of total silence."""
LIBRARY_TIMEOUT = 1.8
"""Seconds for glibc, which waits 5 s for a silent server before it asks the next one."""
MAX_UPSTREAM = 6
"""Servers behind a local resolver that are asked. It knows no such limit as glibc's three."""
OTHER_STUBS = ("/run/NetworkManager/no-stub-resolv.conf", "/run/dnsmasq/resolv.conf")
"""The servers that a dnsmasq asks which NetworkManager or resolvconf runs."""
NAMED = (Role.CONFIGURED, Role.LOCAL)
Question = tuple[str, str, bool]
"""Name, type, and whether over TCP."""


def gather(host: Host, run: Run) -> DnsFacts:
    """Read the configuration, and ask every server everything at once."""
    file = look(host)
    if run.offline:
        return DnsFacts(file, strict=_strict(host), stub=_stub(host), writers=_writers(host, file))
    behind = _behind(host, file)
    leases = _leases(run)
    names, proven = names_that_matter(run)
    sibling = sibling_of(names[0]) if names else None
    questions = questions_for(names, sibling)
    scopes = resolved.look(host) if behind is not None and behind.path == RESOLVED else ()
    forwarder = forwarders.look(host) if _has_forwarder(file) else None
    links = tuple(dict.fromkeys(server for scope in scopes for server in scope.servers))
    asked_for = names_of_servers(links, partial(resolved.asked_for, scopes=scopes), names)
    if forwarder is not None:
        links = forwarder.servers
        asked_for = names_of_servers(links, forwarder.asked_for, names)
    unasked = frozenset(address for address, own in asked_for.items() if not own)
    offered = tuple(server for lease in leases.values() for server in lease.nameservers)
    servers = servers_to_ask(file, behind, run.platform, links, offered, unasked)
    calls: list[Callable[[], Any]] = [partial(_library, host, names[:1])]
    calls += [
        partial(host.ask, address, name, rdtype, TIMEOUT, tcp=tcp)
        for address, _ in servers
        for name, rdtype, tcp in questions
    ]
    library, *answers = host.together(calls)
    answered = iter(answers)
    told = tuple(
        Server(address, role, tuple(Asked(*question, next(answered)) for question in questions))
        for address, role in servers
    )
    return DnsFacts(
        file=file,
        behind=behind,
        names=names,
        proven=proven,
        sibling=sibling,
        servers=told,
        sources=sources_of(
            [address for address, role in servers if role in (Role.CONFIGURED, Role.UPSTREAM)],
            file,
            files_that_name_servers(host),
            leases,
        ),
        library=library,
        leased=tuple(dict.fromkeys(offered))[:MAX_SERVERS],
        asked_for=asked_for,
        strict=(*_strict(host), *_strict_of(forwarder)),
        forwarder=forwarder,
        unmanaged=bool(scopes == () and behind is not None and behind.path == RESOLVED and resolved.unmanaged(host)),
        hosts_line=nsswitch.hosts_line(host),
        searched=search.ask(host, file, names, [one.address for one in told if one.role in NAMED and speaks(one)]),
        stub=_stub(host),
        writers=_writers(host, file),
        routes=detours.look_up(host, [address for address, role in servers if role is not Role.LOCAL]),
    )


def _stub(host: Host) -> bool:
    return systemd.unit(host, "systemd-resolved.service").state is UnitState.ENABLED


def _strict(host: Host) -> tuple[resolved.StrictSetting, ...]:
    """Of a systemd-resolved that the next boot starts."""
    return resolved.strict(host) if _stub(host) or look(host, RESOLVED).state is not FileState.MISSING else ()


def _strict_of(forwarder: Optional[Forwarder]) -> Iterator[resolved.StrictSetting]:
    if forwarder is not None and forwarder.validates is not None:
        yield resolved.StrictSetting("DNSSEC", forwarder.validates, forwarder.program)


def _has_forwarder(file: ResolvConfFile) -> bool:
    """resolv.conf names a resolver of this machine that is not systemd-resolved."""
    servers = file.content.nameservers[:MAX_SERVERS]
    return any(is_local(address) and address not in STUBS for address in servers)


def _writers(host: Host, file: ResolvConfFile) -> Optional[tuple[str, ...]]:
    """Only where no file names a server. What is linked to systemd-resolved's own file it makes itself."""
    if file.content.nameservers or file.state is FileState.UNREADABLE:
        return None
    if file.state is FileState.DANGLING:
        maker = writers.fills(host, file.link or "")
        return () if maker == "" else (maker or "unknown",)
    try:
        return writers.look(host)
    except HostError:
        return None


def names_of_servers(
    servers: Sequence[str], servers_for: Callable[[str], tuple[str, ...]], names: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """By server behind the local resolver, the names that it is asked for, where that is not all of them."""
    asked = {name: servers_for(name) for name in names}
    found = {server: tuple(name for name in names if server in asked[name]) for server in servers}
    return {server: own for server, own in found.items() if len(own) < len(names)}


def _leases(run: Run) -> Mapping[str, Lease]:
    network = run.facts(NetworkFacts)
    return network.in_force if network is not None else {}


def _library(host: Host, names: Sequence[str]) -> Optional[LibraryAnswer]:
    """The C library's way to the first of the names."""
    for name in names:
        try:
            return LibraryAnswer(name, host.resolve(name, LIBRARY_TIMEOUT))
        except HostError as error:
            return LibraryAnswer(name, error=str(error))
    return None


def names_that_matter(run: Run) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names to ask for, and those of them that certainly exist, because this VM's goal state has them.

    The first manifest of every extension comes before the second of any, so that the limit cuts mirrors off. Without a
    goal state and a configuration the cloud's public endpoints stand for all public names.
    """
    platform = run.facts(PlatformFacts)
    wanted = platform.wanted if platform is not None else None
    lists: list[tuple[str, ...]] = []
    if wanted is not None:
        lists = [plugin.manifests for plugin in wanted.plugins] + [family.manifests for family in wanted.families]
    manifests = [uri for rank in zip_longest(*lists) for uri in rank if uri is not None]
    names = hosts_of([*manifests, *run.config.endpoints])
    return names or documented_hosts(cloud_of(run, platform)), hosts_of(manifests)


def questions_for(names: Sequence[str], sibling: Optional[str]) -> tuple[Question, ...]:
    """Both families over both transports for what matters; one question for what should not exist.

    What cannot exist is asked over both, so that every server is heard on both even where no name is known.
    """
    questions = [(name, rdtype, tcp) for name in names for rdtype in ("A", "AAAA") for tcp in (False, True)]
    questions += [(IMPOSSIBLE, "A", False), (IMPOSSIBLE, "A", True)]
    return tuple(questions if sibling is None else [*questions, (sibling, "A", False)])


def servers_to_ask(
    file: ResolvConfFile,
    behind: Optional[ResolvConfFile],
    platform: Platform,
    links: Sequence[str] = (),
    offered: Sequence[str] = (),
    unasked: frozenset[str] = frozenset(),
) -> tuple[tuple[str, Role], ...]:
    """Every address once: what glibc asks, what the local resolver asks (by its file and by `links`), what
    DHCP names and nobody asks, and the control on Azure. `unasked` are there for other names alone."""
    servers: dict[str, Role] = {}
    for address in file.content.nameservers[:MAX_SERVERS]:
        servers.setdefault(address, Role.LOCAL if is_local(address) else Role.CONFIGURED)
    if not servers and file.state is not FileState.UNREADABLE:
        servers[FALLBACK] = Role.LOCAL
    known = (*(behind.content.nameservers if behind is not None else ()), *links)
    for address in tuple(dict.fromkeys(known))[:MAX_UPSTREAM]:
        if not is_local(address) and address not in unasked:
            servers.setdefault(address, Role.UPSTREAM)
    for address in tuple(dict.fromkeys(offered))[:MAX_SERVERS]:
        if address != CONTROL or platform is not Platform.AZURE:
            servers.setdefault(address, Role.OFFERED)
    if platform is Platform.AZURE:
        servers.setdefault(CONTROL, Role.CONTROL)
    return tuple(servers.items())


def _behind(host: Host, file: ResolvConfFile) -> Optional[ResolvConfFile]:
    """The file with the servers that the local resolver asks, if resolv.conf names one, or nobody, and there is one."""
    servers = file.content.nameservers[:MAX_SERVERS]
    local = [address for address in servers if is_local(address)]
    paths = (RESOLVED,) if not servers or any(address in STUBS for address in local) else OTHER_STUBS if local else ()
    files = (look(host, path) for path in paths)
    return next((found for found in files if found.state is not FileState.MISSING), None)
