"""A report without what its reader knows: the values that most results have, and the titles of the program's checks.

What is left out is put in again by whoever decodes, titles in the words of the reader's version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from azpreflight.package import data

USUAL: Mapping[str, Any] = {
    "severity": None,
    "because_of": [],
    "reason": None,
    "findings": [],
    "traceback": None,
}
"""Of a result: what one has that passes."""
KNOWN = ("title", "probe")
"""Of a result: what the program's own list of checks says. The cause is always written: a reader of another version may
have the check stand for another one."""


def brief(report: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON document of a report without these."""
    return {**report, "results": [_without_usual(result) for result in report["results"]]}


def whole(report: Mapping[str, Any]) -> dict[str, Any]:
    """The document with them; one that is not of this shape stays as it is."""
    results = report.get("results")
    if not isinstance(results, list):
        return dict(report)
    return {**report, "results": [_with_usual(one) if isinstance(one, dict) else one for one in results]}


def _usual(check: Any) -> dict[str, Any]:
    known = _checks().get(check, {}) if isinstance(check, str) else {}
    return {**USUAL, **{name: known[name] for name in KNOWN if name in known}}


def _without_usual(result: Mapping[str, Any]) -> dict[str, Any]:
    usual = _usual(result["check"])
    return {name: value for name, value in result.items() if name not in usual or usual[name] != value}


def _with_usual(result: Mapping[str, Any]) -> dict[str, Any]:
    """In the order of the report's own; a check that this version does not know is called by its id."""
    check = result.get("check")
    merged = {"title": check, "probe": "", "cause": None, **_usual(check), **result}
    order = ("check", "title", "probe", "status", "severity", "cause", "because_of", "reason", "duration_s")
    return {name: merged[name] for name in dict.fromkeys((*order, "findings", "traceback", *merged)) if name in merged}


@cache
def _checks() -> Mapping[str, Mapping[str, Any]]:
    return {row["check"]: row for row in json.loads(data("catalogue.json"))}
