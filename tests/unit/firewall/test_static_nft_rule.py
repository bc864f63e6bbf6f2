"""Which rules of nft a flow may meet: passed over is only what plainly speaks of other packets."""

from __future__ import annotations

import pytest

from azpreflight.firewall import parse_nft
from azpreflight.firewall.facts import Flow, Purpose
from azpreflight.firewall.static.evaluate import Surroundings
from azpreflight.firewall.static.nft_rule import doubtful

FLOW = Flow("tcp", "168.63.129.16", 80, Purpose.WIRE_SERVER)
FLOW6 = Flow("tcp", "2001:db8::1", 80, Purpose.PACKAGE)


def met(*rules: str, hook: str = "output", flow: Flow = FLOW) -> list[int]:
    """The numbers of the rules that the flow may meet."""
    lines = [f"\t\t{rule} # handle {handle}" for handle, rule in enumerate(rules, 3)]
    chain = ["\tchain c { # handle 1", f"\t\ttype filter hook {hook} priority 0; policy accept;", *lines, "\t}"]
    text = "\n".join(["table inet t { # handle 1", *chain, "}", ""])
    source = "2001:db8::4" if flow is FLOW6 else "10.0.0.4"
    found = doubtful(flow, parse_nft.parse(text), Surroundings("eth0", source))
    return sorted({place.number or 0 for place in found})


@pytest.mark.parametrize(
    "condition",
    [
        "ip daddr 168.63.129.16",
        "ip daddr 168.63.0.0/16 tcp dport { 80, 443 }",
        "ip daddr { 10.0.0.0/8, 168.63.129.16 }",
        "ip daddr @some",
        "ip daddr . tcp dport @some",
        "tcp dport 1-1023",
        "tcp dport != 443",
        "meta l4proto { 6, 17 } th dport 80",
        "ct state 0x8",
        "ct state ! 0x2",
        "meta skuid 0",
        'oifname "eth*"',
        "what nobody understands",
    ],
)
def test_what_may_speak_of_the_flow_is_met(condition: str) -> None:
    assert met(f"{condition} limit rate over 9/second drop") == [1]


@pytest.mark.parametrize(
    "condition",
    [
        "ip daddr 10.0.0.0/8",
        "ip6 daddr ::/0",
        "ip6 daddr != 2001:db8::9",
        "ip daddr 168.63.129.16 tcp dport { 443, 53 }",
        "udp dport 80",
        "tcp dport != 80",
        "ct state 0x1",
        "meta skuid 99",
        'oifname "ens9"',
        'oifname != "eth0"',
        'iif "eth0"',
    ],
)
def test_what_speaks_of_other_packets_is_not(condition: str) -> None:
    assert met(f"{condition} limit rate over 9/second drop") == []


def test_a_set_may_have_addresses_of_either_family() -> None:
    assert met("ip6 daddr @some drop", flow=FLOW6) == [1]


def test_after_a_plain_verdict_nothing_is_met() -> None:
    assert met("tcp dport 80 accept", "limit rate over 9/second drop") == [1]
    assert met("tcp dport 80 limit rate 9/second accept", "drop") == [1, 2]


def test_the_answer_is_of_a_connection_that_is_made() -> None:
    assert met("ct state 0x8 limit rate over 9/second drop", hook="input") == []
    assert met("ct state 0x2 limit rate over 9/second drop", hook="input") == [1]


def test_a_rule_that_only_looks_decides_nothing() -> None:
    assert met('limit rate 3/minute log prefix "drop" comment "accept"') == []
