"""Waivers: findings that a site has decided to live with count for less, and say so. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Optional

from azpreflight.model import Finding, Result, Status, Waived, Waiver, WaiverState, WaiverUse
from azpreflight.text import plain

_RANK = attrgetter("rank")
_DAY = len("2026-11-27")


def applied(
    results: Sequence[Result], waivers: Sequence[Waiver], started_at: str
) -> tuple[tuple[Result, ...], tuple[WaiverUse, ...]]:
    """The results with what is waived lowered, and what became of each waiver.

    `started_at` is that of the run: a snapshot is judged tomorrow as it was today.
    """
    today = started_at[:_DAY]
    valid = [waiver for waiver in waivers if not _expired(waiver, today)]
    lowered = tuple(_result(result, [waiver for waiver in valid if waiver.check == result.check]) for result in results)
    by_check = {result.check: result for result in results}
    return lowered, tuple(WaiverUse(waiver, _state(waiver, by_check.get(waiver.check), today)) for waiver in waivers)


def matches(waiver: Waiver, finding: Finding) -> bool:
    """The finding's message has the waiver's text in it; the parts between its * come in that order."""
    at = 0
    for part in (waiver.match or "").split("*"):
        found = finding.message.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True


def words(waived: Waived) -> str:
    """ "waived until 2027-01-31: the reason"."""
    until = "" if waived.until is None else f" until {waived.until}"
    before = waived.severity_before.value
    return f"waived{until}: {plain(waived.reason, 200)} ({before} without the waiver)"


def _expired(waiver: Waiver, today: str) -> bool:
    return waiver.until is not None and waiver.until < today


def _result(result: Result, waivers: Sequence[Waiver]) -> Result:
    findings = tuple(_finding(finding, waivers) for finding in result.findings)
    if findings == result.findings:
        return result
    return replace(result, findings=findings, severity=max((one.severity for one in findings), key=_RANK))


def _finding(finding: Finding, waivers: Sequence[Waiver]) -> Finding:
    waiver = next((waiver for waiver in waivers if matches(waiver, finding)), None)
    if waiver is None:
        return finding
    severity = min(finding.severity, waiver.severity, key=_RANK)
    return replace(finding, severity=severity, waived=Waived(waiver.reason, waiver.until, finding.severity))


def _state(waiver: Waiver, result: Optional[Result], today: str) -> WaiverState:
    if _expired(waiver, today):
        return WaiverState.EXPIRED
    if result is None or result.status in (Status.UNKNOWN, Status.NOT_APPLICABLE):
        return WaiverState.UNDECIDED
    used = any(matches(waiver, finding) for finding in result.findings)
    return WaiverState.USED if used else WaiverState.UNUSED
