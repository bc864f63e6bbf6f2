"""The daemon, which may make no namespaces, has rules tried by another unit that starts for that moment alone."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from azpreflight.firewall.broker import SOCKET
from tests.agents.planting import put
from tests.support.scratchroot import overlay, run_inside, tree_for_test
from tests.systemd.building import IDLE, PACKAGES, reports, running
from tests.systemd.machine import Machine

pytestmark = pytest.mark.root

WITH_RULES = (*PACKAGES, "iptables", "nftables", "iproute2")
NETWORK = """\
[Unit]
DefaultDependencies=no
Before=azpreflight.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh /network
"""
"""An interface with nobody behind it, and rules."""
SCRIPT = """\
ip link set lo up
ip link add eth0 type veth peer name far
ip address add 10.0.0.4/24 dev eth0
ip link set eth0 up
ip link set far up
ip route add default via 10.0.0.1
"""
RULES = {
    "nft": "nft add table inet house\n"
    "nft add chain inet house out '{ type filter hook output priority 0; }'\n"
    "nft add rule inet house out ip daddr 168.63.129.16 tcp dport 80 drop\n",
    "legacy": "iptables-legacy -A OUTPUT -d 168.63.129.16 -p tcp --dport 80 -j DROP\n",
}
WIRE = ("168.63.129.16", 80, 0)


@contextlib.contextmanager
def vm(deb: Path, rules: str) -> Iterator[Path]:
    """An image with the package and these rules in it."""
    with overlay(tree_for_test("bookworm", WITH_RULES)) as root:
        put(root, "azpreflight.deb", "")
        (root / "azpreflight.deb").write_bytes(deb.read_bytes())
        done = run_inside(root, "dpkg", "--install", "/azpreflight.deb")
        assert done.returncode == 0, done.stderr
        put(root, "etc/systemd/system/walinuxagent.service.d/idle.conf", IDLE)
        put(root, "etc/systemd/system/multi-user.target.d/network.conf", "[Unit]\nWants=network.target\n")
        put(root, "network", SCRIPT + rules)
        put(root, "etc/systemd/system/rules.service", NETWORK)
        (root / "etc/systemd/system/sysinit.target.wants/rules.service").symlink_to("../rules.service")
        yield root


def firewall(machine: Machine) -> Mapping[str, Any]:
    """What the first report that was written says of the firewall."""
    deadline = time.monotonic() + 90
    while machine.run("test -s /var/lib/azpreflight/report.json").returncode != 0:
        assert time.monotonic() < deadline, machine.run("systemctl status --full azpreflight.service").stdout
        time.sleep(0.5)
    document = json.loads(machine.run("cat /var/lib/azpreflight/report.json").stdout)
    facts: Mapping[str, Any] = document["facts"]["firewall"]
    return facts


def wire(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """What became of root's own flow to the wire server."""
    asked = {(found["flow"]["address"], found["flow"]["port"], found["flow"]["uid"]): found for found in facts["flows"]}
    return dict(asked[WIRE])


@pytest.mark.parametrize("rules", RULES)
def test_the_daemon_names_the_rule_without_a_right_to_try_it(rules: str, deb: Path) -> None:
    """By the socket: what waits has no CAP_SYS_ADMIN, and nothing of the other unit stays behind it."""
    with vm(deb, RULES[rules]) as root, running(root, uptime=60) as machine:
        said = reports(machine, 1)[0]
        facts = firewall(machine)
        assert (facts["rehearsal"]["needed"], facts["rehearsal"]["error"]) == (True, None)
        assert wire(facts)["outcome"] == "blocked"
        assert "guest-firewall" in [cause["cause"] for cause in said["causes"]]
        pid = machine.run("systemctl show --value --property MainPID azpreflight.service").stdout.strip()
        (held,) = (line for line in machine.run(f"cat /proc/{pid}/status").stdout.splitlines() if "CapEff" in line)
        assert not int(held.split()[1], 16) >> 21 & 1
        assert "Started azpreflight-rehearsal@" in machine.run("journalctl --unit 'azpreflight-rehearsal@*'").stdout
        assert machine.run("systemctl list-units --no-legend --state failed 'azpreflight*'").stdout == ""
        assert machine.run(f"stat -c '%a %U' {SOCKET}").stdout == "600 root\n"
        machine.run("systemctl stop azpreflight.service")
        gone(machine, SOCKET)


def gone(machine: Machine, path: str) -> None:
    """Wait until systemd has taken it away."""
    deadline = time.monotonic() + 30
    while machine.run(f"test -e {path}").returncode == 0:
        assert time.monotonic() < deadline, path
        time.sleep(0.2)


def test_without_the_socket_it_says_so_and_never_guesses(deb: Path) -> None:
    """The reason is in the report; the text of the rules is asked, and what it does not tell is unknown."""
    with vm(deb, RULES["nft"]) as root:
        (root / "etc/systemd/system/azpreflight-rehearsal.socket").symlink_to("/dev/null")
        with running(root, uptime=60) as machine:
            facts = firewall(machine)
            assert facts["rehearsal"]["error"].endswith(f", and cannot ask {SOCKET}: No such file or directory")
            assert wire(facts)["outcome"] != "allowed"
