"""Further states of images: enrolments, keys of servers, fixed name servers, shares, the hardware's clock, bundles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from azpreflight.guest import network_bindings, networkmanager
from azpreflight.host.disk.types import Layout, Table
from azpreflight.model import Probe
from azpreflight.probes import agents, clock, generalization, tls
from tests.support import fixing
from tests.support.fakes import FakeHost
from tests.support.judging import findings, judged
from tests.support.machines import clock as a_clock
from tests.support.machines import generalization as a_system
from tests.support.machines import image as a_disk
from tests.support.machines import startup as a_boot
from tests.support.machines import tls as a_store

PROBES: dict[str, tuple[Any, Probe[Any]]] = {
    "gen": (a_system, generalization.PROBE),
    "clock": (a_clock, clock.PROBE),
    "tls": (a_store, tls.PROBE),
    "boot": (a_boot, a_boot.PROBE),
}
RESOLVED = "/etc/systemd/resolved.conf"
OFF = a_boot.DISABLED
MANAGER = a_boot.service("NetworkManager.service")
NM_CONF = "/etc/NetworkManager/conf.d/x.conf"
KEYFILE = "/etc/NetworkManager/system-connections/eth0.nmconnection"
REQUIRED = "/etc/systemd/system/local-fs.target.requires/data.mount"
CLOUD = "/etc/cloud/cloud.cfg.d/50-net.cfg"
STATIC = "network:\n  version: 1\n  config:\n  - type: physical\n    name: ens3\n    subnets: [{type: static}]\n"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
OF_ETH0 = "[connection]\ntype=ethernet\ninterface-name=eth0\n"


def said(check: str, changes: dict[str, Any], *removed: str) -> list[tuple[str, str]]:
    """On the healthy host of its probe with some files changed and some away, at a capture."""
    module, probe = PROBES[check.partition("-")[0]]
    example = module.HEALTHY
    host, run = example if isinstance(example, tuple) else (example, module.RUN)
    files = {path: node for path, node in {**host.files, **changes}.items() if path not in removed}
    asked = replace(run, stage=a_boot.RUN.stage, root="/mnt")
    report = judged(replace(host, files=files, root="/mnt"), asked, agents.PROBE, probe)
    return [(one.severity.value, one.message) for one in findings(report, check)]


STATES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "a cluster": ("gen-enrolment", {"/etc/kubernetes/admin.conf": "users:\n"}, "error", "for Kubernetes"),
    "a sensor": ("gen-enrolment", {"/opt/CrowdStrike/falconstore": "x"}, "warning", "for CrowdStrike"),
    "a tunnel": ("gen-enrolment", {"/etc/wireguard/wg0.conf": "x"}, "error", "for WireGuard"),
    "an account of a repository": ("gen-enrolment", {"/etc/apt/auth.conf.d/a.conf": "x"}, "warning", "a.conf"),
    "a server's key": ("gen-random-seed", {"/etc/dropbear/dropbear_rsa_host_key": "x"}, "warning", "dropbear_rsa"),
    "the boot loader's seed": ("gen-random-seed", {"/boot/efi/loader/random-seed": "x"}, "note", "loader/random-seed"),
    "a name server": ("gen-resolv-conf", {RESOLVED: "[Resolve]\nDNS=10.50.0.10\n"}, "warning", "names 10.50.0.10"),
    "a share": ("gen-fstab", {"/etc/fstab": "//h/s /srv cifs rw 0 0\n"}, "warning", "//h/s on /srv is mounted from"),
    "a unit": (
        "gen-fstab",
        {REQUIRED: "[Mount]\nWhat=/dev/sdc1\nWhere=/data\nType=xfs\n"},
        "error",
        "/dev/sdc1 on /data, and such names change",
    ),
    "an address for cloud-init": ("gen-network-config", {CLOUD: STATIC}, "error", "ens3 has a static address"),
    "local time": ("clock-service", {"/etc/adjtime": "0 0 0\n0\nLOCAL\n"}, "warning", "in local time"),
    "an empty bundle": ("tls-azure-roots", {BUNDLE: "", "/etc/ssl/certs/a.0": "x"}, "warning", f"{BUNDLE} is empty"),
    "another's profile": (
        "boot-nic",
        {**OFF, **MANAGER, KEYFILE: f"{OF_ETH0}autoconnect=false\n"},
        "error",
        "eth0.nmconnection brings up none",
    ),
    "a NIC that is left alone": (
        "boot-nic",
        {**MANAGER, NM_CONF: "[keyfile]\nunmanaged-devices=*,except:type:wifi\n"},
        "error",
        f"{NM_CONF} has NetworkManager leave eth0 alone",
    ),
}
"""State: its check, what is changed, the severity, and what the message has."""
NETWORKD = (a_boot.WANTED.format("systemd-networkd.service"),)


@pytest.mark.parametrize("state", STATES)
def test_a_state_is_named(state: str) -> None:
    """By its check, with the object."""
    check, changes, severity, text = STATES[state]
    found = said(check, changes, *(NETWORKD if check == "boot-nic" else ()))
    assert (severity, True) in [(one, text in message) for one, message in found]


SILENT: dict[str, tuple[str, dict[str, Any]]] = {
    "no account": ("gen-enrolment", {"/etc/apt/auth.conf": "", "/var/ossec/etc/client.keys": ""}),
    "a key that is gone": ("gen-random-seed", {"/etc/ssl/private/ssl-cert-snakeoil.key": ""}),
    "name servers of everybody": ("gen-resolv-conf", {RESOLVED: "[Resolve]\nDNS=168.63.129.16 1.1.1.1\n"}),
    "a share that may be missing": ("gen-fstab", {"/etc/fstab": "//h/s /srv cifs rw,nofail 0 0\n"}),
    "a unit that may be missing": (
        "gen-fstab",
        {REQUIRED: "[Mount]\nWhat=/dev/sdc1\nWhere=/data\nOptions=nofail\n"},
    ),
    "DHCP for cloud-init": ("gen-network-config", {CLOUD: STATIC.replace("static", "dhcp")}),
    "UTC": ("clock-service", {"/etc/adjtime": "0 0 0\n0\nUTC\n"}),
    "a profile": ("boot-nic", {**OFF, **MANAGER, KEYFILE: OF_ETH0}),
    "virtual functions": ("boot-nic", {**MANAGER, NM_CONF: "[keyfile]\nunmanaged-devices=driver:mlx5_core\n"}),
}


@pytest.mark.parametrize("state", SILENT)
def test_its_neighbour_is_not(state: str) -> None:
    """What looks alike and works."""
    check, changes = SILENT[state]
    assert said(check, changes, *(NETWORKD if check == "boot-nic" else ())) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("network: {config: disabled}\n", []),
        ("network: [1]\n", []),
        ("a: [\n", []),
        ("network: {ethernets: {eth0: {match: {macaddress: x}}}}\n", ["eth0 is matched by its MAC address"]),
        ("network: {config: [{type: physical, name: a, mac_address: x}, 3]}\n", ["a is matched by its MAC address"]),
    ],
)
def test_network_of_cloud_init(text: str, expected: list[str]) -> None:
    """In both of its versions."""
    assert list(network_bindings.of_cloud_cfg(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*", True),
        ("interface-name:eth*", True),
        ("driver:hv_netvsc;mac:00", True),
        ("*,except:interface-name:eth0", False),
        ("type:wifi", False),
        ("", False),
    ],
)
def test_devices_of_networkmanager(text: str, expected: bool) -> None:
    """A list with exceptions."""
    assert networkmanager.fits(text, "eth0", "hv_netvsc") is expected


def test_the_last_file_of_networkmanager_counts() -> None:
    """And one below /etc hides that of its name of a package."""
    vendor, own = "/usr/lib/NetworkManager/conf.d/10-a.conf", "/etc/NetworkManager/conf.d/10-a.conf"
    all_of_them, none = "[keyfile]\nunmanaged-devices=*\n", "[keyfile]\nunmanaged-devices=none\n"
    assert networkmanager.unmanaged(FakeHost(files={vendor: all_of_them}), "eth0", "hv_netvsc") == vendor
    assert networkmanager.unmanaged(FakeHost(files={vendor: all_of_them, own: ""}), "eth0", "hv_netvsc") is None
    later = {vendor: none, "/etc/NetworkManager/conf.d/20-b.conf": all_of_them}
    assert networkmanager.unmanaged(FakeHost(files=later), "eth0", "hv_netvsc") is not None
    off = {own: "[device-all]\nmanaged=0\n", "/etc/NetworkManager/conf.d/1.conf": "[device]\nmanaged=1\n"}
    assert networkmanager.unmanaged(FakeHost(files=off), "eth0", "hv_netvsc") == own
    other = {own: "[device-x]\nmatch-device=driver:mlx5_core\nmanaged=0\n"}
    assert networkmanager.unmanaged(FakeHost(files=other), "eth0", "hv_netvsc") is None


FIXED = {
    "gen-fstab": STATES["a share"][1],
    "gen-random-seed": STATES["a server's key"][1],
    "gen-enrolment": STATES["a sensor"][1],
    "gen-network-config": STATES["an address for cloud-init"][1],
    "clock-service": {**STATES["local time"][1]},
}


@pytest.mark.parametrize("check", FIXED)
def test_a_fix_that_is_printed_fixes(check: str, tmp_path: Path) -> None:
    """Its commands are run on a real tree in that state, and it says no more of it."""
    _, probe = PROBES[check.partition("-")[0]]
    fixing.write(
        tmp_path, {"/etc/passwd": "root:x:0:0::/root:/bin/sh\n", "/etc/shadow": "root:*:1::::::\n", **FIXED[check]}
    )
    run = replace(a_boot.RUN, root="/")
    before = findings(fixing.report(tmp_path, run, agents.PROBE, probe), check)
    for finding in before:
        fixing.run(tmp_path, finding)
    after = {one.message for one in findings(fixing.report(tmp_path, run, agents.PROBE, probe), check)}
    assert before
    assert before[0].message not in after


def test_a_root_that_is_not_the_last_partition() -> None:
    """growpart enlarges a partition into the room behind it."""
    behind = replace(a_disk.ROOT, name="partition 2", number=2, start=a_disk.ROOT.start + a_disk.ROOT.size)
    for volumes, expected in (
        ((a_disk.ESP, a_disk.ROOT), []),
        ((a_disk.ROOT, behind), [("note", True)]),
    ):
        layout = replace(a_disk.DISK.layout or Layout(Table.GPT), volumes=volumes)
        machine = replace(a_boot.host({}), disk=replace(a_disk.DISK, layout=layout), root="/mnt")
        run = replace(a_boot.RUN, root="/mnt")
        found = findings(judged(machine, run, agents.PROBE, a_boot.PROBE), "boot-grow")
        assert [(one.severity.value, "partition 2 is behind" in one.message) for one in found] == expected
