"""Files of network managers that are about eth0: whether one brings it up, whatever its MAC address. Pure.

(netplan(5); systemd.network(5); interfaces(5); ifcfg(5) of the RHEL family and of SUSE; nm-settings-keyfile(5).)
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping

from azpreflight.guest import network_bindings, yaml_file

NIC, DRIVER = "eth0", "hv_netvsc"
YES = ("yes", "true", "ipv4", "both", "1", "on")


def of_netplan(text: str) -> bool:
    """A NIC of `ethernets:` is eth0, by name, pattern or driver, and gets an address."""
    try:
        network = _mapping(yaml_file.mapping(text).get("network"))
    except (yaml_file.NotYaml, yaml_file.Refused):
        return False
    return any(_netplan_fits(str(name), _mapping(card)) for name, card in _mapping(network.get("ethernets")).items())


def _netplan_fits(name: str, card: Mapping[object, object]) -> bool:
    match = card.get("match")
    found = _mapping(match)
    pattern = str(found.get("name", "*")) if match is not None else name
    driver = str(found.get("driver", DRIVER))
    addressed = str(card.get("dhcp4", "")).lower() in YES or bool(card.get("addresses"))
    return (
        addressed
        and fnmatch.fnmatchcase(NIC, pattern)
        and fnmatch.fnmatchcase(DRIVER, driver)
        and "macaddress" not in found
    )


def of_networkd(text: str) -> bool:
    """[Match] fits eth0, and [Network] gives it an address (systemd.network(5))."""
    sections = network_bindings.sections(text)
    match, network = sections.get("match", {}), sections.get("network", {})
    if set(match) & {"macaddress", "permanentmacaddress", "wlaninterfacetype", "ssid", "kind", "path", "host", "bssid"}:
        return False
    if "virtualization" in match and match["virtualization"].lower() not in ("yes", "vm", "microsoft", "true", "1"):
        return False
    names = match.get("name", "*").split()
    wanted = any(fnmatch.fnmatchcase(NIC, name) for name in names if not name.startswith("!"))
    refused = any(fnmatch.fnmatchcase(NIC, name[1:]) for name in names if name.startswith("!"))
    driver = any(fnmatch.fnmatchcase(DRIVER, name) for name in match.get("driver", DRIVER).split())
    kind = match.get("type", "ether").split()
    addressed = network.get("dhcp", "").lower() in YES or "address" in network or "address" in sections
    return wanted and not refused and driver and "ether" in kind and addressed


def of_interfaces(text: str) -> bool:
    """A stanza for eth0 that is brought up by itself, or a directory of files made at boot (interfaces(5))."""
    rows = [line.split() for line in text.splitlines()]
    auto = {name for row in rows if row[:1] and row[0] in ("auto", "allow-hotplug", "allow-auto") for name in row[1:]}
    stanza = any(
        row[:1] == ["iface"] and row[2:3] == ["inet"] and fnmatch.fnmatchcase(NIC, row[1])
        for row in rows
        if len(row) > 3
    )
    return stanza and any(fnmatch.fnmatchcase(NIC, name.lstrip("/")) for name in auto)


def of_ifcfg(text: str) -> bool:
    """ifcfg-eth0 of the RHEL family or of SUSE: started at boot, with an address."""
    rows = (line.split("#")[0].partition("=") for line in text.splitlines())
    values = {key.strip(): value.strip().strip("\"'").lower() for key, _, value in rows}
    starts = values.get("ONBOOT", values.get("STARTMODE", "")) in ("yes", "true", "1", "auto", "hotplug", "onboot")
    return (
        starts
        and (values.get("BOOTPROTO", "").startswith(("dhcp", "auto")) or "IPADDR" in values)
        and "HWADDR" not in values
    )


def of_keyfile(text: str) -> bool:
    """A profile of NetworkManager for a wired NIC, any or eth0, that connects by itself."""
    sections = network_bindings.sections(text)
    connection = sections.get("connection", {})
    wired = connection.get("type", "") in ("ethernet", "802-3-ethernet")
    named = connection.get("interface-name", NIC) == NIC and "mac-address" not in sections.get("ethernet", {})
    addressed = sections.get("ipv4", {}).get("method", "auto") != "disabled"
    return wired and named and addressed and connection.get("autoconnect", "true").lower() not in ("false", "no", "0")


READERS = {
    "/etc/netplan/*.yaml": ("netplan", of_netplan),
    "/usr/lib/netplan/*.yaml": ("netplan", of_netplan),
    "/etc/systemd/network/*.network": ("networkd", of_networkd),
    "/usr/lib/systemd/network/*.network": ("networkd", of_networkd),
    "/lib/systemd/network/*.network": ("networkd", of_networkd),
    "/etc/network/interfaces": ("ifupdown", of_interfaces),
    "/etc/network/interfaces.d/*": ("ifupdown", of_interfaces),
    "/etc/sysconfig/network/ifcfg-eth0": ("ifcfg", of_ifcfg),
    "/etc/sysconfig/network-scripts/ifcfg-*": ("ifcfg", of_ifcfg),
    "/etc/NetworkManager/system-connections/*": ("networkmanager", of_keyfile),
}


def _mapping(value: object) -> Mapping[object, object]:
    return value if isinstance(value, Mapping) else {}
