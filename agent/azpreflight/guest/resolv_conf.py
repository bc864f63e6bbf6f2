"""resolv.conf as glibc reads it.

glibc (resolv/res_init.c) is strict in silence: a keyword must begin its line and be followed by a blank, what is not an
address is passed over without a word, only the first three servers are asked, and with none left it asks 127.0.0.1.
So a file that was edited on Windows, whose lines end in a carriage return, names no server at all, although it looks
well. On Azure the file is written from DHCP at boot, as a regular file or through a link into /run; `waagent
-deprovision` removes it, and nothing brings it back where nobody writes it.
"""

from __future__ import annotations

import ipaddress
import re
from enum import Enum
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import writers
from azpreflight.host import FileInfo, FileKind, Host, HostError

PATH = "/etc/resolv.conf"
LIMIT = 64 << 10
"""Bytes of a resolv.conf that are read; a real one has some hundred."""
MAX_SERVERS = 3
"""MAXNS of resolv.h: glibc asks no more."""
FALLBACK = "127.0.0.1"
"""What glibc asks if the file names nobody (resolv.conf(5))."""
NOBODY = "# No DNS servers known."
"""A line by which systemd-resolved says so (resolved-resolv-conf.c)."""
MAX_KEPT = 16
"""Entries of one kind that the facts hold."""

_PART = re.compile(r"0[xX][0-9a-fA-F]{1,8}|[0-9]{1,11}", re.ASCII)
_WRITER = re.compile(r"[#;].*(?:generated|managed) by (.*)", re.IGNORECASE)
"""NetworkManager, dhcpcd, resolvconf, netconfig, systemd-resolved and dhclient's script of RHEL all say it so."""
WRITERS = {
    "networkmanager": "NetworkManager",
    "systemd-resolved": "systemd-resolved",
    "systemd-networkd": "systemd-networkd",
    "systemd-resolve": "systemd-resolved",
    "resolvconf": "resolvconf",
    "openresolv": "resolvconf",
    "/sbin/dhclient-script": "dhclient-script",
    "dhclient": "dhclient-script",
    "dhcpcd": "dhcpcd",
    "netconfig": "netconfig",
    "cloud-init": "cloud-init",
    "connman": "connman",
    "wicked": "wicked",
    "docker": "docker",
    "wsl": "WSL",
}
"""Programs that write it, by what their comments call them."""
ANOTHER = "another program"
_IGNORED = re.compile(
    r"\s{0,9}nameservers?\s{0,9}[=:]?\s{0,9}"
    r"(?:(?:[0-9.]{7,15}|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,40}|(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,20})[,;\s]{0,9}){0,4}",
    re.IGNORECASE,
)
"""A line that was to name servers and does not, and may be shown: it has nothing but addresses and names of hosts."""
_KEYWORD = re.compile(r"\s{0,9}nameservers?", re.IGNORECASE)
_HIDDEN = "..."
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,253}")
_OPTION = re.compile(
    "(?:ndots|timeout|attempts):[0-9]{1,5}|debug|rotate|no-aaaa|no-check-names|inet6|ip6-bytestring|ip6-dotint|"
    "no-ip6-dotint|edns0|single-request|single-request-reopen|no-tld-query|use-vc|no-reload|trust-ad"
)
"""Those of resolv.conf(5)."""
_ZONE = re.compile(r"[!-~]{1,15}")
"""As long as the name of an interface may be."""


@dataclass(frozen=True)
class ResolvConf:
    """What glibc takes from the file."""

    nameservers: tuple[str, ...] = ()
    """Addresses in order, all of them; only the first `MAX_SERVERS` are asked."""
    ignored: tuple[str, ...] = ()
    """Lines that were meant to name a server and do not."""
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    writer: Optional[str] = None
    """The program that says in a comment that it made the file, or "another program"; None: nobody says so."""
    nobody: bool = False
    """systemd-resolved made the file, and says in it that it knows no server. Without that it may have some that such
    a file cannot name: on another port, or for some domains alone."""


NOTHING = ResolvConf()


class FileState(str, Enum):
    """What became of reading the file."""

    PRESENT = "present"
    EMPTY = "empty"
    """There, with nothing but white space in it."""
    MISSING = "missing"
    DANGLING = "dangling"
    """A link to nothing."""
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class ResolvConfFile:
    """One resolv.conf: how it is there, and what it says."""

    path: str
    state: FileState
    link: Optional[str] = None
    """Where it points, if it is a link; None for a regular file, or where that could not be seen."""
    mode: Optional[int] = None
    """Permission bits of what is read in the end; None where that could not be seen."""
    error: Optional[str] = None
    """Why it could not be read, or is not believed; None unless the state is UNREADABLE."""
    content: ResolvConf = NOTHING


def look(host: Host, path: str = PATH) -> ResolvConfFile:
    """Read one resolv.conf; what stands in the way of that is part of the result, also that anybody may write it."""
    entry: Optional[FileInfo] = None
    target: Optional[FileInfo] = None
    try:
        entry = host.info(path, follow=False)
        target = host.info(path)
        text = host.text(path, LIMIT)
        why = writers.others(host, path)
    except HostError as error:
        return _file(path, FileState.UNREADABLE, entry, target, error=str(error))
    if why is not None:
        return _file(path, FileState.UNREADABLE, entry, None, error=writers.not_believed(path, why))
    if text is None:
        dangling = entry is not None and entry.kind is FileKind.LINK
        return _file(path, FileState.DANGLING if dangling else FileState.MISSING, entry, target)
    if "\0" in text:
        return _file(path, FileState.UNREADABLE, entry, target, error=f"cannot read {path}: it is binary")
    state = FileState.PRESENT if text.strip() else FileState.EMPTY
    return _file(path, state, entry, target, content=parse(text))


def _file(
    path: str,
    state: FileState,
    entry: Optional[FileInfo],
    target: Optional[FileInfo],
    error: Optional[str] = None,
    content: ResolvConf = NOTHING,
) -> ResolvConfFile:
    return ResolvConfFile(
        path=path,
        state=state,
        link=entry.target if entry is not None else None,
        mode=target.mode if target is not None else None,
        error=error,
        content=content,
    )


def parse(text: str) -> ResolvConf:
    """What glibc takes from such a text; never raises."""
    nameservers: list[str] = []
    ignored: list[str] = []
    search: list[str] = []
    options: list[str] = []
    for line in text.split("\n"):
        keyword, values = _keyword(line)
        if keyword == "nameserver":
            address = canonical(values[0]) if values else None
            (ignored if address is None else nameservers).append(_shown(line) if address is None else address)
        elif keyword in ("search", "domain"):
            search = values if keyword == "search" else values[:1]
        elif keyword == "options":
            options += values
        elif line.strip().lower().startswith("nameserver"):
            ignored.append(_shown(line))
    search = [name if _NAME.fullmatch(name) else _HIDDEN for name in search]
    options = [option if _OPTION.fullmatch(option) else _HIDDEN for option in options]
    kept = [tuple(values[:MAX_KEPT]) for values in (nameservers, ignored, search, options)]
    return ResolvConf(kept[0], kept[1], kept[2], kept[3], _writer(text), nobody=NOBODY in text.split("\n"))


def _shown(line: str) -> str:
    """The line if it has nothing but addresses, else its keyword: what else stands there may be anything."""
    if _IGNORED.fullmatch(line):
        return line
    keyword = _KEYWORD.match(line)
    return f"{keyword.group() if keyword is not None else ''} {_HIDDEN}"


def _writer(text: str) -> Optional[str]:
    """Who says in a comment that the file is made by it. The comment itself is not kept: a person wrote it, perhaps."""
    comments = (line for line in text.split("\n") if line.startswith(("#", ";")))
    signed = next((found for found in map(_WRITER.match, comments) if found is not None), None)
    if signed is None:
        return None
    said = signed[1][:80].lower()
    return next((name for word, name in WRITERS.items() if word in said), ANOTHER)


def _keyword(line: str) -> tuple[str, list[str]]:
    """The word that begins the line and a blank ends, and what follows, split at blanks and tabs alone."""
    keyword, separator, rest = line.replace("\t", " ").partition(" ")
    return (keyword if separator else "", [value for value in rest.split(" ") if value])


def canonical(text: str) -> Optional[str]:
    """The address that glibc makes of a text, 10.1 and 010.0.0.4 included; None if it makes none."""
    address, percent, zone = text.partition("%")
    try:
        plain = ipaddress.IPv6Address(address)
    except ValueError:
        return None if percent else _inet_aton(text)
    return f"{plain}%{zone}" if plain.is_link_local and _ZONE.fullmatch(zone) else str(plain)


def _inet_aton(text: str) -> Optional[str]:
    """inet_aton(3): one to four numbers, decimal, octal or hexadecimal, of which the last fills what is left."""
    parts = text.split(".")
    if len(parts) > 4 or not all(_PART.fullmatch(part) for part in parts):
        return None
    try:
        numbers = [int(part, 8 if re.fullmatch("0[0-9]+", part) else 0) for part in parts]
    except ValueError:
        return None
    *heads, last = numbers
    room = 8 * (4 - len(heads))
    if last >= 1 << room or any(head > 255 for head in heads):
        return None
    return str(ipaddress.IPv4Address((int.from_bytes(bytes(heads), "big") << room) | last))


def is_local(address: str) -> bool:
    """True for an address of this machine itself, behind which a stub resolver asks others."""
    plain = ipaddress.ip_address(address.partition("%")[0])
    return plain.is_loopback or plain.is_unspecified
