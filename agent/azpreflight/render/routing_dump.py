"""The machine's routing as the kernel told it, for `check -v`: rules, routes by table, and the way to each address that
was tried, in the words of ip(8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from azpreflight.model import codec
from azpreflight.text import printable

LINES = 200
"""Lines of one table that are shown; the JSON has all."""
NAMES = {253: "default", 254: "main"}
LAST = {0xFFFFFFFF, 0}
"""Masks that ip(8) does not write."""
WITH_ROUTES = ("platform", "dns", "egress")
"""Facts that hold the kernel's route to what was tried."""


def lines(facts: Mapping[str, Any]) -> list[str]:
    """None where the kernel was not asked."""
    network = _mapping(codec.encode(facts.get("network")))
    routing = _mapping(network.get("routing"))
    rules = [_rule(rule) for rule in _mappings(routing.get("rules"))]
    routes = _mappings(routing.get("routes"))
    found = ["# routing rules (ip rule show)", *rules] if rules else []
    for table in dict.fromkeys(route.get("table") for route in routes):
        own = [_route(route) for route in routes if route.get("table") == table]
        more = [f"# and {len(own) - LINES} more lines, see --format json"] if len(own) > LINES else []
        found += [f"# routes of table {_table(table)} (ip route show table {_table(table)})", *own[:LINES], *more]
    ways = dict(_ways(facts))
    found += ["# the way to each address that was tried (ip route get ADDRESS)", *ways.values()] if ways else []
    return [printable(line) for line in found]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> Sequence[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, (list, tuple)) else []


def _table(number: object) -> str:
    return NAMES.get(number, str(number)) if isinstance(number, int) else str(number)


def _words(value: Mapping[str, Any], keys: Mapping[str, str]) -> str:
    found = (f"{word} {value[key]}" for key, word in keys.items() if value.get(key) not in (None, "", 0))
    return " ".join(found)


def _rule(rule: Mapping[str, Any]) -> str:
    """ "100: from 10.0.0.4/32 fwmark 0x1 lookup 200"."""
    mark, mask = rule.get("mark"), rule.get("mask")
    marked = f"fwmark {mark:#x}" + ("" if mask in LAST else f"/{mask:#x}") if mask else ""
    users = rule.get("users")
    selects = _words(rule, {"destination": "to", "inward": "iif", "outward": "oif"})
    uids = f"uidrange {users[0]}-{users[1]}" if isinstance(users, (list, tuple)) and len(users) == 2 else ""
    suppress = rule.get("shortest", -1)
    does = f"lookup {_table(rule.get('table'))}" if rule.get("action") == "lookup" else str(rule.get("action"))
    if rule.get("action") == "goto":
        does = f"goto {rule.get('target')}"
    head = f"{rule.get('priority')}: {'not ' if rule.get('inverted') else ''}from {rule.get('source') or 'all'}"
    tail = f"suppress_prefixlength {suppress}" if isinstance(suppress, int) and suppress >= 0 else ""
    asks = "(and more than is told here)" if rule.get("narrowed") else ""
    return " ".join(part for part in (head, selects, marked, uids, does, tail, asks) if part)


def _route(route: Mapping[str, Any]) -> str:
    """ "default via 10.0.0.1 dev eth0 src 10.0.0.4 metric 100"."""
    kind, prefix = route.get("kind"), route.get("prefix")
    head = " ".join((*(() if kind == "unicast" else (str(kind),)), "default" if prefix == "0.0.0.0/0" else str(prefix)))
    rest = _words(route, {"gateway": "via", "interface": "dev", "source": "src", "metric": "metric"})
    return f"{head} {rest}".rstrip()


def _ways(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """By address; the platform's are a list, the others mappings."""
    for name in WITH_ROUTES:
        routes = _mapping(codec.encode(facts.get(name))).get("routes")
        named = {str(way.get("address")): way for way in _mappings(routes)} or _mapping(routes)
        for address, way in named.items():
            words = _words(_mapping(way), {"gateway": "via", "interface": "dev", "source": "src"})
            table = f" table {_table(way['table'])}" if _mapping(way).get("table") else ""
            yield address, f"{address} {words}{table}" if words else f"{address} {_mapping(way).get('outcome')}"
