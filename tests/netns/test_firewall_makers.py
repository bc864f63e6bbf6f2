"""Tables with the names of iptables' own: what iptables-nft-save prints of them is taken only where it is the truth."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.netns import namespaces
from tests.netns.guest import Guest, guest

pytestmark = pytest.mark.root

WIRE = "168.63.129.16"
AT_80 = {"tcp 168.63.129.16:80": "blocked by filter OUTPUT 1", "tcp 169.254.169.254:80": "blocked by filter OUTPUT 1"}


@pytest.fixture(name="vm")
def fresh_guest() -> Iterator[Guest]:
    with guest() as made:
        yield made


def native(vm: Guest, rule: str, priority: int = 0) -> None:
    """A rule of nft's in a table and chain that could be iptables'."""
    base = f"type filter hook output priority {priority};"
    table = f"add table ip filter\nadd chain ip filter OUTPUT {{ {base} }}\n"
    vm.shell(f"nft -f - <<'END'\n{table}add rule ip filter OUTPUT {rule}\nEND\n")


def printed(vm: Guest) -> str:
    command = namespaces.inside(vm.name, ["iptables-nft-save"])
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("ip daddr { 10.1.1.1, 10.1.1.2 } drop", {}),
        ("ip daddr { 10.1.1.1, 10.1.1.2 } counter drop", {}),
        ("udp length 9 counter drop", {}),
        (f"ip daddr 10.1.1.1-{WIRE} tcp dport 80 counter drop", {f"tcp {WIRE}:80": "blocked by filter OUTPUT 1"}),
        ("tcp dport vmap { 80 : drop, 81 : accept }", AT_80),
        ("th dport 80 drop", AT_80),
        ("meta skuid 0 tcp dport 80 counter drop", AT_80),
        ("tcp dport 80 counter drop", AT_80),
    ],
)
def test_rules_that_nft_made_are_what_nft_says(vm: Guest, rule: str, expected: dict[str, str]) -> None:
    native(vm, rule)
    assert vm.look().summary == expected


NOTES = {
    "is incompatible": ("ct mark 3 drop", 0),
    "contains incompatible base-chains": (f"ip daddr {WIRE} tcp dport 80 counter drop", 7),
}


@pytest.mark.parametrize("note", NOTES)
def test_both_notes_of_iptables_are_heeded(vm: Guest, note: str) -> None:
    """Of such tables it prints nothing, or a part."""
    rule, priority = NOTES[note]
    native(vm, rule, priority)
    assert f"Table `filter' {note}" in printed(vm)
    look = vm.look()
    assert "nft ip filter" in [found.name for found in look.dumps]
    assert look.summary == ({} if priority == 0 else {f"tcp {WIRE}:80": "blocked by filter OUTPUT 1"})


def test_rules_that_iptables_made_are_shown_as_iptables_shows_them(vm: Guest) -> None:
    """With and without modules, and of both families."""
    vm.shell(
        f"iptables-nft -A OUTPUT ! -s 10.9.0.0/16 -o eth0 -p tcp -d {WIRE} --dport 80 -j DROP;"
        " iptables-nft -A INPUT -f -j DROP; iptables-nft -A INPUT -p udp ! --sport 1:1023 -g own 2>/dev/null || true;"
        " iptables-nft -t mangle -A OUTPUT -p tcp -m multiport --dports 1,443 -m mark ! --mark 7 -j DROP;"
        " ip6tables-nft -A OUTPUT -d 2001:db8::/32 -p tcp --syn -j ACCEPT;"
        " iptables-nft -t raw -A OUTPUT -j TRACE; ip6tables-nft -t raw -A OUTPUT -j NFLOG --nflog-prefix 'a b';"
        " ip6tables-nft -t mangle -A OUTPUT -j NFLOG --nflog-group 3 --nflog-threshold 5"
    )
    look = vm.look()
    assert [found.name for found in look.dumps] == ["nft chains", "nft ip", "nft ip6"]
    texts = [found.decider.text for found in look.flows if found.decider is not None]
    assert texts[0] == f"-A OUTPUT ! -s 10.9.0.0/16 -d {WIRE}/32 -o eth0 -p tcp -m tcp --dport 80 -j DROP"
    assert texts[1] == "-A OUTPUT -p tcp -m multiport --dports 1,443 -m mark ! --mark 0x7 -j DROP"


def test_of_a_table_that_both_made_rules_in_nothing_is_claimed(vm: Guest) -> None:
    vm.shell("iptables-nft -A OUTPUT -m addrtype --dst-type LOCAL -j ACCEPT")
    native(vm, "ip daddr { 10.1.1.1, 10.1.1.2 } drop")
    assert "-A OUTPUT -j DROP" in printed(vm)
    look = vm.look()
    assert [found.error for found in look.dumps if found.error] == [
        "table ip filter has rules of both iptables and nft, and neither program prints all of them"
    ]
    assert {found.outcome.value for found in look.flows} == {"unknown"}
