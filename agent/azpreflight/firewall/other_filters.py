"""What decides over packets besides the rules of netfilter, and who changes those while the machine runs.

systemd filters the packets of a unit by eBPF programs of the unit's control group (systemd.resource-control(5)):
`IPAddressDeny=any` in a hardened unit of the guest agent stops it alone, and whoever tries the same connection by hand
gets through. No table shows that, and no rehearsal. Container engines and the like add rules of their own after boot.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Optional

from azpreflight.azure.addresses import PLATFORM
from azpreflight.firewall.facts import ChainFacts, UnitFilter
from azpreflight.guest.systemd_units import wanted_services
from azpreflight.host import Host, HostError, LinkFilter
from azpreflight.host.systemd import UNIT_PATHS, UnitState, unit

AGENTS = (
    "walinuxagent.service",
    "waagent.service",
    "cloud-init-local.service",
    "cloud-init-network.service",
    "cloud-init-main.service",
    "cloud-init.service",
    "azure-init.service",
)
ABOVE = ("-.slice", "system.slice", "azure.slice", "azure-walinuxagent.slice")
"""Slices that the agents run in; what these deny and allow counts for them too. azure.slice is waagent's own."""
WORDS = {
    "any": ("0.0.0.0/0", "::/0"),
    "localhost": ("127.0.0.0/8", "::1/128"),
    "link-local": ("169.254.0.0/16", "fe80::/64"),
    "multicast": ("224.0.0.0/4", "ff00::/8"),
}
SETTINGS = ("IPAddressAllow", "IPAddressDeny", "PrivateNetwork", "IPEgressFilterPath", "IPIngressFilterPath")
PROGRAMS = {
    "docker": ("docker.service", "DOCKER"),
    "podman": ("netavark-firewalld-reload.service", "NETAVARK"),
    "fail2ban": ("fail2ban.service", "f2b-"),
    "kube-proxy": ("kubelet.service", "KUBE-"),
    "k3s": ("k3s.service", "KUBE-ROUTER"),
    "crowdsec": ("crowdsec-firewall-bouncer.service", "CROWDSEC"),
    "sshguard": ("sshguard.service", "sshguard"),
    "libvirt": ("libvirtd.service", "LIBVIRT_"),
    "tailscale": ("tailscaled.service", "ts-"),
    "wg-quick": ("wg-quick@.service", "wg-quick-"),
}
"""Programs that change rules while they run: their service, and how their chains begin, or their tables in nft."""
ONCE = ("wg-quick",)
"""Those of them that make their rules once, with their interface."""

Values = dict[str, tuple[str, ...]]


def unit_filters(host: Host) -> tuple[UnitFilter, ...]:
    """What systemd filters of the agents' packets."""
    above = [settings for name in ABOVE if (settings := _settings(host, name))]
    there = [name for name in AGENTS if unit(host, name).path is not None]
    return tuple(found for name in there for found in _of_unit(name, _settings(host, name), above))


def _of_unit(name: str, own: Values, above: Sequence[Values]) -> Iterator[UnitFilter]:
    every = (own, *above)
    allowed, denied = ([word for one in every for word in one.get(key, ())] for key in SETTINGS[:2])
    shut = tuple(address for address in PLATFORM if _inside(address, denied) and not _inside(address, allowed))
    if own.get("PrivateNetwork", ())[-1:] in (("yes",), ("true",), ("on",), ("1",)):
        yield UnitFilter(name, "PrivateNetwork=yes", PLATFORM)
    elif denied:
        yield UnitFilter(name, f"IPAddressDeny={' '.join(dict.fromkeys(denied))}", shut)
    for key in SETTINGS[3:]:
        if own.get(key):
            yield UnitFilter(name, f"{key}={own[key][-1]}", ())


def _inside(address: str, words: Sequence[str]) -> bool:
    """Whether one of the networks has the address; what is no network has none."""
    networks = (network for word in words for network in WORDS.get(word, (word,)))
    return any(_has(network, address) for network in networks)


def _has(network: str, address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _settings(host: Host, name: str) -> Values:
    """The unit's settings with all its drop-ins, and those for all units of its kind; an empty value clears a list."""
    kind = name.rpartition(".")[2]
    path = unit(host, name).path
    places = [f"{place}/{one}.d/*.conf" for one in (kind, name) for place in reversed(UNIT_PATHS)]
    drop_ins = [file for place in places for file in host.glob(place)]
    values: dict[str, list[str]] = {}
    for file in (*([path] if path else []), *drop_ins):
        for line in _text(host, file).splitlines():
            key, equals, value = line.partition("=")
            if equals and key.strip() in SETTINGS:
                words = values.setdefault(key.strip(), [])
                words[len(words) if value.strip() else 0 :] = value.split()
    return {key: tuple(words) for key, words in values.items()}


def _text(host: Host, path: str) -> str:
    try:
        return host.text(path) or ""
    except HostError:
        return ""


def link_filters(host: Host) -> Optional[tuple[LinkFilter, ...]]:
    """What is attached to interfaces; None where the kernel does not tell."""
    try:
        return host.link_filters()
    except HostError:
        return None


def programs(host: Host, chains: Sequence[ChainFacts]) -> tuple[str, ...]:
    """Programs that change the rules while they run: they have chains already, or the next boot starts them."""
    wanted = {name for name in wanted_services(host) if unit(host, name).state is UnitState.ENABLED}
    return tuple(
        program
        for program, (service, prefix) in PROGRAMS.items()
        if service in wanted or any(_begins(chain, prefix) for chain in chains)
    )


def _begins(chain: ChainFacts, prefix: str) -> bool:
    return chain.chain.startswith(prefix) or chain.table.startswith(prefix)
