"""Whether programs of a new VM can find names: what nsswitch.conf and /etc/hosts say before any server is asked.

glibc asks the modules of the line "hosts:" in turn, and an action between them may end the search: [NOTFOUND=return]
after `files` means that only /etc/hosts counts. What /etc/hosts pins to an address stays so when the platform moves the
name (nsswitch.conf(5); hosts(5); nss-resolve(8)).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest.limits import KEPT, SMALL
from azpreflight.host import Host, systemd
from azpreflight.host.systemd import UnitState
from azpreflight.model import Cause, Confidence, Finding, Run, Severity, Verdict
from azpreflight.probes.startup.check import check
from azpreflight.probes.subjects import part
from azpreflight.text import plain, several

NSSWITCH, HOSTS = "/etc/nsswitch.conf", "/etc/hosts"
MODULES = ("/lib*/libnss_resolve.so.2", "/usr/lib*/libnss_resolve.so.2", "/usr/lib/*-linux-gnu/libnss_resolve.so.2")
CERTAIN_ANSWER = ("files", "compat", "db", "myhostname", "mymachines")
"""Modules that always answer, so that an action on "not found" behind them is the end."""
ENDS = ("notfound", "!success", "!unavail", "!tryagain")
"""Statuses that such an answer has, if it is not the address."""
OF_AZURE = (
    *("windows.net", "azure.com", "azure.net", "microsoftonline.com", "microsoft.com", "azureedge.net"),
    *("chinacloudapi.cn", "azure.cn", "usgovcloudapi.net", "azure.us", "microsoftonline.us", "azurefd.net"),
)
"""Zones of the platform's endpoints, of its sovereign clouds too."""


@dataclass(frozen=True)
class NameFacts:
    """What counts before a name server."""

    hosts: Optional[str] = None
    """The line "hosts:" without its key; None: there is none, and glibc's default has dns."""
    resolves: bool = False
    """systemd-resolved is enabled and its module of glibc is there."""
    pinned: tuple[tuple[int, str, str], ...] = ()
    """Lines of /etc/hosts that name hosts of Azure: number, address, name."""


def look(host: Host, run: Run) -> NameFacts:
    """Two files; of systemd-resolved, whether it starts."""
    rows = (line.split("#")[0].partition(":") for line in (host.text(NSSWITCH, SMALL) or "").splitlines())
    found = [value.strip() for key, colon, value in rows if colon and key.strip() == "hosts"]
    return NameFacts(
        hosts=found[-1] if found else None,
        resolves=systemd.unit(host, "systemd-resolved.service").state is UnitState.ENABLED
        and any(host.glob(pattern) for pattern in MODULES),
        pinned=tuple(_pinned(host.text(HOSTS, SMALL) or ""))[:KEPT],
    )


def _pinned(text: str) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        address, *names = line.split("#")[0].split() or [""]
        name = next((one for one in names if one.lower().rstrip(".").endswith(tuple(f".{z}" for z in OF_AZURE))), None)
        if name is not None:
            yield number, address, name


def reaches_servers(line: str, resolves: bool) -> bool:
    """A module that asks name servers is in the line, and nothing before it ends the search."""
    last = ""
    for position, piece in enumerate(line.replace("]", "[").split("[")):
        words = piece.split()
        if position % 2:
            if last in CERTAIN_ANSWER and _ends(words):
                return False
            continue
        if any(word in ("dns", "dns4", "dns6") or (word == "resolve" and resolves) for word in words):
            return True
        last = words[-1] if words else last
    return False


def _ends(actions: list[str]) -> bool:
    """Of what stands in brackets, such as NOTFOUND=return."""
    pairs = (action.lower().partition("=") for action in actions)
    return any(status in ENDS and then == "return" for status, _, then in pairs)


def judge(facts: NameFacts, run: Run) -> Iterator[Verdict]:
    """Name servers are asked, and no name of Azure is pinned."""
    if facts.hosts is not None and not reaches_servers(facts.hosts, facts.resolves):
        without = "systemd-resolved is not enabled with its module, and " if "resolve" in facts.hosts.split() else ""
        yield Finding(
            Severity.ERROR,
            f'{without}the line "hosts: {plain(facts.hosts)}" of {NSSWITCH} asks no name server: a VM finds no name',
            "Let the line name dns, and nothing before it that ends the search.",
            (f"sed -i -E 's/^[[:space:]]*hosts:.*/hosts: files dns/' {NSSWITCH}",),
            flow="any",
        )
    if facts.pinned:
        numbers = ";".join(f"{number}s/^/# /" for number, _, _ in facts.pinned)
        shown = [f"{name} to {address}" for _, address, name in facts.pinned]
        yield Finding(
            Severity.WARNING,
            f"{HOSTS} pins {several(shown)}: the platform changes these addresses, and every VM keeps them",
            "Take the names out.",
            (f"sed -i '{numbers}' {HOSTS}",),
            confidence=Confidence.LIKELY,
            confidence_reason="the address of a private endpoint is meant to stay",
        )


CHECKS = (
    check(
        "boot-names",
        "nsswitch.conf has name servers asked, and /etc/hosts pins no name of Azure",
        part("names", judge),
        cause=Cause.DNS_UNREACHABLE,
    ),
)
