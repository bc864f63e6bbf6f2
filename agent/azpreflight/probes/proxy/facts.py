"""Where a proxy is set on this machine, for whom, and which one the agent would use. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Optional
from urllib.parse import urlsplit

from azpreflight.dataclass import dataclass
from azpreflight.guest.waagent_conf import set_key


class Reader(str, Enum):
    """Who goes by a setting."""

    WAAGENT = "waagent"
    """The agent's own environment, which the extensions that it starts inherit."""
    CLOUD_INIT = "cloud-init"
    """The environment of cloud-init's service."""
    LOGINS = "logins"
    """Whoever logs in, and the programs started there."""
    PACKAGES = "packages"
    """apt, dnf, yum or zypper alone."""


@dataclass(frozen=True)
class ProxySetting:
    """The proxy that one place sets. Passwords are never kept."""

    place: str
    """The file; for a service the last of its files that sets one."""
    reader: Reader
    http: Optional[str] = None
    """For http:// addresses: HOST:PORT, or HOST where no port is given; None: none."""
    https: Optional[str] = None
    """Likewise for https:// addresses."""
    exempt: tuple[str, ...] = ()
    """The entries of no_proxy."""
    service: Optional[str] = None
    """The service whose environment it is; None elsewhere."""
    http_mistake: Optional[str] = None
    """Why the agent uses no proxy for http:// addresses although its environment means one; None elsewhere."""
    https_mistake: Optional[str] = None
    """Likewise for https:// addresses."""

    @property
    def proxies(self) -> tuple[str, ...]:
        """Each proxy once."""
        return tuple(dict.fromkeys(proxy for proxy in (self.https, self.http) if proxy is not None))


@dataclass(frozen=True)
class ProxyFacts:
    """All settings of a proxy that were found."""

    settings: tuple[ProxySetting, ...] = ()
    config_path: str = "/etc/waagent.conf"
    config_host: Optional[str] = None
    """HttpProxy.Host of the agent's configuration, which goes before its environment; None: not set."""
    config_port: Optional[int] = None
    """HttpProxy.Port; without it the agent uses no proxy at all."""
    errors: tuple[str, ...] = ()
    """Files that could not be read, with the reason."""
    unread_place: Optional[str] = None
    """A file of the agent's service that sets a proxy, which the running agent does not have; None elsewhere."""

    @property
    def environment(self) -> Optional[ProxySetting]:
        """That of the agent's service; None if it sets no proxy."""
        return next((setting for setting in self.settings if setting.reader is Reader.WAAGENT), None)

    @property
    def agent_place(self) -> str:
        """Where the agent's proxy is set."""
        if self.config_host is not None or self.environment is None:
            return self.config_path
        return self.environment.place


def agent_proxy(facts: Optional[ProxyFacts], url: str) -> Optional[str]:
    """The proxy, as HOST:PORT, by which the agent fetches an address; None: straight.

    The configuration goes before the environment, no_proxy of the environment before both, and a proxy without a port,
    or in the environment without a scheme, is none (WALinuxAgent, common/utils/restutil.py). The platform's own
    addresses are never asked for by a proxy.
    """
    if facts is None:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:  # of a document of the network, and no address at all
        return None
    environment = facts.environment
    if environment is not None and agent_exempts(parts.hostname or "", environment.exempt):
        return None
    if facts.config_host is not None:
        return f"{facts.config_host}:{facts.config_port}" if facts.config_port is not None else None
    if environment is None:
        return None
    if parts.scheme.lower() == "https":
        return environment.https if environment.https_mistake is None else None
    return environment.http if environment.http_mistake is None else None


def other_proxies(facts: Optional[ProxyFacts], used: Sequence[Optional[str]]) -> tuple[str, ...]:
    """The proxies that other places set and the agent does not use, those with a port, in order."""
    if facts is None:
        return ()
    found = (proxy for setting in facts.settings for proxy in setting.proxies)
    return tuple(dict.fromkeys(proxy for proxy in found if proxy not in used and port_of_proxy(proxy) is not None))


def proxy_hosts(facts: Optional[ProxyFacts]) -> tuple[str, ...]:
    """The hosts of all proxies that are set anywhere."""
    if facts is None:
        return ()
    found = (host_of_proxy(proxy) for setting in facts.settings for proxy in setting.proxies)
    return tuple(dict.fromkeys(host for host in (facts.config_host, *found) if host))


def places_of(facts: ProxyFacts, proxy: str) -> tuple[str, ...]:
    """Where this proxy is set."""
    return tuple(dict.fromkeys(setting.place for setting in facts.settings if proxy in setting.proxies))


def agent_exempts(host: str, entries: Sequence[str]) -> bool:
    """Whether waagent passes the proxy by for a host: it compares addresses and networks, and the ends of names, and
    takes a star for a letter (WALinuxAgent, common/utils/restutil.py, bypass_proxy; 2.7.3 and 2.16)."""
    if is_address(host):
        return any(entry != "*" and _matches(host, entry) for entry in entries)
    return any(bool(host) and host.lower().endswith(entry.lower()) for entry in entries)


def is_exempt(host: str, entries: Sequence[str]) -> bool:
    """Whether no_proxy exempts a host: by its address, its network, the end of its name, or * for all."""
    return any(entry == "*" or _matches(host, entry) for entry in entries)


def _matches(host: str, entry: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return bool(host) and not is_address(host) and host.lower().endswith(entry.lower().lstrip("*"))


def is_address(host: str) -> bool:
    """A literal address, which needs no looking up."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def host_of_proxy(proxy: str) -> str:
    """The host of HOST:PORT."""
    return _split(proxy)[0]


def port_of_proxy(proxy: str) -> Optional[int]:
    """The port of HOST:PORT; None where there is none."""
    return _split(proxy)[1]


def _split(proxy: str) -> tuple[str, Optional[int]]:
    try:
        parts = urlsplit(f"//{proxy}")
        return parts.hostname or "", parts.port
    except ValueError:
        return "", None


def catches(setting: ProxySetting, addresses: Sequence[str]) -> Iterator[str]:
    """Those of the addresses, which are asked by plain HTTP, that the setting sends to a proxy."""
    if setting.http is not None and setting.reader is not Reader.PACKAGES:
        yield from (address for address in addresses if not is_exempt(address, setting.exempt))


def config_commands(facts: ProxyFacts, proxy: str) -> tuple[str, ...]:
    """What makes a proxy, HOST:PORT, the agent's own."""
    host, _, port = proxy.rpartition(":")
    if port_of_proxy(proxy) is None:
        return ()
    path = facts.config_path
    return (
        set_key(path, "HttpProxy.Host", host),
        set_key(path, "HttpProxy.Port", port),
        "systemctl try-restart waagent walinuxagent",
    )
