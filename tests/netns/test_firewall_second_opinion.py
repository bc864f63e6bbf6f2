"""python-iptables itself, asked about legacy tables in a guest's namespace."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from azpreflight.firewall.python_iptables import installed, second_opinion
from azpreflight.firewall.read_rules import dump, tables_of
from azpreflight.host import LocalHost
from azpreflight.model import codec
from tests.netns import namespaces
from tests.netns.guest import Guest, guest
from tests.support.needs import hold_back

pytestmark = pytest.mark.root


@pytest.fixture(name="vm")
def fresh_guest() -> Iterator[Guest]:
    if not installed():
        hold_back("python-iptables is not installed (pip install '.[iptables]' needs a C compiler)")
    with guest() as made:
        yield made


def ask(vm: Guest) -> Any:
    """The opinion, and the kernel's list of legacy tables afterwards."""
    command = namespaces.inside(vm.name, [sys.executable, "-m", __name__])
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return json.loads(done.stdout)


def test_it_agrees_with_the_systems_own_tools(vm: Guest) -> None:
    vm.shell(
        "iptables-legacy -N own; iptables-legacy -A OUTPUT -d 168.63.129.16 -j own; iptables-legacy -A own -j DROP;"
        " iptables-legacy -t security -A OUTPUT -m owner --uid-owner 0 -j ACCEPT; ip6tables-legacy -P INPUT DROP"
    )
    opinion, tables = ask(vm)
    assert opinion == {"differences": [], "error": None}
    assert tables == ["security", "filter"]


def test_it_is_not_asked_where_it_would_create_tables(vm: Guest) -> None:
    vm.shell("iptables-nft -A OUTPUT -j DROP")
    assert ask(vm) == [None, []]


def main() -> None:
    """In the guest's namespace: ask, and print the opinion."""
    host = LocalHost()
    opinion = second_opinion(host, tables_of(dump(host)))
    names = (host.text("/proc/net/ip_tables_names") or "").split()
    json.dump([None if opinion is None else codec.encode(opinion), names], sys.stdout)


if __name__ == "__main__":
    main()
