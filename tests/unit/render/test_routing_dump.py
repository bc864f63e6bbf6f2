"""Routes and rules as `check -v` shows them."""

from __future__ import annotations

import json

from azpreflight.guest.resolv_conf import FileState, ResolvConfFile
from azpreflight.host import MAIN, Outcome, Route, Routing, RoutingRule, TableRoute
from azpreflight.model import codec
from azpreflight.probes.dns.facts import DnsFacts
from azpreflight.probes.network.facts import NetworkFacts
from azpreflight.render import routing_dump

RULES = (
    RoutingRule(100, "lookup", 200, source="10.0.0.4/32", mark=1, mask=0xFF),
    RoutingRule(200, "prohibit", 0, destination="10.9.0.0/16", users=(0, 0)),
    RoutingRule(300, "lookup", MAIN, shortest=0, inverted=True, mark=0xCA6C, mask=0xFFFFFFFF),
)
ROUTES = (
    TableRoute(MAIN, "0.0.0.0/0", "unicast", "eth0", "10.0.0.1", "10.0.0.4", 100),
    TableRoute(200, "10.0.7.0/24", "blackhole"),
)
FACTS = {
    "network": NetworkFacts((), (), Route(Outcome.OK), (), (), (), routing=Routing(RULES, ROUTES)),
    "dns": DnsFacts(
        ResolvConfFile("/etc/resolv.conf", FileState.MISSING),
        routes={
            "10.0.7.10": Route(Outcome.UNREACHABLE),
            "168.63.129.16": Route(Outcome.OK, "eth0", "10.0.0.1", "10.0.0.4", table=MAIN),
        },
    ),
}
SHOWN = [
    "# routing rules (ip rule show)",
    "100: from 10.0.0.4/32 fwmark 0x1/0xff lookup 200",
    "200: from all to 10.9.0.0/16 uidrange 0-0 prohibit",
    "300: not from all fwmark 0xca6c lookup main suppress_prefixlength 0",
    "# routes of table main (ip route show table main)",
    "default via 10.0.0.1 dev eth0 src 10.0.0.4 metric 100",
    "# routes of table 200 (ip route show table 200)",
    "blackhole 10.0.7.0/24",
    "# the way to each address that was tried (ip route get ADDRESS)",
    "10.0.7.10 unreachable",
    "168.63.129.16 via 10.0.0.1 dev eth0 src 10.0.0.4 table main",
]


def test_rules_tables_and_ways_are_shown_as_ip_does() -> None:
    assert routing_dump.lines(FACTS) == SHOWN


def test_a_saved_report_shows_the_same() -> None:
    """Its facts are plain JSON."""
    assert routing_dump.lines(json.loads(json.dumps(codec.encode(FACTS)))) == SHOWN


def test_nothing_is_shown_where_the_kernel_was_not_asked() -> None:
    assert routing_dump.lines({}) == []
