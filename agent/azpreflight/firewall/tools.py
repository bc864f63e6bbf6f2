"""Which of the system's programs reads and loads which rules.

`iptables` is one of two programs: the old one that fills the legacy tables, or the new one that writes the same rules
into nf_tables. Distributions choose by symbolic links, and both kinds of tables filter at once, whichever is chosen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from azpreflight.firewall.facts import Backend
from azpreflight.host import FileKind, Host

PREFIX = {"ip": "iptables", "ip6": "ip6tables"}
LINKS = 10
"""Symbolic links from a command to its program; distributions have two or three."""


def backend_of(host: Host, program: str) -> Optional[Backend]:
    """Which of the two a program is, by the name of what its link ends at; None if there is no such program."""
    path = host.which(program) if host.root == "/" else next(_places(host, program), None)
    if path is None:
        return None
    for _ in range(LINKS):
        info = host.info(path, follow=False)
        if info is None or info.kind is not FileKind.LINK or info.target is None:
            break
        path = info.target if info.target.startswith("/") else f"{path.rpartition('/')[0]}/{info.target}"
    return Backend.NFT if "nft" in path.rpartition("/")[2] else Backend.LEGACY


def _places(host: Host, program: str) -> Iterator[str]:
    """Where an image has a program, which is not to be run."""
    paths = (f"{directory}/{program}" for directory in ("/usr/sbin", "/usr/bin", "/sbin", "/bin"))
    return (path for path in paths if host.info(path, follow=False) is not None)


def program(host: Host, backend: Backend, family: str, what: str = "") -> Optional[str]:
    """The program for one kind of tables: iptables-legacy-save, or iptables-save where that is of this kind.

    `what` is "", "-save" or "-restore". None if there is none.
    """
    exact, plain = f"{PREFIX[family]}-{backend.value}{what}", f"{PREFIX[family]}{what}"
    if host.which(exact) is not None:
        return exact
    return plain if backend_of(host, plain) is backend else None


def programs_of(host: Host) -> dict[str, str]:
    """The names of iptables' programs by backend and family, such as "legacy ip"; absent ones are left out."""
    found = {f"{backend.value} {family}": program(host, backend, family) for backend in Backend for family in PREFIX}
    return {name: tool for name, tool in found.items() if tool is not None}
