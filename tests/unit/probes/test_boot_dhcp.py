"""How long DHCP clients try, from the files that Debian 12 ships and one that nmcli wrote (tests/data/dhcp)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from azpreflight.host import LocalHost
from azpreflight.model import Finding
from azpreflight.probes import agents, boot
from tests.support.judging import findings, judged
from tests.support.machines.boot import RUN

DATA = Path(__file__).parents[2] / "data" / "dhcp"
SHIPPED = {name: (DATA / name).read_text() for name in ("dhclient.conf", "dhcpcd.conf", "NetworkManager.conf")}
KEYFILE = (DATA / "eth0.nmconnection").read_text()
DHCLIENT = {"sbin/dhclient": "", "etc/dhcp/dhclient.conf": SHIPPED["dhclient.conf"]}
DHCPCD = {"sbin/dhcpcd": "", "sbin/ifup": "", "etc/dhcpcd.conf": SHIPPED["dhcpcd.conf"]}
UNIT = "usr/lib/systemd/system/{}.service"
WANTS = "etc/systemd/system/multi-user.target.wants/{}.service"
MANAGER = {
    UNIT.format("NetworkManager"): "[Unit]\n",
    WANTS.format("NetworkManager"): "",
    "etc/NetworkManager/NetworkManager.conf": SHIPPED["NetworkManager.conf"],
}
CONNECTION = "etc/NetworkManager/system-connections/eth 0.nmconnection"
SETTING = "etc/NetworkManager/conf.d/dhcp.conf"
IFCFG = "etc/sysconfig/network-scripts/ifcfg-eth0"


def said(root: Path) -> list[Finding]:
    """What is said of an image that lies there; its commands are those of a machine that runs."""
    return list(findings(judged(LocalHost(str(root)), RUN, agents.PROBE, boot.PROBE), "boot-dhcp-timeout"))


def written(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {**DHCLIENT, "etc/dhcp/dhclient.conf": SHIPPED["dhclient.conf"].replace("#timeout 60;", "timeout 60;")},
            "dhclient gives up after 60 s (/etc/dhcp/dhclient.conf): a lease that comes late is not taken",
        ),
        (
            {**DHCLIENT, "etc/dhcp/dhclient.conf": "timeout 300;\n  timeout\t45 ;\n"},
            "dhclient gives up after 45 s (/etc/dhcp/dhclient.conf): a lease that comes late is not taken",
        ),
        (
            {**DHCPCD, "etc/dhcpcd.conf": SHIPPED["dhcpcd.conf"] + "timeout 20\n"},
            "dhcpcd gives up after 20 s (/etc/dhcpcd.conf): a lease that comes late is not taken",
        ),
        (
            {**MANAGER, CONNECTION: KEYFILE},
            "NetworkManager ends an attempt at DHCP after 20 s, and pauses for 5 min after 2 of them "
            "(/etc/NetworkManager/system-connections/eth 0"
            ".nmconnection): a lease that comes late is taken late",
        ),
        (
            {**MANAGER, SETTING: "[connection]\nipv4.dhcp-timeout=10\n"},
            "NetworkManager ends an attempt at DHCP after 10 s, and pauses for 5 min after 4 of them "
            "(/etc/NetworkManager/conf.d/dhcp.conf): a lease that "
            "comes late is taken late",
        ),
        (
            {**MANAGER, CONNECTION: " [ipv4]\n  dhcp-timeout = 20\n\t[ipv6]\n"},
            "NetworkManager ends an attempt at DHCP after 20 s, and pauses for 5 min after 4 of them "
            "(/etc/NetworkManager/system-connections/eth 0"
            ".nmconnection): a lease that comes late is taken late",
        ),
        (
            {**MANAGER, IFCFG: "BOOTPROTO=dhcp\nIPV4_DHCP_TIMEOUT=30\n"},
            "NetworkManager ends an attempt at DHCP after 30 s, and pauses for 5 min after 4 of them "
            "(/etc/sysconfig/network-scripts/ifcfg-eth0): a lease "
            "that comes late is taken late",
        ),
    ],
)
def test_an_impatient_client_is_named_and_mended(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    """Its file, how long it tries, and a command after which nothing is said."""
    (finding,) = said(written(tmp_path, files))
    assert finding.message == expected
    (command,) = finding.commands
    subprocess.run(["sh", "-c", command.replace("/etc/", f"{tmp_path}/etc/")], check=True, timeout=30)
    assert said(tmp_path) == []


@pytest.mark.parametrize(
    "files",
    [
        {**DHCLIENT, **DHCPCD, **MANAGER},
        {**DHCLIENT, "etc/dhcp/dhclient.conf": "# timeout 60;\ntimeout 10;\ntimeout 300;\nretry 60;\n"},
        {"etc/dhcp/dhclient.conf": "timeout 10;\n"},
        {**DHCPCD, "etc/dhcpcd.conf": "timeout 0\n"},
        {**DHCPCD, "etc/dhcpcd.conf": "duid\ninterface wlan0\ntimeout 10\n"},
        {**DHCPCD, "etc/dhcpcd.conf": "timeout 10\n", "sbin/dhclient": ""},
        {
            **DHCPCD,
            "etc/dhcpcd.conf": "timeout 10\n",
            UNIT.format("dhcpcd"): "[Unit]\n",
            WANTS.format("dhcpcd"): "",
        },
        {"sbin/dhcpcd": "", "etc/dhcpcd.conf": "timeout 10\n"},
        {**MANAGER, CONNECTION: KEYFILE.replace("dhcp-timeout=20", "dhcp-timeout=2147483647")},
        {**MANAGER, CONNECTION: KEYFILE.replace("retries=2", "retries=0")},
        {**MANAGER, CONNECTION: KEYFILE.replace("method=auto", "method=manual")},
        {**MANAGER, SETTING: "[connection]\nipv4.dhcp-timeout=90\n"},
        {**MANAGER, SETTING: "[connection]\nipv4.dhcp-timeout=9\n[main]\nautoconnect-retries-default=0\n"},
        {**MANAGER, SETTING: "[connection-wifi]\nmatch-device=type:wifi\nipv4.dhcp-timeout=9\n"},
        {**MANAGER, IFCFG: "BOOTPROTO=none\nIPADDR=10.0.0.4\nIPV4_DHCP_TIMEOUT=30\n"},
        {CONNECTION: KEYFILE},
    ],
    ids=[
        "as shipped",
        "the last counts",
        "no dhclient",
        "for ever",
        "one interface",
        "dhclient is preferred",
        "it looks after all",
        "nobody starts it",
        "infinity",
        "no end of attempts",
        "a fixed address",
        "enough in four",
        "none is the last",
        "of others",
        "a fixed address of the older form",
        "no NetworkManager",
    ],
)
def test_a_patient_client_is_left_alone(tmp_path: Path, files: dict[str, str]) -> None:
    """As shipped, told to try long enough, or not the one that is used."""
    assert said(written(tmp_path, files)) == []
