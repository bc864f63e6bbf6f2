"""`azpreflight standin` as the host of a VM: a namespace with the platform's own addresses, and a cable to it.

The wiring is that of docs/standin.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.netns import namespaces

pytestmark = pytest.mark.root

PATIENCE = 60
OWNED = ("168.63.129.16", "169.254.169.254", "20.60.0.10", "20.60.0.20")
DISCOVER = """
import socket
from azpreflight.standin import dhcp
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
    client.settimeout(30)
    client.bind(("0.0.0.0", 68))
    head = dhcp.FIXED.pack(1, 1, 6, 0, 7, 0, 0x8000, *(bytes(4),) * 4, bytes.fromhex("000d3a123456"), b"", b"")
    client.sendto(head + dhcp.COOKIE + bytes([53, 1, dhcp.DISCOVER, 255]), ("255.255.255.255", 67))
    answer, (server, _) = client.recvfrom(2000)
print(server, socket.inet_ntoa(answer[16:20]))
"""
ASK = """
import urllib.request
request = urllib.request.Request("http://169.254.169.254/metadata/versions", headers={"Metadata": "true"})
print(urllib.request.urlopen(request, timeout=30).status)
print(urllib.request.urlopen("http://168.63.129.16/?comp=versions", timeout=30).status)
"""


@pytest.fixture
def names() -> Iterator[dict[str, str]]:
    """The host's namespace and the VM's, wired."""
    made = namespaces.new_names(["host", "vm"])
    namespaces.create(made.values())
    try:
        namespaces.ip_batch([f"link add vnet netns {made['host']} type veth peer name eth0 netns {made['vm']}"])
        owned = [f"address add {address}/32 dev lo" for address in OWNED]
        namespaces.ip_batch(
            ["link set lo up", "address add 10.0.0.1/24 dev vnet", "link set vnet up", *owned], made["host"]
        )
        namespaces.ip_batch(["link set eth0 up"], made["vm"])
        yield made
    finally:
        namespaces.remove(made.values())


def test_a_vm_gets_its_address_and_finds_the_platform(names: dict[str, str], tmp_path: Path) -> None:
    """Before it has an address, and then at the platform's own ones."""
    log = tmp_path / "requests"
    command = [
        sys.executable,
        "-m",
        "azpreflight",
        "standin",
        "--azure-addresses",
        "--dhcp",
        "vnet",
        "--format",
        "json",
    ]
    process = subprocess.Popen(
        namespaces.inside(names["host"], [*command, "--requests", str(log)]), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        parts = {one["part"] for one in json.loads(process.stdout.readline())["listeners"]}
        offered = inside(names["vm"], DISCOVER)
        namespaces.ip_batch(["address add 10.0.0.4/24 dev eth0", "route add default via 10.0.0.1"], names["vm"])
        answered = inside(names["vm"], ASK)
    finally:
        process.kill()
        process.communicate(timeout=60)
    assert parts == {"wire", "hostgaplugin", "imds", "store", "dns", "ntp", "dhcp"}
    assert offered.split() == ["168.63.129.16", "10.0.0.4"]
    assert answered.split() == ["200", "200"]
    assert [json.loads(line)["service"] for line in log.read_text().splitlines()] == ["dhcp", "imds", "wire"]


def inside(namespace: str, script: str) -> str:
    """What a Python script printed there."""
    command = namespaces.inside(namespace, [sys.executable, "-c", script])
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout
