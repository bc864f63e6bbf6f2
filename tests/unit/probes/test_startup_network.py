"""The NIC and the names that the first boot needs."""

from __future__ import annotations

from typing import Any

import pytest

from azpreflight.probes.startup import nic_files as nic
from tests.support.fakes import Fifo, Link
from tests.support.machines.startup import DISABLED, STORE, host, network, service, severities

NETWORKD = tuple(service("systemd-networkd.service"))
NM = service("NetworkManager.service")


WIFI = "/usr/lib/systemd/network/80-wifi-adhoc.network"
INTERFACES = "/etc/network/interfaces"
CLIENT = ("/sbin/dhclient",)
IFUPDOWN, WICKED = {**DISABLED, **service("networking.service")}, {**DISABLED, **service("wicked.service")}
IFCFG = {"/etc/sysconfig/network/ifcfg-eth0": "BOOTPROTO='dhcp'\nSTARTMODE='auto'\n"}


@pytest.mark.parametrize(
    ("changes", "removed", "expected"),
    [
        ({"/etc/systemd/system/systemd-networkd.service": Link("/dev/null")}, (), ["error"]),
        ({}, (NETWORKD[1],), ["error"]),
        ({}, NETWORKD, ["error"]),
        (NM, NETWORKD, []),
        (service("networking.service"), NETWORKD, ["error"]),
        ({**service("networking.service"), INTERFACES: "auto lo\n"}, (*NETWORKD, *CLIENT), ["error"]),
        ({**IFUPDOWN, INTERFACES: "auto eth0\niface eth0 inet dhcp\n"}, (*NETWORKD, *CLIENT), ["error"]),
        (WICKED | IFCFG, (*NETWORKD, *CLIENT), []),
        (NM, (*NETWORKD, *CLIENT), []),
        ({**service("networking.service"), INTERFACES: "auto lo\n"}, NETWORKD, []),
        ({**DISABLED, **NM}, NETWORKD, []),
        ({**DISABLED, **NM, "/etc/NetworkManager/conf.d/a.conf": "[main]\nno-auto-default=*\n"}, NETWORKD, ["error"]),
        (network("[Match]\nName=e*\n"), (), []),
        (network(""), (), []),
        (network("[Match]\nName=ens*\n"), (), ["error"]),
        (network("[Match]\nName=!eth0\n"), (), ["error"]),
        (network("[Match]\nMACAddress=00:0d:3a:01:02:03\n"), (), ["error"]),
        (network("[Match]\nWLANInterfaceType=ad-hoc\n", WIFI), (), ["error"]),
        ({**DISABLED, "/etc/netplan/50.yaml": "network:\n  ethernets:\n    eth0: {dhcp4: true}\n"}, (), []),
        ({**DISABLED, "/etc/netplan/50.yaml": "network:\n  ethernets:\n    ens33: {dhcp4: true}\n"}, (), ["error"]),
        ({**IFUPDOWN, INTERFACES: "auto eth0\niface eth0 inet dhcp\n"}, NETWORKD, []),
        ({**IFUPDOWN, INTERFACES: "iface eth0 inet dhcp\n"}, NETWORKD, ["error"]),
        ({**WICKED, **IFCFG}, NETWORKD, []),
        (WICKED, NETWORKD, ["error"]),
    ],
)
def test_nic(changes: dict[str, Any], removed: tuple[str, ...], expected: list[str]) -> None:
    """A manager that starts, and a configuration of its kind that fits eth0, unless cloud-init writes one."""
    assert severities(host({"/dev/null": Fifo(), **changes}, *removed), "boot-nic") == expected


RESOLVED = {**service("systemd-resolved.service"), "/usr/lib64/libnss_resolve.so.2": ""}


@pytest.mark.parametrize(
    ("line", "changes", "expected"),
    [
        ("files", {}, ["error"]),
        ("files myhostname", {}, ["error"]),
        ("files [NOTFOUND=return] dns", {}, ["error"]),
        ("files [!SUCCESS=return] dns", {}, ["error"]),
        ("files resolve [!UNAVAIL=return]", {}, ["error"]),
        ("resolve", service("systemd-resolved.service"), ["error"]),
        ("files resolve", RESOLVED, []),
        ("files resolve [!UNAVAIL=return] dns myhostname", {}, []),
        ("files mdns4_minimal [NOTFOUND=return] dns", {}, []),
        ("files [SUCCESS=return NOTFOUND=continue] dns", {}, []),
        ("files dns # files", {"/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n20.1.1.1 mirror.example.org\n"}, []),
        ("dns", {"/etc/hosts": f"127.0.0.1 localhost\n20.1.1.1\t{STORE}\n"}, ["warning"]),
        ("dns", {"/etc/hosts": "0.0.0.0 a MANAGEMENT.azure.com. # no\n"}, ["warning"]),
        ("dns", {"/etc/hosts": f"# 20.1.1.1 {STORE}\n168.63.129.16 host\n127.0.0.1 notazure.com\n"}, []),
    ],
)
def test_names(line: str, changes: dict[str, Any], expected: list[str]) -> None:
    """A module that asks servers is reached, and no name of Azure has an address."""
    assert (
        severities(host({"/etc/nsswitch.conf": f"passwd: files\nhosts: {line}\n", **changes}), "boot-names") == expected
    )


def test_without_a_line_for_hosts() -> None:
    """glibc's own default asks name servers."""
    assert severities(host({"/etc/nsswitch.conf": "passwd: files\n"}), "boot-names") == []


def test_a_profile_of_networkmanager() -> None:
    """For any wired NIC, or for eth0."""
    assert nic.of_keyfile("[connection]\ntype=ethernet\n")
    assert not nic.of_keyfile("[connection]\ntype=ethernet\ninterface-name=ens192\n")
    assert not nic.of_keyfile("[connection]\ntype=wifi\n")
