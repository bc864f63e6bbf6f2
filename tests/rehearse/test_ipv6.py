"""The dual-stack network: a real DHCPv6 client on a real cable takes the address, and the kernel the router."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from azpreflight import package
from azpreflight.model import codec
from azpreflight.rehearse import requests
from azpreflight.standin import addresses
from azpreflight.standin.config import Config, Listener, Offer
from tests.netns import namespaces
from tests.netns.generations import GENERATIONS
from tests.support.scratchroot import overlay, tree_for_test

pytestmark = pytest.mark.root
SERVERS = (sys.executable, "-I", "-B", *package.arguments("azpreflight.standin.servers.__main__"))
CLIENT = """
mount --bind /proc "$0/proc"; mount --bind /dev "$0/dev"
chroot "$0" sh -c 'until ip -6 route show default | grep -q via; do sleep 0.2; done
until ip -6 address show dev eth0 scope link -tentative | grep -q inet6; do sleep 0.2; done
dhclient -6 -1 -lf /tmp/leases -pf /tmp/pid eth0 >&2
ip -6 -o address show dev eth0 scope global; ip -6 route show default'
"""


def test_a_real_client_gets_its_address_and_its_router(tmp_path: Path) -> None:
    """By DHCPv6 alone, because the router announces no prefix."""
    log = tmp_path / "requests"
    config = Config((Listener("dhcpv6", "::", addresses.DHCPV6),), log=str(log), offer=Offer("vnet"))
    names = namespaces.new_names(("fabric", "vm"))
    namespaces.create(names.values())
    try:
        cable = f"link add vnet netns {names['fabric']} type veth peer name eth0 netns {names['vm']}"
        namespaces.ip_batch([cable])
        namespaces.ip_batch(["link set vnet up"], names["fabric"])
        namespaces.ip_batch(["link set eth0 up"], names["vm"])
        with (
            overlay(tree_for_test("bookworm", GENERATIONS[1].packages)) as root,
            subprocess.Popen(
                namespaces.inside(names["fabric"], SERVERS), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as servers,
        ):
            try:
                assert servers.stdin is not None and servers.stdout is not None
                servers.stdin.write(json.dumps(codec.encode(config)) + "\n")
                servers.stdin.flush()
                assert servers.stdout.readline() == "ready\n"
                command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", CLIENT, str(root)]
                done = subprocess.run(
                    namespaces.inside(names["vm"], command), capture_output=True, text=True, timeout=90, check=False
                )
            finally:
                servers.kill()
    finally:
        namespaces.remove(names.values())
    assert f"{addresses.VM_IPV6}/128" in done.stdout, done.stderr
    assert "proto ra" in done.stdout
    entries = [requests.entry(json.loads(line), 1.0) for line in log.read_text().splitlines()]
    assert [entry.part for entry in entries if entry.leased] == ["dhcpv6"]
