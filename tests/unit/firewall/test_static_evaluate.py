"""What rules do, worked out from their text; tests/netns compares it with the kernel on random rules."""

from __future__ import annotations

import pytest

from azpreflight.firewall.facts import Backend, Flow, Purpose
from azpreflight.firewall.parse_iptables_save import parse as parse_save
from azpreflight.firewall.static.evaluate import End, Surroundings, evaluate
from azpreflight.firewall.static.match import Packet, matches, parse

WIRE = Flow("tcp", "168.63.129.16", 80, Purpose.WIRE_SERVER)
BY_ETH0 = Surroundings("eth0", "10.0.0.4")
PACKET = Packet("tcp", "10.0.0.4", "168.63.129.16", None, 80, "", "eth0", "NEW", 0)
PASSED, DROPPED = {End.PASSED}, {End.DROPPED}
BOTH = {End.PASSED, End.DROPPED}


@pytest.mark.parametrize(
    ("conditions", "truth"),
    [
        ("", True),
        ("-p tcp -m tcp --dport 80", True),
        ("-p tcp -m tcp ! --dport 80", False),
        ("-p udp -m udp --dport 80", False),
        ("! -p udp", True),
        ("-p 6", True),
        ("-p all", True),
        ("-d 168.63.129.16/32", True),
        ("-d 168.63.0.0/16", True),
        ("! -d 168.63.0.0/16", False),
        ("-s 10.0.0.0/24 -o eth0", True),
        ("-o eth+", True),
        ("! -o lo", True),
        ("-i lo", False),
        ("-p tcp -m multiport --dports 53,80,443", True),
        ("-p tcp -m multiport --dports 1:79,81:100", False),
        ("-p tcp -m multiport ! --dports 53,443", True),
        ("-p tcp -m multiport --ports 80", True),
        ("-p tcp -m tcp --sport 1024:65535", True),
        ("-p tcp -m tcp --sport 68", False),
        ("-p tcp -m tcp --sport 40000:50000", None),
        ("-p tcp -m tcp --dport http", None),
        ("-m conntrack --ctstate NEW,RELATED", True),
        ("-m conntrack ! --ctstate ESTABLISHED", True),
        ("-m state --state ESTABLISHED", False),
        ("-m owner --uid-owner 0", True),
        ("-m owner ! --uid-owner 0", False),
        ("-m owner --uid-owner 100-200", False),
        ("-m owner --uid-owner root", None),
        ('-m comment --comment "a -j DROP \\"b\\""', True),
        ("-m limit --limit 1/sec", None),
        ("-m limit --limit 1/sec -d 10.0.0.0/8", False),
        ("-m cgroup --path x", None),
        ("-m set --match-set bad dst", None),
        ("-d nonsense", None),
        ("-f", None),
    ],
)
def test_whether_a_rule_matches(conditions: str, truth: bool | None) -> None:
    assert matches(parse(f"-A OUTPUT {conditions} -j DROP --reject-with x"), PACKET) is truth


def ends(*rules: str, policy: str = "ACCEPT", table: str = "filter", chain: str = "OUTPUT") -> set[End]:
    opinion = evaluate(
        WIRE, parse_save(text(*rules, policy=policy, table=table, chain=chain), Backend.NFT, "ip"), BY_ETH0
    )
    return set(opinion.ends)


def text(*rules: str, policy: str = "ACCEPT", table: str = "filter", chain: str = "OUTPUT") -> str:
    own = "".join(f":{name} - [0:0]\n" for name in ("one", "two"))
    return f"*{table}\n:{chain} {policy} [0:0]\n{own}" + "".join(f"-A {rule}\n" for rule in rules) + "COMMIT\n"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((), PASSED),
        (("OUTPUT -j DROP",), DROPPED),
        (("OUTPUT -j REJECT --reject-with tcp-reset",), DROPPED),
        (("OUTPUT -p tcp -j ACCEPT", "OUTPUT -j DROP"), PASSED),
        (("OUTPUT -j LOG --log-prefix x", "OUTPUT -m comment --comment x", "OUTPUT -j DROP"), DROPPED),
        (("OUTPUT -j one", "one -p udp -j DROP", "OUTPUT -j DROP"), DROPPED),
        (("OUTPUT -j one", "one -j RETURN", "one -j DROP"), PASSED),
        (("OUTPUT -g one", "OUTPUT -j DROP", "one -p udp -j DROP"), PASSED),
        (("OUTPUT -j one", "one -g two", "one -j DROP", "two -j RETURN", "OUTPUT -j DROP"), DROPPED),
        (("OUTPUT -m limit --limit 1/s -j ACCEPT", "OUTPUT -j DROP"), BOTH),
        (("OUTPUT -m limit --limit 1/s -j ACCEPT", "OUTPUT -j ACCEPT"), PASSED),
        (("OUTPUT -m limit --limit 1/s -j LOG", "OUTPUT -j DROP"), DROPPED),
        (("OUTPUT -m limit --limit 1/s -j one", "one -j DROP", "OUTPUT -j DROP"), DROPPED),
        (("OUTPUT -j NFQUEUE --queue-num 1",), {End.UNTOLD}),
        (("OUTPUT -m conntrack --ctstate ESTABLISHED -j DROP",), DROPPED),
        (("OUTPUT -j one", "one -j two", "two -j one"), {End.UNTOLD}),
    ],
)
def test_ways_through_chains(rules: tuple[str, ...], expected: set[End]) -> None:
    assert ends(*rules) == expected


def test_policies_and_other_tables() -> None:
    assert ends(policy="DROP") == DROPPED
    assert ends("OUTPUT -j DROP", table="nat") == DROPPED
    assert ends("OUTPUT -p tcp -j DNAT --to-destination 127.0.0.1:1", table="nat") == {End.UNTOLD}
    assert ends("POSTROUTING -j MASQUERADE", table="nat", chain="POSTROUTING") == PASSED
    assert ends("PREROUTING -s 168.63.129.16 -j DROP", table="raw", chain="PREROUTING") == DROPPED
    assert ends("PREROUTING -m conntrack --ctstate NEW -j DROP", table="raw", chain="PREROUTING") == BOTH


def test_an_answer_that_is_dropped() -> None:
    tables = parse_save(text(policy="DROP", chain="INPUT"), Backend.LEGACY, "ip")
    opinion = evaluate(WIRE, tables, BY_ETH0)
    assert (opinion.reply, opinion.by and (opinion.by.chain.name, opinion.by.number)) == (True, ("INPUT", None))


def test_what_stays_on_this_machine_passes_both_hooks_in_both_directions() -> None:
    stub = Flow("udp", "127.0.0.53", 53, Purpose.DNS)
    for rules in (("OUTPUT -o lo -j DROP",), ("OUTPUT -p udp -m udp --sport 53 -j DROP",)):
        opinion = evaluate(stub, parse_save(text(*rules), Backend.NFT, "ip"), Surroundings("lo", "127.0.0.1"))
        assert opinion.ends == DROPPED
    arriving = parse_save(text("INPUT -i lo -p udp -m udp --dport 53 -j DROP", chain="INPUT"), Backend.NFT, "ip")
    assert evaluate(stub, arriving, Surroundings("lo", "127.0.0.1")).ends == DROPPED


def test_ipv6_asks_for_its_next_hop_first() -> None:
    """Which kind of ICMPv6 a rule speaks of is not understood, so nothing is claimed."""
    flow = Flow("tcp", "2001:db8::1", 443, Purpose.PACKAGE)
    there = Surroundings("eth0", "2001:db8:1::4")
    closed = parse_save(text("INPUT -p tcp -j ACCEPT", policy="DROP", chain="INPUT"), Backend.NFT, "ip6")
    assert evaluate(flow, closed, there).ends == DROPPED
    rules = ("INPUT -p tcp -j ACCEPT", "INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 136 -j ACCEPT")
    assert (
        evaluate(flow, parse_save(text(*rules, policy="DROP", chain="INPUT"), Backend.NFT, "ip6"), there).ends == BOTH
    )
    assert evaluate(WIRE, closed, BY_ETH0).ends == PASSED


def test_rules_in_doubt_are_named() -> None:
    tables = parse_save(text("OUTPUT -p udp -j DROP", "OUTPUT -m cgroup --path x -j DROP"), Backend.NFT, "ip")
    opinion = evaluate(WIRE, tables, BY_ETH0)
    assert opinion.ends == BOTH
    assert {place.number for place in opinion.doubtful} == {2}
