"""Checks and probes made up for a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from azpreflight.model import Check, Finding, Probe, Severity


@dataclass(frozen=True)
class Facts:
    """Nothing."""


def probe(name: str, *checks: Check, gather: Any = lambda host, run: Facts(), **kw: Any) -> Probe[Facts]:
    return Probe(name=name, facts=Facts, gather=gather, checks=checks, **kw)


def check(id: str, *verdicts: Any, **kw: Any) -> Check:
    return Check(id, f"{id} is well", lambda facts, run: iter(verdicts), kw.pop("severity", Severity.ERROR), **kw)


def finding(flow: Any = None, severity: Severity = Severity.ERROR, **kw: Any) -> Finding:
    return Finding(severity, f"{flow} is broken", "fix it", flow=flow, **kw)
