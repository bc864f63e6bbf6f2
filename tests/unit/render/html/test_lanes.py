"""The way to each endpoint, by the facts of reports."""

from __future__ import annotations

from typing import Any

import pytest

from azpreflight.model import codec
from azpreflight.render.html.lanes import MOST, Lane, Map, Router, State, Stop, seen
from tests.support.examples import whole_report
from tests.support.hostile_reports import EVERY, hostile


def answer(url: str, outcome: str = "ok", **more: Any) -> dict[str, Any]:
    return {"url": url, "outcome": outcome, "phase": "http" if outcome == "ok" else "tcp", "status": 200, **more}


NIC = {"name": "eth0", "up": True, "addresses": ["10.0.0.4/24", "fe80::1/64"]}
NETWORK = {"interfaces": [{"name": "lo", "up": True, "addresses": ["127.0.0.1/8"]}, NIC],
           "internet": {"outcome": "ok", "interface": "eth0", "gateway": "10.0.0.1"}}  # fmt: skip
STORE = answer("https://store.blob.core.windows.net/x", "timeout", address="20.60.0.10", status=None)
HEALTHY: dict[str, Any] = {
    "network": NETWORK,
    "platform": {
        "wire_server": {"answer": answer("http://168.63.129.16/")},
        "plugin": {"answer": answer("http://168.63.129.16:32526/")},
        "metadata": {"answer": answer("http://169.254.169.254/")},
    },
    "dns": {"servers": [{"address": "10.0.0.53", "role": "configured", "asked": [{"answer": {"outcome": "ok"}}]}]},
    "egress": {"configured": [answer("https://example.org/", address="203.0.113.9")]},
    "firewall": {"chains": [{"policy": "ACCEPT", "rules": 1}]},
}


def lanes(facts: dict[str, Any]) -> dict[str, Lane]:
    found = seen(facts)
    assert found is not None
    return {lane.name: lane for lane in found.lanes}


def test_a_healthy_vm() -> None:
    found = seen(HEALTHY)
    assert found is not None
    assert (found.link, found.gateway, found.rules) == ("eth0 10.0.0.4/24", "10.0.0.1", "1 rule")
    assert {lane.state for lane in found.lanes} == {State.OPEN} and len(found.lanes) == 5
    assert found.lanes[-1] == Lane(
        "example.org", "203.0.113.9:443", State.OPEN, "status 200", routers=(Router("10.0.0.1"),)
    )


def test_an_image_has_no_network() -> None:
    assert seen({}) is None
    assert seen({"platform": None, "dns": {"servers": []}, "network": {"interfaces": []}}) is None


def test_a_rule_of_the_guest_ends_a_lane() -> None:
    rule = {"number": 3, "chain": "OUTPUT", "backend": "legacy", "table": "filter"}
    flow = {"protocol": "tcp", "address": "168.63.129.16", "port": 80, "uid": 0}
    silent = {"wire_server": {"answer": answer("http://168.63.129.16/", "timeout", status=None)}}
    facts = {**HEALTHY, "platform": silent}
    facts["firewall"] = {"flows": [{"flow": flow, "outcome": "blocked", "decider": rule}]}
    lane = lanes(facts)["wire server"]
    assert (lane.state, lane.stop) == (State.SHUT, Stop.FIREWALL)
    assert lane.said == "rule 3 of OUTPUT (legacy filter) stops it"
    facts["firewall"] = {"flows": [{"flow": {**flow, "uid": 65534}, "outcome": "blocked", "decider": rule}]}
    assert lanes(facts)["wire server"].stop is Stop.FAR, "a rule for other users stops nobody who provisions"


def test_a_lane_ends_behind_the_last_private_router() -> None:
    hops = [{"address": "10.0.0.1"}, {"address": None}, {"address": None}, {"address": "10.200.0.1"}, {"address": None}]
    path = {"own": ["10.0.0.0/24"], "paths": [{"address": "20.60.0.10", "port": 443, "hops": hops}]}
    lane = lanes({**HEALTHY, "egress": {"configured": [STORE]}, "path": path})["store.blob.core.windows.net"]
    assert (lane.state, lane.stop, lane.said) == (State.SHUT, Stop.ROUTER, "no answer")
    assert lane.routers == (Router("10.0.0.1"), Router("2 silent", silent=True), Router("10.200.0.1", foreign=True))


def test_without_an_address_everything_ends_at_the_interface() -> None:
    down = {**NETWORK, "interfaces": [{**NIC, "addresses": []}]}
    lane = lanes({**HEALTHY, "network": down, "egress": {"configured": [STORE]}})["store.blob.core.windows.net"]
    assert lane.stop is Stop.LINK


def test_a_name_server_that_refuses_is_shut() -> None:
    """It answers, and not in a usable way."""
    asked = [{"answer": {"outcome": "ok", "rcode": "REFUSED"}}]
    facts = {**HEALTHY, "dns": {"servers": [{"address": "10.0.0.53", "role": "configured", "asked": asked}]}}
    assert lanes(facts)["name server"] == Lane("name server", "10.0.0.53:53", State.SHUT, "REFUSED", Stop.FAR,
                                               (Router("10.0.0.1"),))  # fmt: skip


def test_the_worst_of_a_server_counts_and_the_silent_ones_come_first() -> None:
    many = [answer(f"https://h{number}.example/", address="203.0.113.9") for number in range(MOST)]
    facts = {**HEALTHY, "egress": {"configured": [*many, answer(STORE["url"], address="20.60.0.10"), STORE]}}
    found = seen(facts)
    assert found is not None
    names = [lane.name for lane in found.lanes[4:]]
    assert names[0] == "store.blob.core.windows.net" and len(names) == MOST and found.more == 1


@pytest.mark.parametrize("check", ["path-tunnel", "firewall-wireserver", "dns-servers", "network-address"])
def test_facts_and_their_json_are_read_alike(check: str) -> None:
    """A report of this run, and one that was saved."""
    facts = whole_report(check).facts
    assert seen(facts) == seen({name: codec.encode(one) for name, one in facts.items()})


@pytest.mark.parametrize("text", EVERY)
def test_hostile_facts_are_no_reason_to_fail(text: str) -> None:
    report = hostile(text)
    assert isinstance(seen(report.facts), (Map, type(None)))
    shapes: tuple[Any, ...] = (
        None,
        3,
        [],
        {},
        [[1]],
        [{"answer": []}],
        {"flows": 3, "servers": {"a": 1}, "interfaces": "x"},
    )
    for broken in shapes:
        assert seen(dict.fromkeys(report.facts, broken)) is None
