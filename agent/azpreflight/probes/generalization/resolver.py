"""resolv.conf of the build VM, as deprovisioning and the next VM treat it.

waagent deletes the file on every distribution but Ubuntu since 18.04, where it is a link to systemd-resolved's own. A
regular file with addresses of the build VM's network is a trap where nothing writes it again: the next VM asks name
servers that it cannot reach (WALinuxAgent, azurelinuxagent/pa/deprovision/ubuntu.py and default.py).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Optional

from azpreflight.azure.addresses import WIRE_SERVER
from azpreflight.dataclass import dataclass
from azpreflight.guest.dns_sources import Named, files_that_name_servers
from azpreflight.guest.limits import KEPT, SMALL
from azpreflight.guest.os_release import Distribution
from azpreflight.guest.resolv_conf import canonical
from azpreflight.host import FileKind, Host
from azpreflight.model import Run, Severity, Verdict
from azpreflight.probes.generalization.check import WARNING, check
from azpreflight.probes.generalization.leftover import agents_of, leftover
from azpreflight.probes.subjects import part
from azpreflight.text import plain, several

PATH = "/etc/resolv.conf"


@dataclass(frozen=True)
class FixedServers:
    """A file that names servers of one network."""

    path: str
    servers: tuple[str, ...]


@dataclass(frozen=True)
class ResolverFacts:
    """What /etc/resolv.conf is."""

    kind: Optional[FileKind] = None
    """Without following a link; None: there is none."""
    target: Optional[str] = None
    servers: tuple[str, ...] = ()
    """Its name servers, where it is a regular file, or a link to one that outlives a boot."""
    fixed: tuple[FixedServers, ...] = ()
    """Other files of the image that name servers of one network, whatever DHCP says."""


def look(host: Host, run: Run) -> ResolverFacts:
    """The file itself; what a link into /run points to is gone with the boot, so it is not read."""
    fixed = tuple(_of_one_network(files_that_name_servers(host)))
    info = host.info(PATH, follow=False)
    if info is None:
        return ResolverFacts(fixed=fixed)
    lasting = info.kind is FileKind.FILE or (info.kind is FileKind.LINK and not _volatile(info.target or ""))
    text = host.text(PATH, SMALL) if lasting else None
    return ResolverFacts(info.kind, info.target, servers(text or ""), fixed)


def _of_one_network(found: Sequence[Named]) -> Iterator[FixedServers]:
    """Those with a private address; what cloud-init writes for each instance is left out."""
    for one in found[:KEPT]:
        private = tuple(server for server in one.servers if _is_private(server))
        if private and "cloud-init" not in one.path:
            yield FixedServers(one.path, private)


def _is_private(server: str) -> bool:
    try:
        address = ipaddress.ip_address(server.partition("%")[0])
    except ValueError:
        return False
    return address.is_private and not _anywhere(server)


def _volatile(target: str) -> bool:
    return "run/" in target


def servers(text: str) -> tuple[str, ...]:
    """The addresses of its nameserver lines (resolv.conf(5)); what is none is passed over, as glibc does."""
    lines = (line.split() for line in text.splitlines())
    found = (canonical(words[1]) for words in lines if len(words) > 1 and words[0] == "nameserver")
    return tuple(address for address in found if address is not None)


def deleted_by_waagent(distribution: Distribution) -> bool:
    """Ubuntu since 18.04 keeps the file, every other distribution loses it."""
    return not (distribution.id == "ubuntu" and distribution.version_number >= (18, 4))


def judge(facts: ResolverFacts, run: Run) -> Iterator[Verdict]:
    """No name server of this machine's network goes into the image."""
    pinned = tuple(server for server in facts.servers if not _anywhere(server))
    if pinned:
        yield leftover(
            run,
            Severity.WARNING,
            f"{PATH} goes into the image with name servers of this network: {several(pinned)}",
            "Delete the file, so that the next VM takes its servers from DHCP.",
            (f"rm -f {PATH}",),
            cleaned=deleted_by_waagent(agents_of(run).distribution),
        )
    for one in facts.fixed:
        yield leftover(
            run,
            Severity.WARNING,
            f"{plain(one.path)} names {several(one.servers)} as name server, and a VM in another network does not"
            " reach it",
            "Remove the setting, so that the next VM takes its servers from DHCP.",
            (),
            cleaned=False,
            unless="all VMs may be in networks that reach it",
        )


def _anywhere(server: str) -> bool:
    """Right on every network: the platform's resolver and a local one."""
    try:
        address = ipaddress.ip_address(server.partition("%")[0])
    except ValueError:
        return False
    # Azure's own resolver answers on every virtual network, so to name it pins nothing.
    return server == WIRE_SERVER or address.is_loopback


CHECKS = (
    check(
        "gen-resolv-conf",
        "no name server of this network is in resolv.conf or in a resolver's configuration",
        part("resolver", judge),
        WARNING,
    ),
)
