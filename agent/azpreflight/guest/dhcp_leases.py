"""DHCP leases, as the clients of the distributions write them down.

A VM on Azure has its address, its routes and its DNS servers from the DHCP server of the virtual network, and by option
245 the address of the wire server, which the agents look up in these files (WALinuxAgent, common/dhcp.py and osutil;
cloud-init, cloudinit/net/dhcp.py). So a lease tells what the virtual network said from what the image says itself.
The clients' own formats are read, as recorded from dhclient 4.4.3, dhcpcd 9.4.1, systemd-networkd 252 and
NetworkManager 1.42; of wicked only what its lease files are known to hold.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import ini_file, writers
from azpreflight.guest.globs import matching
from azpreflight.host import Host, HostError, Interface

LIMIT = 1 << 18
"""Bytes of a file with leases; dhclient appends one at each renewal, and a year of them is some 100 KiB."""
MAX_SERVERS = 16
"""Servers of a lease that are kept."""
OPTIONS_AT = 236
"""Bytes of a BOOTP message before its options (RFC 2131, section 2), which dhcpcd keeps as it came."""
MAGIC = b"\x63\x82\x53\x63"
PAD, ROUTER, NAMESERVERS, WIRE_SERVER, END = 0, 3, 6, 245, 255
"""Codes of options (RFC 2132); 245 is Azure's own."""
_STATEMENT = re.compile(r"[ \t]*(?:option )?([a-z0-9-]+) ([^;]*);")


@dataclass(frozen=True)
class Lease:
    """What one DHCP server gave to one interface."""

    client: str
    path: str
    address: Optional[str] = None
    """By which the interface is known that has it; None if the file does not say."""
    nameservers: tuple[str, ...] = ()
    """Option 6."""
    gateway: Optional[str] = None
    """Option 3; Azure gives one to the first interface alone. None if there is none, or the file does not say."""
    wire_server: Optional[str] = None
    """Option 245; None if there is none, or the file does not say."""


# --- one file -----------------------------------------------------------------------------------------------------


def of_dhclient(text: str, path: str) -> Iterator[Lease]:
    """The last lease of each interface; a renewal is appended (dhclient.leases(5))."""
    newest: dict[str, Lease] = {}
    for options in _blocks(text):
        newest[options.get("interface", "").strip('"')] = Lease(
            "dhclient",
            path,
            _one(options.get("fixed-address", "")),
            _all(options.get("domain-name-servers", "")),
            _one(options.get("routers", "")),
            _option(options.get("unknown-245", "")),
        )
    yield from newest.values()


def _blocks(text: str) -> Iterator[dict[str, str]]:
    """The statements of each lease that is whole, by their first word; the client writes one on a line."""
    options: Optional[dict[str, str]] = None
    for line in text.splitlines():
        statement = _STATEMENT.match(line)
        if line.startswith("lease {"):
            options = options if options is not None else {}
        elif line.startswith("}") and options is not None:
            yield options
            options = None
        elif statement is not None and options is not None:
            options[statement.group(1)] = statement.group(2)


def of_networkd(text: str, path: str) -> Iterator[Lease]:
    """One file of /run/systemd/netif/leases."""
    values = {key: value for _, key, value in ini_file.entries(text)}
    if "address" in values:
        yield Lease(
            "systemd-networkd",
            path,
            _one(values["address"]),
            _all(values.get("dns", "")),
            _one(values.get("router", "")) or _default_gateway(values.get("classless_routes", "")),
            _option(values.get("option_245", "")),
        )


def of_network_manager(text: str, path: str) -> Iterator[Lease]:
    """One file of /run/NetworkManager/devices; those without a lease have no section for it."""
    values = {key: value for section, key, value in ini_file.entries(text) if section == "dhcp4"}
    if values:
        yield Lease(
            "NetworkManager",
            path,
            _one(values.get("dhcp4.ip_address", "")),
            _all(values.get("dhcp4.domain_name_servers", "")),
            _one(values.get("dhcp4.routers", "")),
            _option(values.get("dhcp4.private_245", "") or values.get("dhcp4.unknown_245", "")),
        )


def of_wicked(text: str, path: str) -> Iterator[Lease]:
    """One lease-*.xml. Its prefixes are not declared, so that no XML parser takes it."""
    address = re.search("<address>([^<]*)</address>", text.partition("<ipv4:dhcp>")[2])
    servers, end, _ = text.partition("<dns>")[2].partition("</dns>")
    named = re.findall("<server>([^<]*)</server>", servers) if end else []
    if address is not None:
        yield Lease("wicked", path, _one(address.group(1)), _all(" ".join(named)))


def of_dhcpcd(data: bytes, path: str) -> Iterator[Lease]:
    """The server's own message; nothing where it is none."""
    options = dict(_options(data))
    if options:
        yield Lease(
            "dhcpcd",
            path,
            _packed(data[16:20]),
            tuple(_addresses(options.get(NAMESERVERS, b""))),
            next(_addresses(options.get(ROUTER, b"")), None),
            next(_addresses(options.get(WIRE_SERVER, b"")), None),
        )


def _options(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Code and value of each option of a BOOTP message, up to where it ends or is malformed."""
    at = OPTIONS_AT + len(MAGIC)
    if data[OPTIONS_AT:at] != MAGIC:
        return
    while at < len(data) and data[at] != END:
        if data[at] == PAD:
            at += 1
            continue
        length = data[at + 1] if at + 1 < len(data) else 0
        yield data[at], data[at + 2 : at + 2 + length]
        at += 2 + length


def _addresses(value: bytes) -> Iterator[str]:
    for at in range(0, len(value) - 3, 4):
        yield str(ipaddress.IPv4Address(value[at : at + 4]))


def _packed(four: bytes) -> Optional[str]:
    return str(ipaddress.IPv4Address(four)) if len(four) == 4 and any(four) else None


def _all(text: str) -> tuple[str, ...]:
    """The addresses in a list with blanks or commas; what is none is left out."""
    found = (_one(word) for word in re.split(r"[\s,]+", text))
    return tuple(address for address in found if address is not None)[:MAX_SERVERS]


def _one(text: str) -> Optional[str]:
    try:
        return str(ipaddress.ip_address((text.split() or [""])[0].strip(",")))
    except ValueError:
        return None


def _option(text: str) -> Optional[str]:
    """An address as four bytes in hexadecimal, with colons or without, or dotted; None for anything else."""
    parts = text.strip().split(":") if ":" in text else re.findall("..", text.strip())
    if len(parts) == 4 and all(re.fullmatch("[0-9a-fA-F]{1,2}", part) for part in parts):
        return str(ipaddress.IPv4Address(bytes(int(part, 16) for part in parts)))
    return _one(text)


def _default_gateway(routes: str) -> Optional[str]:
    """The router of 0.0.0.0/0 in "0.0.0.0/0,10.0.0.1 168.63.129.16/32,10.0.0.1" (option 121)."""
    pairs = (route.partition(",") for route in routes.split())
    return next((_one(router) for prefix, _, router in pairs if prefix == "0.0.0.0/0"), None)


# --- all of them --------------------------------------------------------------------------------------------------

TEXTS: Mapping[str, Callable[[str, str], Iterator[Lease]]] = {
    "/run/systemd/netif/leases/*": of_networkd,
    "/run/NetworkManager/devices/*": of_network_manager,
    "/var/lib/dhcp/*.leases": of_dhclient,
    "/var/lib/dhclient/*.lease*": of_dhclient,
    "/var/lib/NetworkManager/dhclient-*.lease": of_dhclient,
    "/var/lib/wicked/lease-*ipv4.xml": of_wicked,
}
MESSAGES = ("/var/lib/dhcpcd/*.lease", "/var/lib/dhcpcd5/*.lease")


def look(host: Host) -> tuple[Lease, ...]:
    """Every lease that a client wrote down. What cannot be read tells nothing, as if it were not there, and so does one
    that somebody else than the system could have written."""
    found: list[Lease] = []
    for pattern, reader in TEXTS.items():
        for path in _believed(host, pattern):
            with suppress(HostError):
                found += reader(host.tail(path, LIMIT) or "", path)
    for pattern in MESSAGES:
        for path in _believed(host, pattern):
            with suppress(HostError):
                found += of_dhcpcd(host.read(path, LIMIT) or b"", path)
    return tuple(found)


def _believed(host: Host, pattern: str) -> tuple[str, ...]:
    return tuple(path for path in matching(host, pattern) if writers.believed(host, path))


def in_force(leases: tuple[Lease, ...], interfaces: tuple[Interface, ...]) -> dict[str, Lease]:
    """By interface, the lease whose address it has: others are left over from another machine or another time."""
    owners = {address.partition("/")[0]: nic.name for nic in interfaces for address in nic.addresses}
    return {owners[lease.address]: lease for lease in reversed(leases) if lease.address in owners}
