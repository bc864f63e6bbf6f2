"""What was seen, folded: the facts of each probe as JSON, and the tree is not longer than a person would read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from azpreflight.render.html.element import Element, element, together
from azpreflight.render.html.page import folded, printed, section

LINES = 400
"""Of one probe; the JSON report has all."""


def facts(found: Mapping[str, Any]) -> Element:
    """The section; `found` is JSON by probe name."""
    if not found:
        return together()
    return section("facts", "Facts", [_probe(name, value) for name, value in found.items()])


def _probe(name: str, value: Any) -> Element:
    lines = json.dumps(value, indent=2).splitlines()
    more = len(lines) - LINES
    return folded(
        element("span", name, class_="id"),
        printed(lines[:LINES], f"Facts of the probe {name}"),
        element("p", f"and {more} more lines, see --format json", class_="quiet") if more > 0 else None,
    )
