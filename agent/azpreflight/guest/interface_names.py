"""Files that bring up network NICs by names that no VM on Azure has.

systemd names a NIC by its place: ens160, enp0s3. Hyper-V's NICs have none that it knows, and stay eth0 and eth1
(systemd.net-naming-scheme(7)). An installer that ran under another hypervisor wrote the name that it saw, and where
nothing else looks after all NICs, as NetworkManager does and cloud-init for its own file, the new VM stays without a
network: waagent waits for its wire server for hours.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping

from azpreflight.dataclass import dataclass
from azpreflight.guest import network_bindings, yaml_file
from azpreflight.guest.limits import KEPT, SMALL
from azpreflight.host import FileKind, Host, systemd
from azpreflight.host.systemd import UnitState

CARD = "eth0"
FOREIGN = re.compile(r"en[a-z]{0,4}\d\w{0,9}", re.ASCII)
"""How systemd names Ethernet NICs whose place it knows."""
ANY = "*"
ALL_CARDS = ("NetworkManager.service", "dhcpcd.service", "connman.service")
"""Services that bring up by themselves what no file is about."""


@dataclass(frozen=True)
class Named:
    """A file, and the NIC that it brings up by a name of elsewhere."""

    path: str
    card: str


def of_netplan(text: str) -> Iterator[str]:
    """Names or patterns of NICs in /etc/netplan/*.yaml; one that is matched otherwise may be any."""
    network = _mapping(yaml_file.mapping(text).get("network"))
    for name, card in _mapping(network.get("ethernets")).items():
        match = _mapping(card).get("match")
        yield str(_mapping(match).get("name", ANY)) if match is not None else str(name)


def of_networkd(text: str) -> Iterator[str]:
    """Names or patterns in [Match] of a .network file (systemd.network(5))."""
    names = network_bindings.sections(text).get("match", {}).get("name", ANY).split()
    yield from (ANY if name.startswith("!") else name for name in names)


def of_interfaces(text: str) -> Iterator[str]:
    """Names in ifupdown's files, and any where Debian's helper for clouds writes files of its own at boot."""
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["iface"] and len(words) > 2 and words[2] == "inet":
            yield words[1]
        elif words[:1] in (["source"], ["source-directory"]) and "/run/network/" in line:
            yield ANY


READERS: Mapping[str, Callable[[str], Iterator[str]]] = {
    "/etc/netplan/*.yaml": of_netplan,
    "/etc/systemd/network/*.network": of_networkd,
    "/usr/lib/systemd/network/*.network": of_networkd,
    "/etc/network/interfaces": of_interfaces,
    "/etc/network/interfaces.d/*": of_interfaces,
}


def named(host: Host) -> tuple[Named, ...]:
    """Such files, where none of them and no service brings up eth0. HostError where one cannot be read."""
    found = tuple(_cards(host))
    if any(fnmatch.fnmatchcase(CARD, one.card) for one in found):
        return ()
    strange = tuple(one for one in found if FOREIGN.fullmatch(one.card))
    if strange and any(systemd.unit(host, name).state is UnitState.ENABLED for name in ALL_CARDS):
        return ()
    return tuple(dict.fromkeys(strange))[:KEPT]


def _cards(host: Host) -> Iterator[Named]:
    for pattern, reader in READERS.items():
        for path in host.glob(pattern)[:KEPT]:
            info = host.info(path)
            if info is None or info.kind is FileKind.DIRECTORY:
                continue
            try:
                yield from [Named(path, card) for card in reader(host.text(path, SMALL) or "")]
            except (yaml_file.NotYaml, yaml_file.Refused):
                continue


def _mapping(value: object) -> Mapping[object, object]:
    return value if isinstance(value, Mapping) else {}
