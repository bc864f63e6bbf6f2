"""Rules of every kind, really loaded in a guest's namespace: the rehearsal decides each flow and names the rule."""

from __future__ import annotations

import pytest

from azpreflight.firewall.facts import Flow, Outcome, Purpose
from tests.netns.guest import FLOWS, FLOWS6, Guest
from tests.netns.rule_cases import EVERY, REMOTE, WIRE, all_of

pytestmark = pytest.mark.root
UDP = {flow.text for flow in FLOWS if flow.protocol == "udp"}


IPTABLES = {
    "a rule that drops": (
        f"{{t}} -A OUTPUT -d 10.9.9.9 -j DROP; {{t}} -A OUTPUT -d {WIRE} -p tcp --dport 80 -j DROP",
        {f"tcp {WIRE}:80": "blocked by filter OUTPUT 2"},
    ),
    "a policy": (
        "{t} -P OUTPUT DROP; {t} -A OUTPUT -o lo -j ACCEPT",
        all_of(REMOTE, "blocked by filter OUTPUT policy"),
    ),
    "an unconditional last rule, which the kernel calls the policy": (
        "{t} -A OUTPUT -o lo -j ACCEPT; {t} -A OUTPUT -j DROP",
        all_of(REMOTE, "blocked by filter OUTPUT 2"),
    ),
    "a refusal by icmp": (
        f"{{t}} -A OUTPUT -d {WIRE} -p tcp --dport 32526 -j REJECT",
        {f"tcp {WIRE}:32526": "blocked by filter OUTPUT 1"},
    ),
    "a refusal by reset": (
        f"{{t}} -A OUTPUT -d {WIRE} -p tcp --dport 32526 -j REJECT --reject-with tcp-reset",
        {f"tcp {WIRE}:32526": "blocked by filter OUTPUT 1"},
    ),
    "a refusal that says prohibited": (
        "{t} -A OUTPUT -p udp --dport 53 -j REJECT --reject-with icmp-admin-prohibited",
        all_of(UDP - {f"udp {WIRE}:67"}, "blocked by filter OUTPUT 1"),
    ),
    "chains of the user's own, with return and goto": (
        "{t} -N first; {t} -N second; {t} -A OUTPUT -j first; {t} -A first -p udp -j RETURN;"
        " {t} -A first -p tcp --dport 53 -g second; {t} -A second -d 10.9.9.9 -j ACCEPT; {t} -A second -j DROP",
        {f"tcp {WIRE}:53": "blocked by filter second 2"},
    ),
    "an unconditional return, and then a policy": (
        "{t} -N first; {t} -A OUTPUT -o lo -j ACCEPT; {t} -A OUTPUT -j first; {t} -A first -j RETURN;"
        " {t} -P OUTPUT DROP",
        all_of(REMOTE, "blocked by filter OUTPUT policy"),
    ),
    "answers dropped on the way in": (
        "{t} -P INPUT DROP; {t} -A INPUT -p tcp --dport 22 -j ACCEPT",
        {
            **all_of(REMOTE, "blocked reply by filter INPUT policy"),
            "udp 127.0.0.53:53": "blocked by filter INPUT policy",
        },
    ),
    "a stateful ruleset that is right": (
        "{t} -P INPUT DROP; {t} -P OUTPUT DROP; {t} -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT;"
        " {t} -A INPUT -i lo -j ACCEPT; {t} -A OUTPUT -o lo -j ACCEPT;"
        " {t} -A OUTPUT -s 10.0.0.4 -o eth0 -p tcp -m multiport --dports 53,80,443,32526 -j ACCEPT;"
        " {t} -A OUTPUT -p udp -m multiport --dports 53,67 -m conntrack --ctstate NEW -j ACCEPT",
        {},
    ),
    "data dropped after the connection is made": (
        f"{{t}} -A OUTPUT -d {WIRE} -p tcp --dport 80 -m length --length 64:1500 -j DROP",
        {f"tcp {WIRE}:80": "blocked by filter OUTPUT 1"},
    ),
    "another table and hook": (
        "{t} -t mangle -A POSTROUTING -p tcp --dport 443 -j DROP",
        {"tcp 20.60.0.10:443": "blocked by mangle POSTROUTING 1"},
    ),
    "raw, before everything": (
        "{t} -t raw -A PREROUTING -s 169.254.169.254 -j DROP",
        {"tcp 169.254.169.254:80": "blocked reply by raw PREROUTING 1"},
    ),
    "translation to a proxy": (
        "{t} -t nat -A OUTPUT -p tcp --dport 443 -j DNAT --to-destination 127.0.0.1:3128",
        {"tcp 20.60.0.10:443": "diverted to 127.0.0.1:3128 by nat OUTPUT 1"},
    ),
    "translation to addresses that no flow goes to": (
        "{t} -t nat -A OUTPUT -p tcp --dport 443 -j DNAT --to-destination 10.9.9.9:3128;"
        " {t} -t nat -A OUTPUT -p udp --dport 53 -j DNAT --to-destination 10.0.0.77",
        {
            "tcp 20.60.0.10:443": "diverted to 10.9.9.9:3128 by nat OUTPUT 1",
            f"udp {WIRE}:53": "diverted to 10.0.0.77:53 by nat OUTPUT 2",
            "udp 10.0.0.9:53": "diverted to 10.0.0.77:53 by nat OUTPUT 2",
            "udp 127.0.0.53:53": "blocked by nat OUTPUT 2",  # a loopback's own address gets nowhere else
        },
    ),
    "redirection": (
        "{t} -t nat -N proxy; {t} -t nat -A OUTPUT -p tcp -j proxy;"
        " {t} -t nat -A proxy -p tcp --dport 443 -j REDIRECT --to-ports 8443",
        {"tcp 20.60.0.10:443": "diverted to 127.0.0.1:8443 by nat proxy 1"},
    ),
    "masquerading, which changes nothing": ("{t} -t nat -A POSTROUTING -o eth0 -j MASQUERADE", {}),
    "a set": (
        f"ipset create bad hash:ip; ipset add bad {WIRE}; {{t}} -A OUTPUT -p tcp -m set --match-set bad dst -j DROP",
        all_of({text for text in EVERY if text.startswith(f"tcp {WIRE}")}, "blocked by filter OUTPUT 1"),
    ),
    "an owner": (
        "{t} -A OUTPUT -m owner --uid-owner 0 -p tcp --dport 443 -j DROP;"
        " {t} -A OUTPUT -m owner --uid-owner 99 -j DROP",
        {"tcp 20.60.0.10:443": "blocked by filter OUTPUT 1"},
    ),
    "a rate": (
        f"{{t}} -A OUTPUT -d {WIRE} -p tcp --dport 80 -m limit --limit 1/hour --limit-burst 9 -j ACCEPT;"
        f" {{t}} -A OUTPUT -d {WIRE} -p tcp --dport 80 -j DROP",
        {f"tcp {WIRE}:80": "probabilistic by filter OUTPUT 1"},
    ),
    "a queue that nobody reads": (
        "{t} -A OUTPUT -p tcp --dport 443 -j NFQUEUE --queue-num 3",
        {"tcp 20.60.0.10:443": "queued by filter OUTPUT 1"},
    ),
    "the renewal of the lease": (
        "{t} -A OUTPUT -p udp --dport 67 -j DROP",
        {f"udp {WIRE}:67": "blocked by filter OUTPUT 1"},
    ),
    "the loopback forgotten": (
        "{t} -A OUTPUT -o lo -j DROP",
        {"udp 127.0.0.53:53": "blocked by filter OUTPUT 1"},
    ),
    "several interfaces, one of which does not exist": (
        f"{{t}} -A OUTPUT -o ens9 -j DROP; {{t}} -A OUTPUT -o eth+ -d {WIRE} -p tcp --dport 32526 -j DROP",
        {f"tcp {WIRE}:32526": "blocked by filter OUTPUT 2"},
    ),
    "a set that a rule fills, and another that it asks": (
        "ipset create seen hash:ip timeout 60; ipset create ports bitmap:port range 1-1000; ipset add ports 443;"
        " {t} -A OUTPUT -p udp --dport 67 -j SET --add-set seen dst;"
        " {t} -A OUTPUT -p tcp -m set --match-set ports dst -j REJECT",
        {"tcp 20.60.0.10:443": "blocked by filter OUTPUT 2"},
    ),
    "a set of sets": (
        "ipset create bad hash:net; ipset add bad 168.63.0.0/16; ipset create all list:set; ipset add all bad;"
        " {t} -A OUTPUT -p udp -m set --match-set all dst -j DROP",
        all_of({f"udp {WIRE}:53", f"udp {WIRE}:67"}, "blocked by filter OUTPUT 1"),
    ),
    "a rate that is not used up yet": (
        f"{{t}} -A OUTPUT -d {WIRE} -p tcp --dport 80 -m hashlimit --hashlimit-above 90/sec --hashlimit-burst 90"
        " --hashlimit-mode srcip --hashlimit-name rate -j DROP",
        {f"tcp {WIRE}:80": "probabilistic by filter OUTPUT 1"},
    ),
    "a queue that lets pass where nobody reads it": (
        "{t} -A OUTPUT -p tcp --dport 443 -j NFQUEUE --queue-num 3 --queue-bypass",
        {"tcp 20.60.0.10:443": "queued by filter OUTPUT 1"},
    ),
    "a control group, of which programs have their own": (
        f"{{t}} -A OUTPUT -d {WIRE} -p tcp --dport 80 -m cgroup --cgroup 1048577 -j DROP",
        {f"tcp {WIRE}:80": "unknown by filter OUTPUT 1"},
    ),
    "marks, and the way back": (
        "{t} -t mangle -A OUTPUT -p tcp --dport 443 -j MARK --set-mark 7;"
        " {t} -A OUTPUT -p tcp -m mark --mark 7 -j REJECT --reject-with tcp-reset",
        {"tcp 20.60.0.10:443": "blocked by filter OUTPUT 1"},
    ),
    "tracking turned off, and then asked for": (
        "{t} -t raw -A OUTPUT -p udp --dport 53 -j CT --notrack; {t} -A OUTPUT -o lo -j ACCEPT;"
        " {t} -A OUTPUT -m conntrack --ctstate UNTRACKED -j DROP",
        all_of(UDP - {f"udp {WIRE}:67", "udp 127.0.0.53:53"}, "blocked by filter OUTPUT 2"),
    ),
    "logging": ("{t} -A OUTPUT -m limit --limit 3/min -j LOG --log-prefix 'azpreflight test '", {}),
}
AGENT = [
    "-p tcp --destination-port 53 -j ACCEPT",
    "-p tcp -m owner --uid-owner 0 -j ACCEPT",
    "-p tcp -m conntrack --ctstate INVALID,NEW -j DROP",
]


@pytest.mark.parametrize("tool", ["iptables-legacy", "iptables-nft"])
@pytest.mark.parametrize("case", IPTABLES)
def test_iptables(vm: Guest, tool: str, case: str) -> None:
    script, expected = IPTABLES[case]
    vm.shell(script.format(t=tool))
    assert vm.look().summary == expected


@pytest.mark.parametrize("tool", ["iptables-legacy", "iptables-nft"])
@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((0, 1, 2), {}),
        (
            (0, 2),
            {f"tcp {WIRE}:{port}": "blocked by security OUTPUT 2" for port in (80, 32526)},
        ),
        ((1, 2), {}),
    ],
    ids=["complete", "without root", "without dns"],
)
def test_the_guest_agents_own_rules(vm: Guest, tool: str, rules: tuple[int, ...], expected: dict[str, str]) -> None:
    """Complete they stop nothing that root does; root needs no rule for DNS."""
    for number in rules:
        vm.shell(f"{tool} -t security -A OUTPUT -d {WIRE} {AGENT[number]}")
    found = vm.look()
    assert found.summary == expected
    assert {one.decider.owner for one in found.flows if one.decider is not None} <= {"waagent"}


OTHERS = Flow("tcp", WIRE, 80, Purpose.WIRE_SERVER, uid=65534)


@pytest.mark.parametrize("tool", ["iptables-legacy", "iptables-nft"])
def test_the_guest_agents_own_rules_stop_others_than_root(vm: Guest, tool: str) -> None:
    for rule in AGENT:
        vm.shell(f"{tool} -t security -A OUTPUT -d {WIRE} {rule}")
    (found,) = vm.look((OTHERS,)).flows
    assert (found.outcome, found.decider and (found.decider.number, found.decider.owner)) == (
        Outcome.BLOCKED,
        (3, "waagent"),
    )


def test_the_table_that_the_guest_agent_makes_without_iptables(vm: Guest) -> None:
    """WALinuxAgent, azurelinuxagent/ga/firewall_manager.py: one rule for all that is not root's and not DNS."""
    vm.shell(
        "nft add table ip walinuxagent;"
        " nft 'add chain ip walinuxagent output { type filter hook output priority 0; policy accept; }';"
        f" nft 'add rule ip walinuxagent output ip daddr {WIRE} tcp dport != 53 skuid != 0"
        " ct state invalid,new counter drop'"
    )
    found = vm.look((*FLOWS, OTHERS))
    assert found.summary == {f"tcp {WIRE}:80": "blocked by walinuxagent output 1"}
    assert [one.flow.uid for one in found.flows if one.decider is not None] == [65534]


@pytest.mark.parametrize("tool", ["ip6tables-legacy", "ip6tables-nft"])
def test_ipv6_rules_touch_ipv6_alone(vm: Guest, tool: str) -> None:
    vm.shell(f"{tool} -A OUTPUT -p tcp --dport 443 -j DROP")
    assert vm.look(FLOWS6).summary == {"tcp 2001:db8:9::10:443": "blocked by filter OUTPUT 1"}


@pytest.mark.parametrize("tool", ["ip6tables-legacy", "ip6tables-nft"])
def test_ipv6_is_translated_to_an_address_that_no_flow_goes_to(vm: Guest, tool: str) -> None:
    vm.shell(f"{tool} -t nat -A OUTPUT -p tcp --dport 443 -j DNAT --to-destination [2001:db8:77::1]:3128")
    assert vm.look(FLOWS6).summary == {"tcp 2001:db8:9::10:443": "diverted to 2001:db8:77::1:3128 by nat OUTPUT 1"}


@pytest.mark.parametrize("tool", ["ip6tables-legacy", "ip6tables-nft"])
def test_an_ipv6_ruleset_that_forgets_neighbour_discovery_blocks_ipv6(vm: Guest, tool: str) -> None:
    vm.shell(f"{tool} -A INPUT -p tcp -m conntrack --ctstate ESTABLISHED -j ACCEPT; {tool} -P INPUT DROP")
    assert vm.look(FLOWS6).summary == {"tcp 2001:db8:9::10:443": "blocked neighbours by filter INPUT policy"}


def test_both_kinds_of_tables_at_once(vm: Guest) -> None:
    """Legacy tables, tables that iptables made in nf_tables, one of nft's own, and a set: each is named."""
    vm.shell(
        f"ipset create bad hash:ip; ipset add bad {WIRE}; iptables-legacy -t mangle -P OUTPUT ACCEPT;"
        " iptables-legacy -A OUTPUT -d 169.254.169.254 -j DROP; iptables-nft -t nat -A OUTPUT -p tcp --dport 443"
        " -j REDIRECT --to-ports 1; iptables-nft -A OUTPUT -m set --match-set bad dst -p udp --dport 53 -j DROP;"
        " nft 'add table inet guard'; nft 'add chain inet guard o { type filter hook output priority 1; }';"
        " nft 'add rule inet guard o tcp dport 32526 drop'"
    )
    found = vm.look()
    assert found.summary == {
        "tcp 169.254.169.254:80": "blocked by filter OUTPUT 1",
        "tcp 20.60.0.10:443": "diverted to 127.0.0.1:1 by nat OUTPUT 1",
        f"udp {WIRE}:53": "blocked by filter OUTPUT 1",
        f"tcp {WIRE}:32526": "blocked by guard o 1",
    }
    backends = {one.flow.text: one.decider.backend.value for one in found.flows if one.decider is not None}
    assert (backends["tcp 169.254.169.254:80"], backends[f"udp {WIRE}:53"]) == ("legacy", "nft")


REMEDIES = [
    "ipset create bad hash:ip; ipset add bad 168.63.129.16;"
    " iptables-legacy -A OUTPUT -p tcp -m set --match-set bad dst -j REJECT",
    "iptables-nft -A OUTPUT -o lo -j ACCEPT; iptables-nft -A OUTPUT -j DROP; iptables-nft -A INPUT -i eth0 -j DROP",
    "nft 'add table inet g'; nft 'add chain inet g o { type filter hook output priority 1; }';"
    " nft 'add rule inet g o tcp dport vmap { 80 : drop, 443 : drop }'",
    "iptables-legacy -t nat -A OUTPUT -p tcp -j REDIRECT",
    "iptables-legacy -A OUTPUT -d 168.63.129.16 -m comment --comment 'a \"b\" $c' -j DROP",
    "iptables-legacy -A OUTPUT -d 168.63.129.16 -m comment --comment \"it's \\\\'\\\\\\\\ \" -j DROP",
    "iptables-nft -A OUTPUT -d 168.63.129.16 -m comment --comment 'a \"b\" $c' -j DROP",
    "iptables-nft -A OUTPUT -d 168.63.129.16 -m comment --comment \"it's \\\\'\\\\\\\\ \" -j DROP",
    "iptables-legacy -t mangle -A OUTPUT ! -d 10.0.0.0/8 -p tcp -m multiport --dports 80,443 -j DROP",
    "iptables-nft -t mangle -A OUTPUT ! -d 10.0.0.0/8 -p tcp -m multiport --dports 80,443 -j DROP",
    "iptables-nft -A OUTPUT -d 10.0.0.0/8 -j ACCEPT; iptables-nft -P OUTPUT DROP; iptables-nft -P INPUT DROP",
    "iptables-legacy -P OUTPUT DROP; iptables-legacy -P INPUT DROP; iptables-legacy -P FORWARD DROP",
    "ip6tables-nft -P OUTPUT DROP; ip6tables-nft -A OUTPUT -p ipv6-icmp -j ACCEPT",
    "nft 'add table inet g'; nft 'add chain inet g o { type filter hook output priority 1; policy drop; }';"
    " nft 'add rule inet g o tcp dport 80 drop'",
    "iptables-nft -t nat -A OUTPUT -p tcp --dport 443 -j DNAT --to-destination 127.0.0.1:3128",
]


@pytest.mark.parametrize("script", REMEDIES)
def test_the_commands_of_the_findings_open_the_way(vm: Guest, script: str) -> None:
    """Done as often as there is something in the way, because one rule can hide another."""
    vm.shell(script)
    blocked = vm.look(FLOWS6)
    assert blocked.summary != {}
    for _ in range(4):
        if not blocked.commands:
            break
        vm.shell("\n".join(blocked.commands))
        blocked = vm.look(FLOWS6)
    assert blocked.summary == {}
