"""Network files of cloud-init in a form that it does not write any more, which stay in the image."""

from __future__ import annotations

from typing import Any

import pytest

from azpreflight.guest import network_renderers
from azpreflight.guest.cloud_init import merged
from azpreflight.model import Severity
from tests.support.fakes import FakeHost, Link
from tests.support.judging import findings, judged
from tests.support.machines.generalization import PROBES, RUN, host

NETWORKD = "/etc/systemd/network/10-cloud-init-eth0.network"
MAC = {NETWORKD: "[Match]\nMACAddress=00:0d:3a:00:00:01\n[Network]\nDHCP=yes\n"}
IFCFG = {
    "/etc/sysconfig/network-scripts/ifcfg-eth0": "# Created by cloud-init automatically, do not edit.\n#\n"
    "BOOTPROTO=dhcp\nDEVICE=eth0\nHWADDR=00:0d:3a:00:00:01\n"
}
NETPLAN = {"/usr/sbin/netplan": ""}


def enabled(name: str) -> dict[str, Any]:
    """A unit that the next boot starts."""
    path = f"/lib/systemd/system/{name}"
    return {path: "[Unit]\n", f"/etc/systemd/system/multi-user.target.wants/{name}": Link(path)}


@pytest.mark.parametrize(
    ("files", "severity", "words"),
    [
        ({**MAC, "/sbin/ip": "", "/bin/systemctl": ""}, Severity.NOTE, ", which cloud-init writes again on a new VM"),
        (
            {**MAC, **NETPLAN, **enabled("systemd-networkd.service")},
            Severity.ERROR,
            "now writes netplan, so that it stays",
        ),
        ({**MAC, **NETPLAN}, Severity.NOTE, ", which no enabled service reads; cloud-init now writes netplan"),
        ({**IFCFG, **NETPLAN, **enabled("network.service")}, Severity.ERROR, "now writes netplan, so that it stays"),
        ({**MAC, **NETPLAN, **enabled("NetworkManager.service")}, Severity.NOTE, ", which no enabled service reads"),
    ],
    ids=["same form", "read", "not read", "ifcfg", "another manager"],
)
def test_what_another_renderer_left_counts_if_it_is_read(files: dict[str, Any], severity: Severity, words: str) -> None:
    """The form that is written again is the one of the chosen renderer; another stays, and matters where it is read."""
    found = findings(judged(host(files), RUN, *PROBES), "gen-network-config")
    assert [one.severity for one in found] == [severity]
    assert words in found[0].message


def test_the_list_of_the_distribution_comes_first() -> None:
    """system_info in cloud.cfg: RHEL's begins with sysconfig, Azure Linux' has networkd alone."""
    text = "system_info: {network: {renderers: [networkd, freebsd, 3]}}\n"
    listed = merged([("/etc/cloud/cloud.cfg", text)]).renderers
    assert listed == ("networkd",)
    machine = FakeHost(files={**NETPLAN, "/sbin/ip": "", "/bin/systemctl": ""})
    assert network_renderers.look(machine, listed).chosen == "networkd"
    assert network_renderers.look(machine, None).chosen == "netplan"
    assert merged([("/etc/cloud/cloud.cfg", "system_info: {network: [x]}\n")]).renderers is None
