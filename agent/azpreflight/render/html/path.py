"""The network path as a drawing: wide for a screen and paper, narrow for a phone; and as a table for everybody else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Optional

from azpreflight.render.html.drawing import (
    NARROW,
    WIDE,
    box,
    cross,
    dot,
    drawing,
    label,
    line,
    shortened,
    tick,
    unsure,
)
from azpreflight.render.html.element import Child, Element, element, together
from azpreflight.render.html.lanes import Lane, Map, Router, State, Stop, seen
from azpreflight.render.html.page import folded, section

TOP, LANE = 56, 58
"""Height of the head of the wide drawing, and of one of its lanes."""
VM, WALL, LINK, NETWORK, FAR = 118, 172, 292, 404, 650
"""Where the parts of the wide drawing are: the end of the VM, the firewall, the interface, routers, endpoints."""
THICK = 12
ROW, STEP = 62, 40
"""Height of a lane, and of what all have in common, in the narrow drawing."""
ROUTERS = 3
"""Routers of one lane that are drawn."""
_WORDS = {State.OPEN: "open", State.SHUT: "ends", State.UNKNOWN: "not asked"}


def network_path(facts: Mapping[str, Any]) -> Element:
    """The section; nothing where the report has no network in it."""
    found = seen(facts)
    if found is None:
        return together()
    ends = [lane for lane in found.lanes if lane.state is State.SHUT]
    told = f"{len(found.lanes)} endpoints" + (f", of which {len(ends)} cannot be used" if ends else ", all in order")
    more = f"{found.more} more servers are in the list of checks" if found.more else None
    return section(
        "network",
        "Network path",
        element("p", told + ".", class_="lead"),
        element("figure", _wide(found, told), _narrow(found, told), class_="path"),
        folded("As a table", _table(found)),
        element("p", more, class_="quiet") if more else None,
    )


# --- wide ---------------------------------------------------------------------------------------------------------


def _wide(found: Map, told: str) -> Element:
    bottom = TOP + LANE * len(found.lanes)
    parts = [
        box(0, TOP + 6, VM, bottom - TOP - 12, "node vm"),
        label(VM / 2, (TOP + bottom) / 2 + 4, "this VM", "name middle"),
        *_wall(WALL, bottom, "guest firewall", found.rules, _has(found, Stop.FIREWALL)),
        *_wall(LINK, bottom, "interface", found.link, _has(found, Stop.LINK)),
        label(NETWORK + 20, 20, "routers", "head"),
        label(FAR, 20, "endpoint", "head"),
    ]
    for place, lane in enumerate(found.lanes):
        parts += _lane(lane, TOP + LANE * place + LANE / 2)
    return drawing("path-wide", WIDE, bottom, "Network path", told, parts, "wide")


def _wall(x: float, bottom: float, head: str, below: str, ends: bool) -> list[Element]:
    return [
        label(x, 20, head, "head"),
        label(x, 38, shortened(below, 20 if x == WALL else 32), "small"),
        box(x, TOP, THICK, bottom - TOP, "wall ends" if ends else "wall"),
    ]


def _has(found: Map, stop: Stop) -> bool:
    return any(lane.stop is stop for lane in found.lanes)


def _lane(lane: Lane, y: float) -> Iterator[Element]:
    """The line as far as it goes, what lies on it, where it ends, and the far end."""
    end = _end(lane)
    if end < FAR:
        yield line(end, y, FAR, y, "wire gone")
    yield line(VM, y, end, y, f"wire {lane.state.value}")
    for x, router in _placed(lane.routers):
        if x <= end:
            yield dot(x, y, 5, "router silent" if router.silent else "router foreign" if router.foreign else "router")
            yield label(x, y + 20, router.name, "small middle")
    yield box(FAR, y - 23, WIDE - FAR, 46, f"node {lane.state.value}")
    yield label(FAR + 34, y - 4, shortened(lane.name, 35), "name")
    early = lane.stop in (Stop.FIREWALL, Stop.LINK)
    yield label(FAR + 34, y + 13, shortened(lane.target if early else f"{lane.target}: {lane.said}", 48), "small")
    yield _mark(lane.state, FAR + 17, y)
    if early:
        yield label(LINK + 28, y - 6, shortened(lane.said, 52), "small")
    if lane.stop is not None and end < FAR:
        yield cross(end, y, 9)


def _mark(state: State, x: float, y: float) -> Element:
    made = {State.OPEN: tick, State.SHUT: cross, State.UNKNOWN: unsure}
    return made[state](x, y, 8)


def _end(lane: Lane) -> float:
    if lane.stop is Stop.FIREWALL:
        return WALL + THICK / 2
    if lane.stop is Stop.LINK:
        return LINK + THICK / 2
    if lane.stop is Stop.ROUTER:
        return _placed(lane.routers)[-1][0] + 34
    return FAR


def _placed(routers: tuple[Router, ...]) -> list[tuple[float, Router]]:
    """The first and the last ones, each with its place on the line."""
    shown = routers if len(routers) <= ROUTERS else (*routers[:1], *routers[1 - ROUTERS :])
    return [(NETWORK + 20 + place * 88, router) for place, router in enumerate(shown)]


# --- narrow -------------------------------------------------------------------------------------------------------


def _narrow(found: Map, told: str) -> Element:
    """From above to below; what ends somewhere branches off there."""
    steps: list[tuple[str, str, tuple[Stop, ...]]] = [
        ("this VM", "", ()),
        ("guest firewall", found.rules, (Stop.FIREWALL,)),
        ("interface", found.link, (Stop.LINK,)),
        ("network", f"gateway {found.gateway}" if found.gateway else "no gateway", (Stop.ROUTER, Stop.FAR)),
    ]
    parts: list[Element] = []
    y = 0.0
    for place, (name, said, stops) in enumerate(steps):
        lanes = [lane for lane in found.lanes if lane.stop in stops or (place == 3 and lane.stop is None)]
        ends = place in (1, 2) and bool(lanes)
        parts += [box(0, y + 2, NARROW, STEP - 8, "node shut" if ends else "node")]
        parts += [label(12, y + 23, shortened(f"{name}: {said}" if said else name, 44), "name")]
        y += STEP
        for lane in lanes:
            parts += _branch(lane, y)
            y += ROW
        parts += [line(24, y - 6, 24, y + 2, "wire")] if place < 3 else []
    return drawing("path-narrow", NARROW, y, "Network path", told, parts, "narrow")


def _branch(lane: Lane, y: float) -> Iterator[Element]:
    yield line(24, y - 6, 24, y + ROW - 6, "wire gone" if lane.stop in (Stop.FIREWALL, Stop.LINK) else "wire")
    yield line(24, y + 18, 40, y + 18, f"wire {lane.state.value}")
    yield _mark(lane.state, 50, y + 18)
    yield label(68, y + 16, shortened(lane.name, 38), "name")
    yield label(68, y + 32, shortened(f"{lane.target}: {lane.said}", 42), "small")
    if lane.routers:
        yield label(68, y + 47, shortened("by " + ", ".join(one.name for one in lane.routers), 42), "small")


# --- table --------------------------------------------------------------------------------------------------------


def _table(found: Map) -> Element:
    rows = [
        element(
            "tr",
            element("th", lane.name, scope="row"),
            element("td", lane.target),
            element("td", _WORDS[lane.state] + (f" at {_where(lane)}" if lane.stop else "")),
            element("td", lane.said),
            element("td", ", ".join(one.name for one in lane.routers) or "-"),
        )
        for lane in found.lanes
    ]
    heads: list[Child] = [
        element("th", head, scope="col") for head in ("Endpoint", "Address", "Way", "Answer", "Routers")
    ]
    return element(
        "div",
        element("table", element("thead", element("tr", heads)), element("tbody", rows)),
        class_="scroll",
        tabindex="0",
        role="group",
        aria_label="Network path as a table",
    )


def _where(lane: Lane) -> Optional[str]:
    last = lane.routers[-1].name if lane.routers else "a router"
    return {
        Stop.FIREWALL: "the guest firewall",
        Stop.LINK: "the interface",
        Stop.ROUTER: f"router {last}",
        Stop.FAR: "the far end, or unseen on the way",
    }.get(lane.stop or Stop.FAR)
