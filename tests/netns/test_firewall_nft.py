"""Rules of nft, and the flows that they stop."""

from __future__ import annotations

import subprocess

import pytest

from tests.netns import namespaces
from tests.netns.guest import Guest
from tests.netns.rule_cases import REMOTE, WIRE, all_of

pytestmark = pytest.mark.root


NFT = {
    "sets, and a counter with a comment": (
        "add set inet guard bad { type ipv4_addr; flags interval; elements = { 168.63.0.0/16, 169.254.169.254 } ; }\n"
        'add rule inet guard out ip daddr @bad tcp dport { 80, 8080 } counter drop comment "no { way }"\n',
        {f"tcp {WIRE}:80": "blocked by guard out 1", "tcp 169.254.169.254:80": "blocked by guard out 1"},
    ),
    "a map of verdicts": (
        "add rule inet guard out meta l4proto udp accept\n"
        f"add rule inet guard out ip daddr . tcp dport vmap {{ {WIRE} . 80 : drop, {WIRE} . 53 : accept }}\n",
        {f"tcp {WIRE}:80": "blocked by guard out 2"},
    ),
    "a refusal": (
        "add rule inet guard out tcp dport 443 reject with icmpx admin-prohibited\n",
        {"tcp 20.60.0.10:443": "blocked by guard out 1"},
    ),
    "an interface by index, and one that is not used": (
        'add rule inet guard out oif "wire" drop\nadd rule inet guard out oif "eth0" udp dport 67 drop\n',
        {f"udp {WIRE}:67": "blocked by guard out 2"},
    ),
    "a chain that is jumped to": (
        "add chain inet guard more\nadd rule inet guard more ct state new tcp dport 32526 drop\n"
        "add rule inet guard out jump more\n",
        {f"tcp {WIRE}:32526": "blocked by guard more 1"},
    ),
    "redirection": (
        "add table ip divert\nadd chain ip divert o { type nat hook output priority -100; }\n"
        "add rule ip divert o tcp dport 443 redirect to :3128\n",
        {"tcp 20.60.0.10:443": "diverted to 127.0.0.1:3128 by divert o 1"},
    ),
    "a table with the name of one of iptables' tables": (
        "add table ip filter\nadd chain ip filter OUTPUT { type filter hook output priority 5; }\n"
        f"add rule ip filter OUTPUT ip daddr {WIRE} tcp dport vmap {{ 80 : drop, 81 : accept }}\n",
        {f"tcp {WIRE}:80": "blocked by filter OUTPUT 1"},
    ),
    "packets on their way to the card": (
        'add table netdev card\nadd chain netdev card e { type filter hook egress device "eth0" priority 0; }\n'
        "add rule netdev card e ip daddr 169.254.169.254 drop\n",
        {"tcp 169.254.169.254:80": "blocked by card e 1"},
    ),
    "packets on their way from the card": (
        'add table netdev card\nadd chain netdev card i { type filter hook ingress device "eth0" priority 0; }\n'
        "add rule netdev card i ip saddr 169.254.169.254 drop\n",
        {"tcp 169.254.169.254:80": "blocked reply by card i 1"},
    ),
    "a set that a rule fills and forgets": (
        "add set inet guard seen { type ipv4_addr . inet_service; flags dynamic,timeout; timeout 1m; }\n"
        "add rule inet guard out meta l4proto tcp add @seen { ip daddr . tcp dport }\n"
        f"add rule inet guard out ip daddr . tcp dport @seen ip daddr {WIRE} tcp dport 53 drop\n",
        {f"tcp {WIRE}:53": "blocked by guard out 2"},
    ),
    "counters, limits and helpers that have names": (
        "add counter inet guard lost\nadd limit inet guard few { rate over 900/second; }\n"
        'add ct helper inet guard ftp { type "ftp" protocol tcp; }\n'
        'add rule inet guard out tcp dport 21 ct helper set "ftp"\n'
        'add rule inet guard out tcp dport 32526 counter name "lost" drop\n',
        {f"tcp {WIRE}:32526": "blocked by guard out 2"},
    ),
    "a map of addresses": (
        "add table ip divert\nadd chain ip divert o { type nat hook output priority -100; }\n"
        "add map ip divert to { type inet_service : ipv4_addr . inet_service; "
        "elements = { 443 : 127.0.0.1 . 3128 } ; }\n"
        "add rule ip divert o dnat to tcp dport map @to\n",
        {"tcp 20.60.0.10:443": "diverted to 127.0.0.1:3128 by divert o 1"},
    ),
    "an interface by name that does not exist": (
        'add rule inet guard out oifname "ens9" drop\n'
        'add rule inet guard out oifname { "ens8", "eth0" } udp dport 67 drop\n',
        {f"udp {WIRE}:67": "blocked by guard out 2"},
    ),
    "a goto and a return": (
        "add chain inet guard first\nadd chain inet guard second\nadd rule inet guard out tcp dport 53 goto first\n"
        "add rule inet guard first ip daddr 10.9.9.9 return\nadd rule inet guard first jump second\n"
        "add rule inet guard second return\nadd rule inet guard first drop\n",
        {f"tcp {WIRE}:53": "blocked by guard first 3"},
    ),
    "a reset": (
        "add rule inet guard out tcp dport 443 reject with tcp reset\n",
        {"tcp 20.60.0.10:443": "blocked by guard out 1"},
    ),
    "an owner": (
        "add rule inet guard out meta skuid != 0 drop\nadd rule inet guard out meta skuid 0 udp dport 67 drop\n",
        {f"udp {WIRE}:67": "blocked by guard out 2"},
    ),
    "a rate": (
        "add rule inet guard out tcp dport 443 limit rate 1/hour burst 9 packets accept\n",
        {"tcp 20.60.0.10:443": "probabilistic by guard out 1"},
    ),
    "a rate that is not used up yet, of some flows": (
        "add chain inet guard few\n"
        "add rule inet guard out ct state established accept\n"
        f"add rule inet guard out ip daddr {WIRE} meta l4proto tcp tcp dport != 53 jump few\n"
        "add rule inet guard out udp dport { 67, 500-600 } quota over 900 mbytes drop\n"
        "add rule inet guard few tcp dport { 32526, 32527 } ct state new limit rate over 90/second drop\n",
        {f"tcp {WIRE}:32526": "probabilistic by guard few 1", f"udp {WIRE}:67": "probabilistic by guard out 3"},
    ),
    "a rate that no flow comes to": (
        "add chain inet guard in { type filter hook input priority 0; }\n"
        'add rule inet guard out oifname "ens9" limit rate over 90/second drop\n'
        "add rule inet guard out ct state established,related accept\n"
        'add rule inet guard out limit rate 3/minute log prefix "drop over rate" comment "quota"\n'
        "add rule inet guard out ip6 daddr ::/0 limit rate over 90/second drop\n"
        "add rule inet guard out tcp dport 22 limit rate over 90/second drop\n"
        'add rule inet guard out ip daddr 10.9.9.9 drop comment "limit rate"\n'
        "add rule inet guard in iifname eth0 ct state new limit rate over 90/second drop\n",
        {},
    ),
    "a control group, of which programs have their own": (
        f"add rule inet guard out ip daddr {WIRE} tcp dport 80 meta cgroup 1048577 drop\n",
        {f"tcp {WIRE}:80": "unknown by guard out 1"},
    ),
    "a control group that alone is let through": (
        "add rule inet guard out meta cgroup 1048577 accept\n"
        f"add rule inet guard out ip daddr {WIRE} tcp dport 80 drop\n",
        {f"tcp {WIRE}:80": "unknown by guard out 1"},
    ),
    "a control group that is let through by another table": (
        "add table inet aside\n"
        "add chain inet aside out { type filter hook output priority -5; }\n"
        "add rule inet aside out meta cgroup 1048577 accept\n"
        f"add rule inet guard out ip daddr {WIRE} tcp dport 80 drop\n",
        {f"tcp {WIRE}:80": "blocked by guard out 1"},
    ),
}


@pytest.mark.parametrize("case", NFT)
def test_nft(vm: Guest, case: str) -> None:
    rules, expected = NFT[case]
    table = "add table inet guard\nadd chain inet guard out { type filter hook output priority 0; policy accept; }\n"
    vm.shell(f"nft -f - <<'END'\n{table}{rules}\nEND\n")
    assert vm.look().summary == expected


def test_what_filters_frames_is_told(vm: Guest) -> None:
    """The next hop's hardware address is given in the rehearsal, so that nobody asks for it."""
    vm.shell(
        "nft 'add table arp card'; nft 'add chain arp card o { type filter hook output priority 0; }';"
        " nft 'add rule arp card o drop'"
    )
    look = vm.look()
    assert look.summary == {}
    assert [limit[:40] for limit in look.rehearsal.limits] == ["tables of the families arp and bridge fil"[:40]]


@pytest.mark.parametrize(("backend", "rules", "told"), [("nft", 2_000, 0), ("nft", 2_001, 1), ("legacy", 2_001, 0)])
def test_a_table_too_long_to_ask_nft_of_is_told(vm: Guest, backend: str, rules: int, told: int) -> None:
    text = "*filter\n" + "-A OUTPUT -d 192.0.2.1 -j DROP\n" * rules + "COMMIT\n"
    load = namespaces.inside(vm.name, [f"iptables-{backend}-restore"])
    subprocess.run(load, input=text, text=True, check=True, timeout=30)
    look = vm.look()
    assert look.summary == {}
    assert len(look.rehearsal.limits) == told


def test_nft_policy(vm: Guest) -> None:
    vm.shell(
        "nft -f - <<'END'\nadd table inet guard\n"
        "add chain inet guard in { type filter hook input priority 0; policy drop; }\nEND\n"
    )
    assert vm.look().summary == {
        **all_of(REMOTE, "blocked reply by guard in policy"),
        "udp 127.0.0.53:53": "blocked by guard in policy",
    }
