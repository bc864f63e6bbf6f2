"""What binds an image to the network of the machine that it was built on."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.guest import interface_names, network_bindings
from azpreflight.model import Severity
from tests.support.fakes import Denied, Link
from tests.support.judging import findings, judged
from tests.support.machines.generalization import PROBES, RUN, host, verdict

MAC_NETPLAN = """\
network:
  version: 2
  ethernets:
    eth0:
      dhcp4: true
      match: {macaddress: "00:0d:3a:12:34:56"}
      set-name: eth0
"""
STATIC_NETPLAN = "network: {ethernets: {eth0: {addresses: [10.0.0.9/24]}}}\n"


@pytest.mark.parametrize(
    ("reader", "text", "told"),
    [
        (network_bindings.of_netplan, MAC_NETPLAN, ["eth0 is matched by its MAC address"]),
        (network_bindings.of_netplan, STATIC_NETPLAN, ["eth0 has a static address"]),
        (network_bindings.of_netplan, "network: {ethernets: {eth0: {dhcp4: true, addresses: [10.0.0.9/24]}}}\n", []),
        (network_bindings.of_netplan, "network: {ethernets: {eth0: {match: {driver: hv_netvsc}, dhcp4: true}}}\n", []),
        (network_bindings.of_netplan, "network: [1]\n", []),
        (
            network_bindings.of_netplan,
            "network: {ethernets: {eth0: {dhcp4: true, dhcp4-overrides: {use-routes: false, use-dns: false}}}}\n",
            [
                "eth0 takes no routes of DHCP (use-routes: false)",
                "eth0 takes no DNS servers of DHCP (use-dns: false)",
            ],
        ),
        (
            network_bindings.of_netplan,
            "network: {ethernets: {eth1: {dhcp4: true, dhcp4-overrides: {use-routes: false}}}}\n",
            [],
        ),
        (
            network_bindings.of_netplan,
            "network: {ethernets: {eth0: {dhcp4-overrides: {use-dns: false}, nameservers: {addresses: [10.0.0.5]}}}}\n",
            [],
        ),
        (
            network_bindings.of_networkd,
            "[Match]\nName=eth0\n[Network]\nDHCP=yes\n[DHCPv4]\nUseRoutes=no\nUseDNS=false\n",
            ["takes no routes of DHCP (UseRoutes=no)", "takes no DNS servers of DHCP (UseDNS=no)"],
        ),
        (network_bindings.of_networkd, "[Match]\nName=eth1\n[Network]\nDHCP=yes\n[DHCPv4]\nUseRoutes=no\n", []),
        (
            network_bindings.of_networkd,
            "[Match]\nName=eth0\n[Network]\nDHCP=yes\nDNS=10.0.0.5\n[DHCP]\nUseDNS=no\n",
            [],
        ),
        (
            network_bindings.of_keyfile,
            "[connection]\ntype=ethernet\n[ipv4]\nmethod=auto\nignore-auto-dns=true\nignore-auto-routes=true\n",
            [
                "takes no routes of DHCP (ignore-auto-routes=true)",
                "takes no DNS servers of DHCP (ignore-auto-dns=true)",
            ],
        ),
        (network_bindings.of_keyfile, "[connection]\ninterface-name=eth1\n[ipv4]\nignore-auto-routes=true\n", []),
        (network_bindings.of_keyfile, "[ipv4]\nmethod=auto\nignore-auto-dns=true\ndns=10.0.0.5;\n", []),
        (network_bindings.of_netplan, "network: {bridges: {br0: {addresses: [10.0.0.9/24]}}}\n", []),
        (
            network_bindings.of_networkd,
            "[Match]\nMACAddress=00:0d:3a:12:34:56\n[Network]\nDHCP=yes\n",
            ["matches a MAC address"],
        ),
        (
            network_bindings.of_networkd,
            "[Match]\nName=eth0\n[Network]\nAddress=10.0.0.9/24\n",
            ["has a static address"],
        ),
        (network_bindings.of_networkd, "[Match]\nName=br0\n[Network]\nAddress=10.0.0.9/24\n", []),
        (network_bindings.of_networkd, "[Match]\nName=e*\n[Network]\nDHCP=ipv4\n", []),
        (
            network_bindings.of_keyfile,
            "[connection]\ntype=ethernet\n[ethernet]\nmac-address=00:0D:3A\n",
            ["matches a MAC address"],
        ),
        (network_bindings.of_keyfile, "[connection]\ntype=ethernet\n[ipv4]\nmethod=manual\n", ["has a static address"]),
        (network_bindings.of_keyfile, "[connection]\ntype=bridge\n[ipv4]\nmethod=manual\n", []),
        (network_bindings.of_interfaces, "auto lo\niface lo inet loopback\niface eth0 inet dhcp\n", []),
        (
            network_bindings.of_interfaces,
            "iface eth0 inet static\n  hwaddress ether 00:0d:3a\n",
            ["eth0 has a static address", "sets a MAC address"],
        ),
        (
            network_bindings.of_ifcfg,
            "DEVICE=eth0\nBOOTPROTO=dhcp\nHWADDR=00:0d:3a:12:34:56\n",
            ["matches a MAC address"],
        ),
        (network_bindings.of_ifcfg, "BOOTPROTO=none\nIPADDR=10.0.0.9\n", ["has a static address"]),
        (network_bindings.of_ifcfg, "BOOTPROTO=none\nIPADDR0=10.0.0.9\nPREFIX0=24\n", ["has a static address"]),
        (network_bindings.of_ifcfg, "BOOTPROTO='dhcp'\nONBOOT=yes\n", []),
        (network_bindings.of_ifcfg, "BOOTPROTO='dhcp4'\nIPADDR=''\nREMOTE_IPADDR='10.0.0.1'\n", []),
        (network_bindings.of_ifcfg, "LLADDR=00:0d:3a:12:34:56\nBOOTPROTO='dhcp'\n", ["sets a MAC address"]),
        (network_bindings.of_ifcfg, "DEVICE=lo\nIPADDR=127.0.0.1\nNETMASK=255.0.0.0\nONBOOT=yes\nNAME=loopback\n", []),
        (network_bindings.of_ifcfg, "IPADDR=127.0.0.1/8\nSTARTMODE=nfsroot\nBOOTPROTO=static\n", []),
        (
            network_bindings.of_udev,
            'SUBSYSTEM=="net", ATTR{address}=="00:0d:3a:12:34:56", NAME="eth0"\n',
            ["names a NIC by its MAC address"],
        ),
        (network_bindings.of_udev, 'SUBSYSTEM=="net", DRIVERS=="hv_netvsc", NAME="eth0"\n', []),
    ],
)
def test_what_binds_a_network_file(reader: Any, text: str, told: list[str]) -> None:
    """A card's address and an address of the network bind; DHCP for any NIC does not."""
    assert list(reader(text)) == told


@given(st.text())
def test_readers_take_any_text(text: str) -> None:
    """Whatever a file says, a reader says something or nothing."""
    readers = (
        network_bindings.of_networkd,
        network_bindings.of_keyfile,
        network_bindings.of_interfaces,
        network_bindings.of_ifcfg,
        network_bindings.of_udev,
    )
    for reader in (*readers, interface_names.of_networkd, interface_names.of_interfaces):
        assert all(isinstance(told, str) for told in reader(text))


def test_cloud_inits_own_file_is_a_note_unless_its_network_is_off() -> None:
    """It is written again for the next VM, if cloud-init may."""
    generated = {"/etc/netplan/50-cloud-init.yaml": MAC_NETPLAN}
    assert verdict(host(generated), RUN, "gen-network-config") == ("fail", ("note",))
    off = {**generated, "/etc/cloud/cloud.cfg.d/99-disable-network-config.cfg": "network: {config: disabled}\n"}
    assert verdict(host(off), RUN, "gen-network-config") == ("fail", ("error",))
    own = {"/etc/netplan/01-static.yaml": STATIC_NETPLAN}
    assert verdict(host(own), RUN, "gen-network-config") == ("fail", ("error",))


STATIC_IFCFG = "STARTMODE=auto\nBOOTPROTO='static'\nIPADDR='10.0.0.5/24'\nLLADDR=00:0d:3a:12:34:56\n"


def test_a_card_of_suse_is_told_and_goes_back_to_dhcp(tmp_path: Path) -> None:
    """Without its file wicked would leave the NIC alone, so that the file stays."""
    machine = host({"/etc/sysconfig/network/ifcfg-eth0": STATIC_IFCFG})
    found = findings(judged(machine, RUN, *PROBES), "gen-network-config")
    assert [finding.severity for finding in found] == [Severity.ERROR, Severity.ERROR]
    (tmp_path / "ifcfg-eth0").write_text(STATIC_IFCFG)
    command = found[0].commands[0].replace("/etc/sysconfig/network/", "")
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, timeout=30)
    assert (tmp_path / "ifcfg-eth0").read_text() == "STARTMODE=auto\nBOOTPROTO=dhcp\n"


INTERFACES = """\
source /etc/network/interfaces.d/*
auto lo eth0 br0
iface lo inet loopback
    address 10.9.9.9
iface eth0 inet static
    address 10.0.0.5/24
    gateway 10.0.0.1
    mtu 1500
\thwaddress ether 00:0d:3a:12:34:56
iface eth0 inet6 static
    address fd00::5/64
iface br0 inet static
    address 10.8.0.1/24
"""


def test_a_card_of_ifupdown_goes_back_to_dhcp(tmp_path: Path) -> None:
    """Without its stanza nobody would bring it up; what is of other interfaces stays."""
    found = findings(judged(host({"/etc/network/interfaces": INTERFACES}), RUN, *PROBES), "gen-network-config")
    assert [finding.severity for finding in found] == [Severity.ERROR, Severity.ERROR]
    (tmp_path / "interfaces").write_text(INTERFACES)
    subprocess.run(
        ["sh", "-c", found[0].commands[0].replace("/etc/network/", "")], cwd=tmp_path, check=True, timeout=30
    )
    lines = INTERFACES.replace("eth0 inet static", "eth0 inet dhcp").splitlines(keepends=True)
    del lines[8]
    assert (tmp_path / "interfaces").read_text() == "".join(lines)


def test_an_ifcfg_file_that_cloud_init_wrote_is_a_note() -> None:
    """Its name is the NIC's, and the first line says who wrote it."""
    text = "DEVICE=eth0\nBOOTPROTO=dhcp\nHWADDR=00:0d:3a:12:34:56\n"
    path = "/etc/sysconfig/network-scripts/ifcfg-eth0"
    generated = {path: f"# Created by cloud-init on instance boot automatically, do not edit.\n#\n{text}"}
    assert verdict(host(generated), RUN, "gen-network-config") == ("fail", ("note",))
    assert verdict(host({path: text}), RUN, "gen-network-config") == ("fail", ("error",))


RHEL_HOSTS = "127.0.0.1   localhost localhost.localdomain localhost4 localhost4.localdomain4\n"


def test_the_rhel_familys_own_hosts_file_names_nobody() -> None:
    """localhost4 is everybody's."""
    assert verdict(host({"/etc/hosts": RHEL_HOSTS}), RUN, "gen-hostname") == ("pass", ())


def test_a_name_beside_localhost_is_taken_out_alone(tmp_path: Path) -> None:
    """The line has localhost on it; a line without any other name goes, and a longer name stays."""
    hosts = "127.0.0.1 vm localhost vm\n127.0.1.1\tvm.corp vm\n10.0.0.4 vm-2 vm\n"
    (finding,) = findings(judged(host({"/etc/hosts": hosts}), RUN, *PROBES), "gen-hostname")
    (tmp_path / "hosts").write_text(f"{hosts}127.0.0.1 localhost vm-2\n")
    subprocess.run(["sh", "-c", finding.commands[0].replace("/etc/", "")], cwd=tmp_path, check=True, timeout=30)
    assert (tmp_path / "hosts").read_text() == "127.0.0.1 localhost\n10.0.0.4 vm-2 vm\n127.0.0.1 localhost vm-2\n"


def test_what_no_program_reads_as_a_network_file_says_nothing() -> None:
    """A directory among them, and a link to nowhere; the files beside them are read."""
    connections = "/etc/NetworkManager/system-connections"
    odd = {f"{connections}/old/eth0.nmconnection": "x", f"{connections}/gone": Link("nowhere")}
    assert verdict(host(odd), RUN, "gen-network-config") == ("pass", ())
    static = {f"{connections}/eth0.nmconnection": "[connection]\ntype=ethernet\n[ipv4]\nmethod=manual\n"}
    assert verdict(host({**odd, **static}), RUN, "gen-network-config") == ("fail", ("error",))


IFUPDOWN = "auto lo\niface lo inet loopback\nallow-hotplug ens33\niface ens33 inet dhcp\n"
SUBIQUITY = "network: {version: 2, ethernets: {ens160: {dhcp4: true}}}\n"
NETWORK_OFF = {"/etc/cloud/cloud.cfg.d/99-disable-network-config.cfg": "network: {config: disabled}\n"}
MANAGER = {
    "/lib/systemd/system/NetworkManager.service": "[Unit]\n",
    "/etc/systemd/system/multi-user.target.wants/NetworkManager.service": Link(
        "/lib/systemd/system/NetworkManager.service"
    ),
}


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"/etc/network/interfaces": IFUPDOWN}, "ens33"),
        ({"/etc/netplan/00-installer-config.yaml": SUBIQUITY}, "ens160"),
        ({"/etc/systemd/network/20.network": "[Match]\nName=enp0s3\n[Network]\nDHCP=yes\n"}, "enp0s3"),
        ({"/etc/network/interfaces": IFUPDOWN, "/etc/network/interfaces.d/a": "iface eth0 inet dhcp\n"}, None),
        ({"/etc/network/interfaces": IFUPDOWN, **MANAGER}, None),
        ({"/etc/network/interfaces": f"{IFUPDOWN}source-directory /run/network/interfaces.d\n"}, None),
        ({"/etc/netplan/a.yaml": SUBIQUITY.replace("{dhcp4", "{match: {driver: hv_netvsc}, dhcp4")}, None),
        ({"/etc/netplan/a.yaml": SUBIQUITY.replace("{dhcp4", "{match: {name: 'e*'}, dhcp4")}, None),
        ({"/etc/systemd/network/99-dhcp-en.network": "[Match]\nName=e*\n[Network]\nDHCP=yes\n"}, None),
        ({"/etc/netplan/a.yaml": SUBIQUITY, "/usr/lib/systemd/network/zz.network": "[Match]\nType=ether\n"}, None),
        ({"/etc/netplan/a.yaml": "network: [1]\n", "/etc/systemd/network/br0.network": "[Match]\nName=br0\n"}, None),
        ({}, None),
    ],
)
def test_a_card_that_is_called_otherwise_on_azure(files: dict[str, str], told: Optional[str]) -> None:
    """Where nothing brings up eth0, and cloud-init may not write the network."""
    found = findings(judged(host({**NETWORK_OFF, **files}), RUN, *PROBES), "gen-network-config")
    assert [one.severity for one in found] == ([Severity.ERROR] if told else [])
    assert all(f"brings up {told} and nothing brings up eth0" in one.message for one in found)
    assert verdict(host(files), RUN, "gen-network-config") == ("pass", ())


def test_the_command_gives_the_card_its_name_on_azure(tmp_path: Path) -> None:
    """In every line of the file."""
    machine = host({**NETWORK_OFF, "/etc/network/interfaces": IFUPDOWN})
    (finding,) = findings(judged(machine, RUN, *PROBES), "gen-network-config")
    (tmp_path / "interfaces").write_text(IFUPDOWN)
    command = finding.commands[0].replace("/etc/network/", "")
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, timeout=30)
    assert (tmp_path / "interfaces").read_text() == IFUPDOWN.replace("ens33", "eth0")


def test_a_netplan_file_that_is_no_yaml_is_told() -> None:
    """netplan then configures nothing."""
    (finding,) = findings(judged(host({"/etc/netplan/x.yaml": "network: [\n"}), RUN, *PROBES), "gen-network-config")
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith("netplan cannot read /etc/netplan/x.yaml")


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("10.0.0.4::10.0.0.1:255.255.255.0:vm:eth0:none", "fail"),
        ("[2001:db8::4]::[2001:db8::1]:64:vm:eth0:none", "fail"),
        ("dhcp", "pass"),
        ("eth0:dhcp", "pass"),
        (":::::eth0:dhcp", "pass"),
    ],
)
def test_an_address_on_the_kernel_command_line_binds(value: str, status: str) -> None:
    """With DHCP on it, a VM asks for an address of its own."""
    grub = {"/boot/grub/grub.cfg": f"linux /vmlinuz ro ip={value}\n"}
    assert verdict(host(grub), RUN, "gen-network-config")[0] == status


def test_an_unreadable_boot_loader_decides_nothing() -> None:
    """What else binds the network is told all the same."""
    grub = {"/boot/grub/grub.cfg": Denied()}
    assert verdict(host(grub), RUN, "gen-network-config")[0] == "unknown"
    static = {**grub, "/etc/network/interfaces.d/eth0": "iface eth0 inet static\n"}
    assert verdict(host(static), RUN, "gen-network-config") == ("fail", ("error",))


@pytest.mark.parametrize(("name", "status"), [("template", "fail"), ("localhost.localdomain", "pass")])
def test_the_name_that_a_card_sends(name: str, status: str) -> None:
    """waagent of the RHEL family writes its own into the file, and deprovisioning the neutral one."""
    files = {"/etc/sysconfig/network-scripts/ifcfg-eth0": f"BOOTPROTO=dhcp\nDHCP_HOSTNAME={name}\n"}
    assert verdict(host(files), RUN, "gen-hostname")[0] == status
