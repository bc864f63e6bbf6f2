"""Network configuration as text: what binds it to one network NIC or to one network. Pure.

Every VM has another MAC address, and Azure gives addresses by DHCP alone. A file that matches a MAC address applies to
no NIC of the next VM; one with an address of its own puts the VM where nobody looks for it. Either way provisioning
may succeed, because the agents bring up the network for themselves first, and the VM is not to be reached afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from azpreflight.guest import ini_file, yaml_file

NO = ("no", "false", "off", "0")
CARD = re.compile(r"(eth|en|hv|\*)")
"""How names of Ethernet NICs begin; a bridge or a tunnel may well have an address of its own."""
_RULE = re.compile(r'ATTRS?\{address\}=="([^"]+)"')


def of_netplan(text: str) -> Iterator[str]:
    """Pins of /etc/netplan/*.yaml. Raises yamltext's errors."""
    network = yaml_file.mapping(text).get("network")
    cards = network.get("ethernets") if isinstance(network, Mapping) else None
    for name, card in (cards if isinstance(cards, Mapping) else {}).items():
        if isinstance(card, Mapping):
            yield from _netplan_card(str(name), card)


def _netplan_card(name: str, card: Mapping[Any, Any]) -> Iterator[str]:
    match = card.get("match")
    if isinstance(match, Mapping) and "macaddress" in match:
        yield f"{name} is matched by its MAC address"
    if card.get("addresses") and card.get("dhcp4") is not True:
        yield f"{name} has a static address"
    named = match.get("name", "*") if isinstance(match, Mapping) else name
    refused = card.get("dhcp4-overrides")
    if isinstance(refused, Mapping) and _first(str(named)):
        if refused.get("use-routes") is False and not card.get("routes"):
            yield f"{name} takes no routes of DHCP (use-routes: false)"
        if refused.get("use-dns") is False and not card.get("nameservers"):
            yield f"{name} takes no DNS servers of DHCP (use-dns: false)"


def _first(name: str) -> bool:
    """It means the first NIC of a VM on Azure: another one may well do without the routes."""
    return name in ("eth0", "eth*", "en*", "e*", "*")


def of_cloud_cfg(text: str) -> Iterator[str]:
    """Pins of `network:` in a file of cloud-init's, in both of its versions; nothing of what is no YAML, which
    cloud-init ignores (cloud-init, "Networking config Version 1" and "Version 2")."""
    try:
        network = yaml_file.mapping(text).get("network")
    except (yaml_file.NotYaml, yaml_file.Refused):
        return
    found = network if isinstance(network, Mapping) else {}
    for name, card in (found["ethernets"] if isinstance(found.get("ethernets"), Mapping) else {}).items():
        yield from _netplan_card(str(name), card) if isinstance(card, Mapping) else ()
    for card in found["config"] if isinstance(found.get("config"), list) else ():
        if isinstance(card, Mapping) and card.get("type") == "physical":
            yield from _card_of_version_1(card)


def _card_of_version_1(card: Mapping[Any, Any]) -> Iterator[str]:
    name = str(card.get("name"))
    if card.get("mac_address"):
        yield f"{name} is matched by its MAC address"
    subnets = card["subnets"] if isinstance(card.get("subnets"), list) else ()
    if any(isinstance(one, Mapping) and one.get("type") in ("static", "static4") for one in subnets):
        yield f"{name} has a static address"


def of_networkd(text: str) -> Iterator[str]:
    """Pins of .network and .link files (systemd.network(5), systemd.link(5))."""
    values = sections(text)
    match, network = values.get("match", {}), values.get("network", {})
    if "macaddress" in match or "permanentmacaddress" in match:
        yield "matches a MAC address"
    dhcp = network.get("dhcp", "no").lower() in ("yes", "true", "ipv4", "both")
    address = "address" in network or "address" in values.get("address", {})
    if address and not dhcp and CARD.match(match.get("name", "eth")):
        yield "has a static address"
    leases = {**values.get("dhcp", {}), **values.get("dhcpv4", {})}
    if dhcp and _first(match.get("name", "*")):
        if leases.get("useroutes", "").lower() in NO and "route" not in values and "gateway" not in network:
            yield "takes no routes of DHCP (UseRoutes=no)"
        if leases.get("usedns", "").lower() in NO and "dns" not in network:
            yield "takes no DNS servers of DHCP (UseDNS=no)"


def of_keyfile(text: str) -> Iterator[str]:
    """Pins of a NetworkManager connection (nm-settings-keyfile(5))."""
    values = sections(text)
    if values.get("connection", {}).get("type", "ethernet") not in ("ethernet", "802-3-ethernet"):
        return
    if any("mac-address" in values.get(section, {}) for section in ("ethernet", "802-3-ethernet")):
        yield "matches a MAC address"
    ipv4 = values.get("ipv4", {})
    if ipv4.get("method") == "manual":
        yield "has a static address"
    elif _first(values.get("connection", {}).get("interface-name", "*")):
        if ipv4.get("ignore-auto-routes") == "true" and "route1" not in ipv4 and "gateway" not in ipv4:
            yield "takes no routes of DHCP (ignore-auto-routes=true)"
        if ipv4.get("ignore-auto-dns") == "true" and not ipv4.get("dns"):
            yield "takes no DNS servers of DHCP (ignore-auto-dns=true)"


def of_interfaces(text: str) -> Iterator[str]:
    """Pins of ifupdown's files (interfaces(5))."""
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["iface"] and words[2:4] == ["inet", "static"] and CARD.match(words[1]):
            yield f"{words[1]} has a static address"
        if words[:1] == ["hwaddress"]:
            yield "sets a MAC address"


def of_ifcfg(text: str) -> Iterator[str]:
    """Pins of ifcfg-* of the RHEL family, and of SUSE, where LLADDR sets the address of the NIC (ifcfg(5))."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    values = {key.strip(): value.strip().strip("\"'") for key, value in pairs}
    addresses = [value for key, value in values.items() if re.fullmatch(r"IPADDR_?\w*", key) and value]
    if values.get("HWADDR"):
        yield "matches a MAC address"
    if values.get("LLADDR"):
        yield "sets a MAC address"
    dhcp = values.get("BOOTPROTO", "none").lower().startswith(("dhcp", "bootp"))
    if not dhcp and any(not address.startswith("127.") for address in addresses):
        yield "has a static address"


def has_address(value: str) -> bool:
    """Whether ip= of a kernel command line sets an address, and does not only say how to get one ("dhcp")."""
    return re.match(r"\[|\d+\.\d+\.\d+\.\d+(?:$|:)", value, re.ASCII) is not None


def of_udev(text: str) -> Iterator[str]:
    """Pins of udev rules: a name for the NIC that has this address, so that another NIC gets another name."""
    rules = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    if any(_RULE.search(rule) and "NAME" in rule for rule in rules):
        yield "names a NIC by its MAC address"


def sections(text: str) -> dict[str, dict[str, str]]:
    """Keys by section of an INI file, all in lower case; the last of a key wins."""
    found: dict[str, dict[str, str]] = {}
    for section, key, value in ini_file.entries(text):
        found.setdefault(section, {})[key] = value
    return found
