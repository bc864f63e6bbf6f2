"""Gather and judge in one line, for the tests of probes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather
from azpreflight.host import Host
from azpreflight.model import Finding, Probe, Report, Result, Run


def judged(host: Host, run: Run, *probes: Probe[Any]) -> Report:
    """The report of these probes, those that they need included, on this host."""
    return assess(gather(host, probes, run), probes)


def by_check(report: Report) -> Mapping[str, Result]:
    """The results by check id."""
    return {result.check: result for result in report.results}


def statuses(report: Report) -> dict[str, str]:
    """What became of every check, by id."""
    return {result.check: result.status.value for result in report.results}


def findings(report: Report, check: str) -> Sequence[Finding]:
    """The findings of one check."""
    return by_check(report)[check].findings
