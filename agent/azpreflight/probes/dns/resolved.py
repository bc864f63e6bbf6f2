"""systemd-resolved: which servers it asks for a name, and settings of it that fail on Azure.

Every link and the machine as a whole (resolved.conf) have servers and domains of their own. A name goes to the servers
with the domain that fits it best, those with "~." count as fitting every name, and only where nothing fits to all
servers that are a default route for names (systemd-resolved.service(8), "Protocols and Routing"; resolved-dns-scope.c).
So a VPN's server that is there for the company's names alone is not asked for public ones, and is not to be judged by
them. What a link has is told by systemd-networkd for the links that it manages, and by systemd-resolved for all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import ini_file
from azpreflight.guest.dns_sources import words
from azpreflight.guest.globs import matching
from azpreflight.host import Host, HostError

LIMIT = 1 << 16
NETWORKD, OTHERS = "/run/systemd/netif/links/*", "/run/systemd/resolve/netif/*"
SETTINGS = (
    "/usr/lib/systemd/resolved.conf",
    "/etc/systemd/resolved.conf",
    "/usr/lib/systemd/resolved.conf.d/*.conf",
    "/run/systemd/resolved.conf.d/*.conf",
    "/etc/systemd/resolved.conf.d/*.conf",
)
"""Of these the last one that sets something counts; drop-ins are sorted by their names alone (systemd.unit(5))."""
LINK_SETTINGS = ("/etc/systemd/network/*.network", "/etc/systemd/network/*.network.d/*.conf")
CARRYING = ("routable", "degraded", "degraded-carrier")
"""States of a link with an address (networkctl(1))."""
YES = ("1", "yes", "y", "true", "t", "on")
EVERYTHING = "."
"""The domain of a link that wants all names: "~."."""


@dataclass(frozen=True)
class Scope:
    """The servers of one link, or those of resolved.conf, and the names that they are asked for."""

    place: str
    """The file that tells it."""
    servers: tuple[str, ...]
    domains: tuple[str, ...] = ()
    """In lower case, without "~" and the dot at the end; "." for all names."""
    routing_only: tuple[str, ...] = ()
    """Those of them that are no search domains."""
    default_route: Optional[bool] = None
    """Asked for names that no domain fits; None: where it has no routing domains but "."."""

    @property
    def takes_the_rest(self) -> bool:
        """It is asked for what no domain fits."""
        own = [domain for domain in self.routing_only if domain != EVERYTHING]
        return self.default_route if self.default_route is not None else not own

    def fits(self, name: str) -> Optional[int]:
        """How many labels of the name its best domain has; None if none fits."""
        found = [_labels(domain) for domain in self.domains if _is_within(name, domain)]
        return max(found, default=None)


@dataclass(frozen=True)
class StrictSetting:
    """A setting by which a resolver of this machine refuses what it could use, and where it stands."""

    key: str
    """DNSSEC or DNSOverTLS."""
    place: str
    program: str = "systemd-resolved"
    """Or dnsmasq, or unbound."""


def _labels(domain: str) -> int:
    return 0 if domain == EVERYTHING else domain.count(".") + 1


def _is_within(name: str, domain: str) -> bool:
    return domain == EVERYTHING or f".{name.lower().rstrip('.')}".endswith(f".{domain}")


def asked_for(name: str, scopes: Sequence[Scope]) -> tuple[str, ...]:
    """The servers that it asks for this name."""
    fitting = {scope.fits(name) for scope in scopes} - {None}
    best = max((fit for fit in fitting if fit is not None), default=None)
    chosen = [scope for scope in scopes if (scope.takes_the_rest if best is None else scope.fits(name) == best)]
    return tuple(dict.fromkeys(server for scope in chosen for server in scope.servers))


# --- looking ------------------------------------------------------------------------------------------------------


def look(host: Host) -> tuple[Scope, ...]:
    """Every link that has servers, and resolved.conf if that names some."""
    scopes = [_of_settings(host)]
    scopes += [_of_networkd(path, text) for path, text in _texts(host, (NETWORKD,))]
    scopes += [_of_others(path, text) for path, text in _texts(host, (OTHERS,))]
    return tuple(scope for scope in scopes if scope.servers)


def _texts(host: Host, patterns: Sequence[str]) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        for path in matching(host, pattern):
            with suppress(HostError):
                yield path, host.text(path, LIMIT) or ""


def _of_networkd(path: str, text: str) -> Scope:
    """DOMAINS are for search too, ROUTE_DOMAINS are not (sd-network(3), as networkd writes them)."""
    values = {key: value for _, key, value in ini_file.entries(text)}
    search, routing = _domains(values.get("domains", "")), _domains(values.get("route_domains", ""))
    default = values.get("dns_default_route")
    servers = tuple(dict.fromkeys(words(values.get("dns", ""))))
    return Scope(path, servers, (*search, *routing), routing, None if default is None else default in YES)


def _of_others(path: str, text: str) -> Scope:
    """One list of domains, in which "~" stands before what is no search domain (resolved-link.c, link_save_user)."""
    values = {key: value for _, key, value in ini_file.entries(text)}
    default = values.get("default_route")
    return _scope(path, values.get("servers", ""), values.get("domains", ""), None if not default else default in YES)


def _of_settings(host: Host) -> Scope:
    """DNS= and Domains= of resolved.conf; an empty value forgets what came before."""
    place, lists = SETTINGS[1], {"dns": "", "domains": ""}
    for path, key, value in _entries(_settings(host), "resolve"):
        if key in lists:
            lists[key] = f"{lists[key]} {value}" if value else ""
            place = path
    return _scope(place, lists["dns"], lists["domains"], None)


def _scope(place: str, servers: str, domains: str, default: Optional[bool]) -> Scope:
    routing = tuple(word[1:] for word in domains.split() if word.startswith("~"))
    plain = " ".join(word.lstrip("~") for word in domains.split())
    return Scope(place, tuple(dict.fromkeys(words(servers))), _domains(plain), _domains(" ".join(routing)), default)


def _domains(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.lower().rstrip(".") or EVERYTHING for word in text.split()))[:64]


def _settings(host: Host) -> list[tuple[str, str]]:
    """Main files first, then drop-ins by name."""
    found = list(_texts(host, SETTINGS))
    mains = [item for item in found if item[0].endswith("/resolved.conf")][-1:]
    drop_ins = {path.rpartition("/")[2]: (path, text) for path, text in found if not path.endswith("/resolved.conf")}
    return [*mains, *(drop_ins[name] for name in sorted(drop_ins))]


def strict(host: Host) -> tuple[StrictSetting, ...]:
    """DNSSEC=yes and DNSOverTLS=yes, of resolved.conf or of one link."""
    machine = {key: (path, value) for path, key, value in _entries(_settings(host), "resolve")}
    links = [(key, path, value) for path, key, value in _entries(_texts(host, LINK_SETTINGS), "network")]
    every = [*((key, path, value) for key, (path, value) in machine.items()), *links]
    on = [StrictSetting(_STRICT[key], path) for key, path, value in every if key in _STRICT and value.lower() in YES]
    return tuple({setting.key: setting for setting in reversed(on)}.values())


def unmanaged(host: Host) -> bool:
    """systemd-networkd runs, and takes care of no link that carries traffic: their addresses stay, and what it had told
    of their DNS servers is gone (github.com/systemd/systemd/issues/17532)."""
    links = [{key: value for _, key, value in ini_file.entries(text)} for _, text in _texts(host, (NETWORKD,))]
    states = [link.get("admin_state") for link in links if link.get("oper_state") in CARRYING]
    return bool(states) and all(state == "unmanaged" for state in states)


def _entries(texts: Iterable[tuple[str, str]], wanted: str) -> Iterator[tuple[str, str, str]]:
    """Path, key and value of each entry of a section."""
    for path, text in texts:
        yield from ((path, key, value) for section, key, value in ini_file.entries(text) if section == wanted)


_STRICT = {"dnssec": "DNSSEC", "dnsovertls": "DNSOverTLS"}
