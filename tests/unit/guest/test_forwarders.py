"""Whom dnsmasq and unbound pass names on to, by their own files."""

from __future__ import annotations

import pytest

from azpreflight.guest import forwarders
from azpreflight.guest.forwarders import Forwarder, Passed
from tests.support.fakes import FakeHost, Node

STORE, COMPANY = "a.blob.core.windows.net", "files.corp.example"
DNSMASQ: dict[str, Node] = {
    "/run/dnsmasq/dnsmasq.pid": "77\n",
    "/etc/dnsmasq.conf": "#server=10.66.66.66\nno-resolv\nresolv-file=/etc/servers\n",
    "/etc/dnsmasq.d/a.conf": "server = 168.63.129.16\nserver=/corp.example/Other.example/10.1.1.1#53\n",
    "/etc/dnsmasq.d/b": "server=/windows.net/10.2.2.2@eth1\nserver=/blob.core.windows.net/10.3.3.3\ndnssec\n",
    "/etc/dnsmasq.d/README": "server=10.77.77.77\n",
    "/etc/servers": "nameserver 10.9.9.9\nnameserver 127.0.0.1\n",
}
UNBOUND: dict[str, Node] = {
    "/run/unbound.pid": "78\n",
    "/etc/unbound/unbound.conf": 'server:\n  auto-trust-anchor-file: "/var/lib/unbound/root.key"\n',
    "/etc/unbound/unbound.conf.d/a.conf": 'forward-zone:\n  name: "."\n  forward-addr: 10.4.4.4@53#dns.example # a\n'
    'stub-zone:\n  stub-addr: 10.5.5.5\n  name: "Corp.example."\nremote-control:\n  control-enable: no\n',
}


def test_dnsmasq_asks_the_servers_of_the_longest_domain() -> None:
    found = forwarders.look(FakeHost(files=DNSMASQ))
    assert found is not None
    assert (found.program, found.validates) == ("dnsmasq", "/etc/dnsmasq.d/b")
    assert found.asked_for(STORE) == ("10.3.3.3",)
    assert found.asked_for("login.windows.net") == ("10.2.2.2",)
    assert found.asked_for(COMPANY) == ("10.1.1.1",)
    assert found.asked_for("packages.example.org") == ("168.63.129.16",)
    assert found.servers[0] == "168.63.129.16"
    assert "10.9.9.9" not in found.servers, "no-resolv"


def test_dnsmasq_reads_its_servers_from_the_file_that_it_is_told() -> None:
    files: dict[str, Node] = {**DNSMASQ, "/etc/dnsmasq.conf": "resolv-file=/etc/servers\n"}
    found = forwarders.look(FakeHost(files=files))
    assert found is not None
    assert found.asked_for("packages.example.org") == ("168.63.129.16", "10.9.9.9")


def test_unbound_has_its_zones_and_validates() -> None:
    found = forwarders.look(FakeHost(files=UNBOUND))
    passed = (Passed(".", "10.4.4.4"), Passed("corp.example", "10.5.5.5"))
    assert found == Forwarder("unbound", passed, "/etc/unbound/unbound.conf")


@pytest.mark.parametrize("line", ['module-config: "iterator"', "val-permissive-mode: yes"])
def test_unbound_that_takes_what_does_not_validate(line: str) -> None:
    files: dict[str, Node] = {**UNBOUND, "/etc/unbound/unbound.conf.d/z.conf": f"server:\n  {line}\n"}
    found = forwarders.look(FakeHost(files=files))
    assert found is not None
    assert found.validates is None


def test_files_of_a_program_that_does_not_run_count_for_nothing() -> None:
    files = {path: text for path, text in {**UNBOUND, **DNSMASQ}.items() if not path.startswith("/run/")}
    assert forwarders.look(FakeHost(files=files)) is None
