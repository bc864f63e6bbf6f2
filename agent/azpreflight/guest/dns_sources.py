"""Where a DNS server comes from: by DHCP from the virtual network, or from a file of the image.

The difference decides who has to fix it, and whether the next VM has the same fault. A lease tells what DHCP said;
every program that configures interfaces or resolvers has files in which an image can name servers of its own; and a
resolv.conf that no program wrote is itself such a file where DHCP names other servers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from typing import Any, Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import forwarders, ini_file, yaml_file
from azpreflight.guest.dhcp_leases import Lease
from azpreflight.guest.globs import matching
from azpreflight.guest.resolv_conf import FileState, ResolvConfFile, canonical
from azpreflight.host import Host, HostError

LIMIT = 1 << 16
"""Bytes of such a file; the largest that distributions ship, dhclient.conf and cloud.cfg, have some 4 KiB."""
MAX_SERVERS = 16
"""Servers of one file that are kept."""
_STATEMENT = re.compile(r"^[ \t]*(?:supersede|prepend|append|default)[ \t]+domain-name-servers[ \t\r\n]", re.MULTILINE)
"""The head of a statement of dhclient.conf(5), which goes on to the next semicolon."""
_ASSIGNED = re.compile(
    r"^[ \t]*(?:static[ \t]+domain_name_servers=|dns-nameservers?[ \t]+|DNS[1-9]=|NETCONFIG_DNS_STATIC_SERVERS=)(.*)$"
    r"|^nameserver[ \t]+(.*)$",
    re.MULTILINE,
)
"""Lines of dhcpcd.conf(5), interfaces(5) with resolvconf(8), ifcfg files, netconfig(8) of SUSE, and resolv.conf(5) or
what resolvconf(8) makes one of."""


class Origin(str, Enum):
    """Who named a DNS server."""

    DHCP = "dhcp"
    """A lease in force: on Azure that is the virtual network or the network interface."""
    IMAGE = "image"
    """A file of the image, and no lease in force."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Source:
    """Where one configured server comes from."""

    address: str
    origin: Origin
    where: Optional[str] = None
    """The lease or the file that names it; None if its origin is unknown."""


@dataclass(frozen=True)
class Named:
    """A file of the image that names servers."""

    path: str
    servers: tuple[str, ...]


# --- files --------------------------------------------------------------------------------------------------------


def of_lines(text: str) -> Iterator[str]:
    """Files that have a line or a statement for it."""
    for part in text.split(";")[:-1]:
        head = _STATEMENT.search(part)
        if head is not None:
            yield from words(part[head.end() :])
    for groups in _ASSIGNED.findall(text):
        yield from words("".join(groups))


def of_forwarder(text: str) -> Iterator[str]:
    """dnsmasq.conf and unbound.conf: the servers that names are passed on to."""
    yield from (one.server for one in (*forwarders.of_dnsmasq(text), *forwarders.of_unbound(text)))


def of_ini(text: str) -> Iterator[str]:
    """systemd.network(5), resolved.conf(5), NetworkManager's connections and NetworkManager.conf(5)."""
    for section, key, value in ini_file.entries(text):
        by_connection = key == "dns" and section in ("network", "resolve", "ipv4", "ipv6")
        if by_connection or (key == "servers" and section.startswith("global-dns-domain")):
            yield from words(value)


def of_yaml(text: str) -> Iterator[str]:
    """netplan's files, and cloud-init's network and resolver configuration in both of its versions."""
    if "nameserver" not in text:
        return
    with suppress(yaml_file.NotYaml, yaml_file.Refused):
        yield from _in_yaml(yaml_file.mapping(text))


def _in_yaml(root: Mapping[str, Any]) -> Iterator[str]:
    """`nameservers`, a list or a mapping with addresses; `dns_nameservers`; and entries of the type nameserver."""
    pending: list[Any] = [root]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value[::-1]
        if not isinstance(value, Mapping):
            continue
        named = [value.get("nameservers"), value.get("dns_nameservers")]
        named += [value.get("address")] if value.get("type") == "nameserver" else []
        for found in named:
            yield from _flat(found.get("addresses") if isinstance(found, Mapping) else found)
        pending += list(value.values())[::-1]


def _flat(value: Any) -> Iterator[str]:
    """A text or a list of texts."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str):
            yield from words(item)


def words(text: str) -> Iterator[str]:
    """Addresses in a list, without what else a notation has: quotes, #SERVERNAME, a port."""
    for word in re.split(r"[\s,;\"']+", text):
        address = canonical(re.sub(r"^([0-9.]+):\d+$", r"\1", word.partition("#")[0]))
        if address is not None:
            yield address


READERS: Mapping[str, Callable[[str], Iterator[str]]] = {
    "/etc/netplan/*.yaml": of_yaml,
    "/etc/systemd/network/*.network": of_ini,
    "/etc/systemd/network/*.network.d/*.conf": of_ini,
    "/etc/systemd/resolved.conf": of_ini,
    "/etc/systemd/resolved.conf.d/*.conf": of_ini,
    "/etc/NetworkManager/NetworkManager.conf": of_ini,
    "/etc/NetworkManager/conf.d/*.conf": of_ini,
    "/etc/NetworkManager/system-connections/*": of_ini,
    "/etc/sysconfig/network-scripts/ifcfg-*": of_lines,
    "/etc/sysconfig/network/config": of_lines,
    "/etc/network/interfaces": of_lines,
    "/etc/network/interfaces.d/*": of_lines,
    "/etc/dhcp/dhclient.conf": of_lines,
    "/etc/dhclient.conf": of_lines,
    "/etc/dhcpcd.conf": of_lines,
    "/etc/resolvconf/resolv.conf.d/*": of_lines,
    **{pattern: of_forwarder for patterns in forwarders.FILES.values() for pattern in patterns},
    "/etc/cloud/cloud.cfg": of_yaml,
    "/etc/cloud/cloud.cfg.d/*.cfg": of_yaml,
}


def files_that_name_servers(host: Host) -> tuple[Named, ...]:
    """Every file of the image that names a server. One that cannot be read tells nothing."""
    found = []
    for pattern, reader in READERS.items():
        for path in matching(host, pattern):
            with suppress(HostError):
                servers = tuple(dict.fromkeys(reader(host.text(path, LIMIT) or "")))[:MAX_SERVERS]
                found += [Named(path, servers)] if servers else []
    return tuple(found)


# --- who named it -------------------------------------------------------------------------------------------------


def sources_of(
    addresses: Sequence[str], file: ResolvConfFile, named: Sequence[Named], leases: Mapping[str, Lease]
) -> tuple[Source, ...]:
    """Where each of these comes from. A lease counts more than a file: without the file it would still be asked."""
    return tuple(_source(address, file, named, leases) for address in addresses)


def _source(address: str, file: ResolvConfFile, named: Sequence[Named], leases: Mapping[str, Lease]) -> Source:
    lease = next((lease for lease in leases.values() if address in lease.nameservers), None)
    if lease is not None:
        return Source(address, Origin.DHCP, lease.path)
    naming = next((known.path for known in named if address in known.servers), None)
    if naming is not None:
        return Source(address, Origin.IMAGE, naming)
    written_by_hand = file.state is FileState.PRESENT and file.link is None and file.content.writer is None
    if written_by_hand and leases and ":" not in address and address in file.content.nameservers:
        return Source(address, Origin.IMAGE, file.path)
    return Source(address, Origin.UNKNOWN)
