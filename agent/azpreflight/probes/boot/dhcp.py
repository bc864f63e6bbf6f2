"""How long the DHCP client tries.

A new VM on a busy host gets its first lease late, and a client that has given up by then leaves it without a network.
Microsoft's instructions set 300 seconds for dhclient, whose own default is 60 (dhclient.conf(5)). NetworkManager ends
an attempt after 45 seconds, makes four of them, and then leaves the interface alone for five minutes
(nm-settings-nmcli(5), ipv4.dhcp-timeout and connection.autoconnect-retries; NetworkManager, nm-settings-connection.c,
AUTOCONNECT_RESET_RETRIES_TIMER). dhcpcd before 10 ends after 30 seconds where it was started for one interface alone,
as ifupdown does it, and goes on in the background where it looks after all (dhcpcd.conf(5), timeout; seen with 9.4.1
and 10.1.0). systemd-networkd never gives up. Only what somebody has set is judged: the defaults are those of every
distribution for Azure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from azpreflight.dataclass import dataclass
from azpreflight.foreign import whole
from azpreflight.guest import ini_file
from azpreflight.guest.globs import matching
from azpreflight.host import Host, systemd
from azpreflight.host.systemd import UnitState
from azpreflight.model import Confidence, Finding, Run, Severity, Verdict
from azpreflight.probes.boot.check import check
from azpreflight.probes.subjects import part
from azpreflight.shell import argument
from azpreflight.text import plain

ENOUGH_S = 300
DHCLIENT, MANAGER, DHCPCD = "dhclient", "NetworkManager", "dhcpcd"
DHCLIENT_FILES = ("/etc/dhcp/dhclient.conf", "/etc/dhclient.conf")
DHCPCD_FILE = "/etc/dhcpcd.conf"
DIRECTORIES = ("/sbin", "/usr/sbin")
RIVALS = ("dhclient", "udhcpc")
"""Clients that ifupdown prefers to dhcpcd (ifupdown, inet.defn)."""
SETTINGS = (
    "/usr/lib/NetworkManager/conf.d/*.conf",
    "/etc/NetworkManager/NetworkManager.conf",
    "/etc/NetworkManager/conf.d/*.conf",
)
"""In the order in which NetworkManager reads them: what comes last, counts (NetworkManager.conf(5))."""
CONNECTIONS = ("/usr/lib/NetworkManager/system-connections/*", "/etc/NetworkManager/system-connections/*")
IFCFG = "/etc/sysconfig/network-scripts/ifcfg-*"
DEFAULT_ATTEMPTS = 4
LIMIT = 64 * 1024
"""Bytes of one file."""
NUMBERS = {
    "ipv4": r"/^[[:space:]]*\[ipv4\]/,/^[[:space:]]*\[/ s/^([[:space:]]*dhcp-timeout[[:space:]]*=).*/\1{}/",
    "connection": r"s/^([[:space:]]*ipv4\.dhcp-timeout[[:space:]]*=).*/\1{}/",
    "ifcfg": r"s/^(IPV4_DHCP_TIMEOUT=).*/\1{}/",
    DHCLIENT: r"s/^([[:space:]]*timeout)[[:space:]]+[0-9]+/\1 {}/",
    DHCPCD: r"s/^([[:space:]]*timeout)[[:space:]]+[0-9]+/\1 {}/",
}
"""What sed makes of each form of the setting."""

_SINGLE = re.compile(r"^[ \t]*(?:interface|ssid|profile)\s", re.MULTILINE)
"""What begins a block of dhcpcd.conf(5) on single interfaces or networks."""

DOUBTS = {
    MANAGER: "an attempt lasts as long as IPv6 is tried, and where that succeeds the connection stays up",
    DHCPCD: "dhcpcd before 10 ends, and later ones go on in the background",
}
"""Why it may do no harm (seen with NetworkManager 1.42, dhcpcd 9.4.1 and 10.1.0 on a network without a server)."""


@dataclass(frozen=True)
class Timeout:
    """What a client that is in use was told by somebody."""

    client: str
    path: str
    form: str
    """How the file says it: a key of NUMBERS."""
    seconds: int
    """Of one attempt."""
    attempts: int = 1
    """Before it pauses or ends."""


@dataclass(frozen=True)
class DhcpClientFacts:
    """What the clients are told; nothing where none is told anything."""

    timeouts: tuple[Timeout, ...] = ()


def look(host: Host, run: Run) -> DhcpClientFacts:
    """The files of those clients that are there and would be used."""
    return DhcpClientFacts((*_dhclient(host), *_manager(host), *_dhcpcd(host)))


def _there(host: Host, program: str) -> bool:
    return any(host.info(f"{directory}/{program}") is not None for directory in DIRECTORIES)


def _dhclient(host: Host) -> Iterator[Timeout]:
    """The first file that is there."""
    path = next((path for path in DHCLIENT_FILES if host.info(path) is not None), None)
    if path is not None and _there(host, DHCLIENT):
        found = re.findall(r"^[ \t]*timeout[ \t]+([0-9]{1,9})[ \t]*;", host.text(path, LIMIT) or "", re.MULTILINE)
        yield from (Timeout(DHCLIENT, path, DHCLIENT, int(value)) for value in found[-1:])


def _dhcpcd(host: Host) -> Iterator[Timeout]:
    """Where ifupdown starts it; 0 is for ever. What is said of single interfaces comes after all else."""
    alone = _there(host, "ifup") and not any(_there(host, rival) for rival in RIVALS)
    if _there(host, DHCPCD) and alone and systemd.unit(host, "dhcpcd.service").state is not UnitState.ENABLED:
        of_all = _SINGLE.split(host.text(DHCPCD_FILE, LIMIT) or "", maxsplit=1)[0]
        found = re.findall(r"^[ \t]*timeout[ \t]+([0-9]{1,9})[ \t\r]*$", of_all, re.MULTILINE)
        yield from (Timeout(DHCPCD, DHCPCD_FILE, DHCPCD, int(value)) for value in found[-1:] if int(value) > 0)


def _manager(host: Host) -> Iterator[Timeout]:
    """The setting for all connections, and those of connections by DHCP; 0 is none, and no end of attempts is well."""
    if systemd.unit(host, "NetworkManager.service").state is not UnitState.ENABLED:
        return
    timeout, attempts = None, DEFAULT_ATTEMPTS
    for path in (path for pattern in SETTINGS for path in matching(host, pattern)):
        for section, key, value in ini_file.entries(host.text(path, LIMIT) or ""):
            if (section, key) == ("main", "autoconnect-retries-default"):
                attempts = _number(value, DEFAULT_ATTEMPTS)
            elif (section, key) == ("connection", "ipv4.dhcp-timeout"):
                timeout = (path, _number(value, 0))
    told = [*_told(host, attempts)]
    if timeout is not None:
        told.append(Timeout(MANAGER, timeout[0], "connection", timeout[1], attempts))
    yield from (one for one in told if one.seconds > 0 and one.attempts > 0)


def _told(host: Host, attempts: int) -> Iterator[Timeout]:
    """What connections say of themselves."""
    for path in (path for pattern in CONNECTIONS for path in matching(host, pattern)):
        values = {(section, key): value for section, key, value in ini_file.entries(host.text(path, LIMIT) or "")}
        if values.get(("ipv4", "method"), "auto") == "auto":
            seconds = _number(values.get(("ipv4", "dhcp-timeout"), ""), 0)
            own = _number(values.get(("connection", "autoconnect-retries"), ""), attempts)
            yield Timeout(MANAGER, path, "ipv4", seconds, own)
    for path in matching(host, IFCFG):
        text = host.text(path, LIMIT) or ""
        if not re.search(r"^BOOTPROTO=[\"']?(?:dhcp|bootp)\b", text, re.MULTILINE):
            continue
        found = re.findall(r"^IPV4_DHCP_TIMEOUT=[\"']?([0-9]{1,9})\b", text, re.MULTILINE)
        yield from (Timeout(MANAGER, path, "ifcfg", int(value), attempts) for value in found[-1:])


def _number(text: str, default: int) -> int:
    """-1 and what is no number stand for the default."""
    number = whole(text)
    return default if number is None else number


def judge(facts: DhcpClientFacts, run: Run) -> Iterator[Verdict]:
    """Nobody has made the client less patient than Azure needs."""
    for told in facts.timeouts:
        if told.seconds * told.attempts < ENOUGH_S:
            yield _impatient(told)


def _impatient(told: Timeout) -> Finding:
    where = plain(told.path, 200)
    if told.client == MANAGER:
        message = (
            f"NetworkManager ends an attempt at DHCP after {told.seconds} s, and pauses for 5 min after "
            f"{told.attempts} of them ({where}): a lease that comes late is taken late"
        )
    else:
        message = f"{told.client} gives up after {told.seconds} s ({where}): a lease that comes late is not taken"
    doubt = DOUBTS.get(told.client)
    return Finding(
        Severity.WARNING,
        message,
        f"Set at least {ENOUGH_S} s.",
        (f"sed -i -E {argument(NUMBERS[told.form].format(ENOUGH_S))} {argument(told.path)}",),
        confidence=Confidence.CERTAIN if doubt is None else Confidence.LIKELY,
        confidence_reason=doubt or "seen directly",
    )


CHECKS = (
    check(
        "boot-dhcp-timeout",
        "the DHCP client's timeout is long enough for Azure",
        part("dhcp", judge),
        Severity.WARNING,
    ),
)
