"""A site's own checks in a VM with a real network, a real package database and real servers, by the whole program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from azpreflight.standin.extension import STORE_HOSTS
from azpreflight.standin.servers.names import LIE
from tests.netns import topology
from tests.netns.standin import Fault, StandIn, standin

pytestmark = [pytest.mark.root, pytest.mark.xdist_group("site")]

HOST = STORE_HOSTS[0]
OTHER = "10.0.0.9"
FAILING = "10.0.0.10"
STRANGER = "stranger.azure.net"
"""Resolves, and is in no certificate."""
MAIN = f"""\
checks:
  - {{id: resolves, name: {HOST}, within: [20.60.0.0/16]}}
  - {{id: private, name: {HOST}, within: [10.0.0.0/8, fd00::/8]}}
  - {{id: other-server, name: {HOST}, server: {OTHER}, within: [20.60.0.0/16]}}
  - {{id: denied, name: nowhere.contoso.example, server: {topology.WIRE_SERVER}}}
  - {{id: open, tcp: "{HOST}:443"}}
  - {{id: refused, tcp: "{topology.STORE}:9"}}
  - {{id: dropped, tcp: "{topology.PUBLIC}:80", timeout: 0.5}}
  - {{id: trusted, url: "https://{HOST}/?sig=SECRET"}}
  - {{id: untrusted, url: "https://{STRANGER}/"}}
  - {{id: nameless, url: "https://nowhere.contoso.example/"}}
"""
DROPPED_IN = """\
checks:
  - {id: forward, sysctl: net.ipv4.ip_forward, value: 1}
  - {id: dpkg, package: dpkg, versions: [1.*]}
  - {id: telnetd, package: telnetd, present: false}
  - {id: agent, unit: walinuxagent, state: enabled}
  - {id: passwd, file: /etc/passwd, mode: 0644, owner: root, contains: ["root:"], lacks: ["toor:"]}
waive:
  - {check: site-dropped, match: "no answer*0.5 s", reason: opened in ticket 4711, until: 2099-12-31}
"""
FAULT = Fault(
    dns={OTHER: "lies", FAILING: "servfail"},
    files={"/etc/azpreflight/config.yaml": MAIN, "/etc/azpreflight/config.d/10-image.yaml": DROPPED_IN},
    commands=(
        (
            "internet",
            f"nft 'add table ip t; add chain ip t in {{ type filter hook input priority 0; }}; "
            f"add rule ip t in ip daddr {topology.PUBLIC} tcp dport 80 drop'",
        ),
    ),
)
EXPECTED = {
    "site-resolves": None,
    "site-private": f"name {HOST} has the address {topology.STORE}, expected one in 10.0.0.0/8 and fd00::/8",
    "site-other-server": f"name {HOST} has the address {LIE} by {OTHER}, expected one in 20.60.0.0/16",
    "site-denied": f"name nowhere.contoso.example does not resolve by {topology.WIRE_SERVER}: NXDOMAIN",
    "site-open": None,
    "site-refused": f"tcp {topology.STORE}:9 is unreachable (phase tcp, address {topology.STORE}): connection refused",
    "site-dropped": f"tcp {topology.PUBLIC}:80 is unreachable (phase tcp, address {topology.PUBLIC}): "
    "no answer within 0.5 s",
    "site-trusted": None,
    "site-untrusted": f"url https://{STRANGER}/ is unreachable (phase tls, address {topology.PUBLIC}): ",
    "site-nameless": "url https://nowhere.contoso.example/ is unreachable (phase dns): ",
    "site-forward": "sysctl net.ipv4.ip_forward is 0, expected 1",
    "site-dpkg": None,
    "site-telnetd": None,
    "site-agent": None,
    "site-passwd": None,
}
"""How the message of each begins; None: it passes."""


@pytest.fixture(scope="module")
def vm() -> Iterator[StandIn]:
    with standin(FAULT) as platform:
        yield platform


def report(vm: StandIn, *arguments: str) -> dict[str, Any]:
    """What `check` reports at first boot."""
    done = vm.vm.azpreflight("check", "--stage", "firstboot", "--format", "json", *arguments)
    assert done.status in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_each_kind_says_what_is_there(vm: StandIn) -> None:
    """The phase that failed, the address and the server that answered; what is in order passes."""
    results = {result["check"]: result for result in report(vm, "--only", "site-*")["results"]}
    assert set(results) == set(EXPECTED)
    for name, message in EXPECTED.items():
        said = [finding["message"] for finding in results[name]["findings"]]
        assert len(said) == (message is not None), (name, said, results[name]["reason"])
        assert all(one.startswith(message or "") for one in said), (name, said)
    assert "SECRET" not in json.dumps(results)


def test_what_is_waived_is_lowered(vm: StandIn) -> None:
    (result,) = report(vm, "--only", "site-dropped")["results"]
    (finding,) = result["findings"]
    assert (finding["severity"], finding["waived"]["severity_before"]) == ("note", "error")


def test_where_the_network_is_broken_it_is_to_blame(vm: StandIn) -> None:
    """With the VM's own server failing, a name that does not resolve is a symptom of that."""
    dead = vm.vm.run("sh", "-c", f"cp /etc/resolv.conf /run/kept && echo 'nameserver {FAILING}' > /etc/resolv.conf")
    assert dead.status == 0, dead.stderr
    try:
        results = {result["check"]: result for result in report(vm)["results"]}
    finally:
        vm.vm.run("sh", "-c", "cp /run/kept /etc/resolv.conf")
    assert results["site-resolves"]["status"] == "fail"
    assert set(results["site-resolves"]["because_of"]) & {"dns-answers", "dns-servers", "dns-resolv-conf"}
    assert results["site-passwd"]["status"] == "pass"


@pytest.mark.parametrize(
    ("change", "undo", "reason"),
    [
        ("chmod 666", "chmod 644", "others may write to it, mode 0666 (chmod go-w)"),
        ("chown 1000", "chown 0", "it belongs to user 1000, and it must belong to root (chown root)"),
    ],
)
def test_a_file_that_others_may_write_is_refused(vm: StandIn, change: str, undo: str, reason: str) -> None:
    """Real owners and modes: the run ends before anything of it is believed."""
    path = "/etc/azpreflight/config.d/10-image.yaml"
    assert vm.vm.run(*change.split(), path).status == 0
    try:
        done = vm.vm.azpreflight("check", "--only", "site-*")
    finally:
        vm.vm.run(*undo.split(), path)
    assert (done.status, done.stderr) == (2, f"azpreflight: {path} is not used: {reason}\n")


def test_config_prints_what_is_in_force(vm: StandIn) -> None:
    """The file and the drop-in of this VM, each value with its line."""
    done = vm.vm.azpreflight("config")
    assert done.status == 0, done.stderr
    lines = [line.split(None, 1) for line in done.stdout.splitlines()]
    assert ["files:", "/etc/azpreflight/config.yaml, /etc/azpreflight/config.d/10-image.yaml"] in lines
    assert any(place == "/etc/azpreflight/config.d/10-image.yaml:8" for place, _ in lines)
