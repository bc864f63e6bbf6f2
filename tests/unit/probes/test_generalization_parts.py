"""Parts of the generalisation probe: network files, fstab, boot loader, ages, enrolment and litter."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.guest import interface_names, network_bindings, yaml_file
from azpreflight.host import FileInfo, FileKind
from azpreflight.host.disk.types import Disk, Format, Layout, Table, Volume
from azpreflight.model import Finding, Severity
from azpreflight.paths import ARMED
from azpreflight.probes.generalization import mounts
from tests.support.fakes import Denied, FakeHost, Link
from tests.support.judging import findings, judged
from tests.unit.probes.test_generalization import FIRST_BOOT, PROBES, RUN, host, verdict

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


UUID = "5f0e8a7e-0c1d-4b57-9f57-2d4f7f3d1c11"
DISKS = {
    f"/dev/disk/by-uuid/{UUID}": Link("../../sda1"),
    "/dev/disk/by-uuid/DATA": Link("../../sdc1"),
    "/dev/disk/by-label/boot": Link("../../sda15"),
}


@pytest.mark.parametrize(
    ("line", "severities"),
    [
        (f"UUID={UUID} / ext4 defaults 0 1", ()),
        ("LABEL=boot /boot vfat defaults 0 1", ()),
        ("UUID=DATA /data ext4 defaults 0 2", ("error",)),
        ("UUID=DATA /data ext4 defaults,nofail 0 2", ()),
        ("UUID=GONE /data ext4 defaults 0 2", ("error",)),
        ("/dev/sdc1 /data ext4 defaults 0 2", ("error",)),
        ("/dev/sda1 / ext4 defaults 0 1", ("warning",)),
        ("/dev/nvme0n1p15 /boot/efi vfat defaults 0 1", ("error",)),
        ("/dev/disk/by-id/scsi-360022480-part3 /boot xfs defaults 0 0", ("error",)),
        ("/dev/disk/by-id/dm-uuid-LVM-Xy1 /home xfs defaults 0 0", ()),
        ("/dev/disk/cloud/azure_resource-part1 /mnt auto defaults 0 2", ("error",)),
        ("/dev/disk/cloud/azure_resource-part1 /mnt auto defaults,nofail 0 2", ()),
        ("/dev/mapper/vg-data /data xfs defaults 0 2", ()),
        ("server:/share /nfs nfs defaults 0 0", ("warning",)),
        ("server:/share /nfs nfs _netdev,nofail 0 0", ()),
        ("/swapfile none swap sw 0 0", ()),
        ("tmpfs /tmp tmpfs defaults 0 0", ()),
        ("#/dev/sdc1 /data ext4 defaults 0 2", ()),
        ("nonsense", ()),
    ],
)
def test_fstab(line: str, severities: tuple[str, ...]) -> None:
    """What must be mounted has to be on the disk that is captured."""
    lines = line if " / " in line else f"UUID={UUID} / ext4 defaults 0 1\n{line}"
    machine = host({**DISKS, "/etc/fstab": lines + "\n"})
    assert verdict(machine, RUN, "gen-fstab")[1] == severities


def test_what_a_shell_would_run_in_fstab_stays_a_word(tmp_path: Path) -> None:
    """Somebody else's image is inspected, and the command is meant to be copied."""
    line = "LABEL=a';touch${IFS}ran;' /data ext4 defaults 0 2"
    machine = host({**DISKS, "/etc/fstab": f"UUID={UUID} / ext4 defaults 0 1\n{line}\n"})
    (finding,) = findings(judged(machine, RUN, *PROBES), "gen-fstab")
    (command,) = finding.commands
    (tmp_path / "fstab").write_text(f"{line}\n")
    subprocess.run(["sh", "-c", command.replace("/etc/", "")], cwd=tmp_path, check=True, timeout=30)
    assert [path.name for path in tmp_path.iterdir()] == ["fstab"]
    assert " nofail,defaults " in (tmp_path / "fstab").read_text()


LOCKED = Volume("partition 3", 0, 0, kind="LUKS", closed="it is encrypted (LUKS)")


@pytest.mark.parametrize(
    ("line", "more", "confidence"),
    [
        ("UUID=da7a /data ext4 defaults 0 2", (), None),
        ("LABEL=data /data ext4 defaults 0 2", (), None),
        ("UUID=90e0 /data ext4 defaults 0 2", (), "certain"),
        ("LABEL=cache /cache ext4 defaults 0 2", (), "certain"),
        ("/dev/mapper/datavg-lv /u01 xfs defaults 0 0", (), "certain"),
        ("UUID=90e0 /data ext4 defaults,nofail 0 2", (), None),
        (
            "UUID=90e0 /data ext4 defaults 0 2",
            (Volume("partition 3", 0, 0, kind="LUKS", closed="encrypted"),),
            "likely",
        ),
        ("UUID=90e0 /var ext4 defaults 0 2", (), None),
    ],
)
def test_fstab_of_a_disk_image(line: str, more: tuple[Volume, ...], confidence: str | None) -> None:
    """The whole disk is there to be asked; what belongs to the system's own places is for image-filesystems."""
    volumes = (Volume("partition 1", 0, 1, uuid="1a2b"), Volume("partition 2", 1, 1, uuid="da7a", label="data"), *more)
    disk = Disk("/d.vhd", Format.VHD, 1, 1, layout=Layout(Table.GPT, volumes), root="partition 1")
    text = f"UUID=1a2b / ext4 defaults 0 1\n{line}\n"
    facts = mounts.look(FakeHost(files={"/etc/fstab": text}, root="/mnt", disk=disk), replace(RUN, root="/mnt"))
    found = [verdict for verdict in mounts.judge(facts, RUN) if isinstance(verdict, Finding)]
    assert [one.confidence.value for one in found] == ([confidence] if confidence else [])


@pytest.mark.parametrize(
    ("line", "confidence"),
    [
        ("/dev/sr0 /metadata udf ro 0 0", "certain"),
        ("LABEL=OVF /media/ovf iso9660 ro 0 0", "certain"),
        ("/dev/cdrom /mnt/cd auto ro 0 0", "certain"),
        ("LABEL=Temporary /mnt ext4 defaults 0 2", "certain"),
        ("/dev/disk/azure/scsi1/lun0-part1 /data xfs defaults 0 2", "certain"),
        ("/dev/disk/azure/data/by-lun/0 /home xfs defaults 0 2", "certain"),
        ("UUID=GONE /data ext4 defaults 0 2", "likely"),
        ("LABEL=cache /cache ext4 defaults 0 2", "likely"),
        ("/dev/mapper/datavg-lv /var xfs defaults 0 0", "likely"),
        ("/dev/datavg/lv /u01 xfs defaults 0 0", "likely"),
        ("/dev/mapper/rootvg-home /home xfs defaults 0 0", None),
        ("/dev/mapper/rootvg-u01 /u01 xfs defaults 0 0", None),
        ("UUID=BOOT /boot xfs defaults 0 0", None),
        ("LABEL=OVF /media/ovf iso9660 ro,nofail 0 0", None),
    ],
)
def test_fstab_of_a_mounted_image(line: str, confidence: str | None) -> None:
    """No device can be asked: where an entry may be a data disk's, that is said, and not passed over."""
    text = f"/dev/mapper/rootvg-root / xfs defaults 0 0\n{line}\n"
    facts = mounts.look(FakeHost(files={"/etc/fstab": text}, root="/mnt"), replace(RUN, root="/mnt"))
    found = [verdict for verdict in mounts.judge(facts, RUN) if isinstance(verdict, Finding)]
    assert [one.confidence.value for one in found] == ([confidence] if confidence else [])


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


def test_a_kernel_option_of_the_next_boot_disables_cloud_init() -> None:
    """It is in the image, although this boot did not have it."""
    grub = {"/boot/grub/grub.cfg": "linux /vmlinuz ro cloud-init=disabled\n"}
    (finding,) = findings(judged(host(grub), RUN, *PROBES), "agents-provisioner")
    assert "cloud-init=disabled on the kernel command line" in finding.message


DAY = 86_400.0


def at(modified: float, kind: FileKind = FileKind.FILE, target: Optional[str] = None) -> FileInfo:
    """A file of that time."""
    return FileInfo(kind, 400, 0o600, 0, 0, modified, target)


@pytest.mark.parametrize(("age", "status"), [(3 * DAY, "fail"), (60.0, "pass"), (-60.0, "pass")])
def test_host_keys_older_than_the_first_boot_came_with_the_image(age: float, status: str) -> None:
    """Keys are made minutes around the marks of provisioning, or they were there before."""
    booted = 1_700_000_000.0
    machine = host(
        {
            "/var/lib/cloud/instance": at(booted, FileKind.LINK, "instances/x"),
            "/etc/ssh/ssh_host_rsa_key": at(booted - age),
            "/etc/ssh/ssh_host_ed25519_key": at(booted - age - DAY),
        }
    )
    assert verdict(machine, FIRST_BOOT, "gen-ssh-host-keys")[0] == status


def test_without_a_mark_of_provisioning_ages_say_nothing() -> None:
    """Nothing tells when the VM was made."""
    machine = host({"/etc/ssh/ssh_host_rsa_key": at(1.0)})
    assert verdict(machine, FIRST_BOOT, "gen-ssh-host-keys") == ("notapplicable", ())


@pytest.mark.parametrize(
    ("files", "severities"),
    [
        ({"/etc/chrony/chrony.keys": "# keys\n"}, ()),
        ({"/etc/chrony/chrony.keys": "1 SHA1 HEX:00\n"}, ("warning",)),
        ({"/etc/iscsi/initiatorname.iscsi": "GenerateName=yes\n"}, ()),
        ({"/etc/iscsi/initiatorname.iscsi": "InitiatorName=iqn.1993-08.org.debian:01:a\n"}, ("warning",)),
        ({"/etc/pki/consumer/key.pem": "x", "/var/lib/sss/db/cache_example.ldb": "x"}, ("error", "warning")),
        ({"/etc/opt/microsoft/omsagent/w1/certs/oms.key": "x"}, ("error",)),
    ],
)
def test_memberships(files: dict[str, Any], severities: tuple[str, ...]) -> None:
    """A credential is an error, an identity a warning, a file with comments alone is nothing."""
    assert verdict(host(files), RUN, "gen-enrolment")[1] == severities


def test_litter_is_told_kind_by_kind() -> None:
    """Pools, dangling units, crontabs of nobody, settings of sshd, memories: notes; what is in use is not told."""
    files = {
        "/var/lib/hyperv/.kvp_pool_1": b"PROVISIONING_REPORT",
        "/etc/systemd/system/network.target.wants/waagent-network-setup.service": Link(
            "/lib/systemd/system/gone.service"
        ),
        "/var/spool/cron/crontabs/gone": "* * * * * x\n",
        "/var/spool/cron/crontabs/root": "* * * * * x\n",
        "/etc/ssh/sshd_config.d/50-cloud-init.conf": "PasswordAuthentication yes\n",
        "/var/lib/NetworkManager/timestamps": "[timestamps]\n",
    }
    report = judged(host(files), RUN, *PROBES)
    assert len(findings(report, "gen-litter")) == 5
    assert not any("crontabs/root" in finding.message for finding in findings(report, "gen-litter"))


@given(st.text(max_size=200))
def test_yaml_ends_in_a_mapping_or_a_reason(text: str) -> None:
    """No text makes it raise anything else."""
    try:
        assert isinstance(yaml_file.mapping(text), dict)
    except (yaml_file.NotYaml, yaml_file.Refused) as error:
        assert str(error).isprintable()


def test_a_lastlog_of_zeros_says_nothing() -> None:
    """useradd makes a place in it for every user."""
    assert verdict(host({"/var/log/lastlog": b"\0" * 292}), RUN, "gen-system-logs") == ("pass", ())
    assert verdict(host({"/var/log/lastlog": b"\0" * 292 + b"\x01pts/0"}), RUN, "gen-system-logs")[0] == "fail"


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ((0, 1), "the image is still armed for its capture: "),
        ((0,), "the image is still armed for its capture: "),
        ((1,), "not armed, but left by arm: "),
    ],
)
def test_an_image_is_armed_by_the_link(left: tuple[int, ...], said: str) -> None:
    """Settings without it are what an `arm` that was killed has left."""
    image = host({ARMED[number]: "x" for number in left}, root="/mnt/image")
    (finding,) = findings(judged(image, replace(RUN, root="/mnt/image"), *PROBES), "gen-azpreflight")
    assert finding.message.startswith(said)
