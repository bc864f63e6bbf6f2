"""Machines as rows of a table, one a cause: CSV, and what Parquet is made of. Pure.

A machine without a cause has one row too. The columns are documented in docs/fleet.md, and only ever more.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Optional

from azpreflight.engine.alike import shape
from azpreflight.engine.fleet import Fleet, Machine
from azpreflight.engine.tally import word_of
from azpreflight.model import CauseEntry

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula: a log must not run anything there."""


class Row(NamedTuple):
    """One cause of one machine, or a machine without any."""

    log: str
    vm_id: Optional[str]
    boot_id: Optional[str]
    verdict: str
    """ready, not-ready, undecided, without a report or unread."""
    disputed: bool
    started_at: Optional[str]
    stage: Optional[str]
    exit_code: int
    reason: Optional[str]
    image: Optional[str]
    image_version: Optional[str]
    region: Optional[str]
    size: Optional[str]
    subnets: str
    """With a blank between them."""
    agent: Optional[str]
    os_id: Optional[str]
    os_version: Optional[str]
    tool: Optional[str]
    cause_number: int
    """1 for the first cause; 0 for none. A machine is counted where it is 0 or 1."""
    cause: Optional[str]
    check: Optional[str]
    severity: Optional[str]
    confidence: Optional[str]
    words: Optional[str]
    """The summary without what was measured: machines of a group have the same."""
    summary: Optional[str]
    fix: Optional[str]
    commands: str
    """A line each."""


def rows(fleet: Fleet) -> Iterator[Row]:
    """All rows, by the names of the logs."""
    for one in fleet.machines:
        if not one.causes:
            yield _row(one, 0, None)
        for number, found in enumerate(one.causes, 1):
            yield _row(one, number, found)


def _row(one: Machine, number: int, found: Optional[CauseEntry]) -> Row:
    return Row(
        log=one.log,
        vm_id=one.vm_id,
        boot_id=one.boot_id,
        verdict=word_of(one),
        disputed=one.disputed,
        started_at=one.started_at,
        stage=one.stage.value if one.stage else None,
        exit_code=one.exit_code,
        reason=one.reason,
        image=one.traits.image,
        image_version=one.traits.image_version,
        region=one.traits.region,
        size=one.traits.size,
        subnets=" ".join(one.traits.subnets),
        agent=one.traits.agent,
        os_id=one.os.id if one.os else None,
        os_version=one.os.version_id if one.os else None,
        tool=one.tool,
        cause_number=number,
        cause=found.cause.value if found else None,
        check=found.check if found else None,
        severity=found.severity.value if found else None,
        confidence=found.confidence.value if found else None,
        words=shape(found.summary) if found else None,
        summary=found.summary if found else None,
        fix=found.fix if found else None,
        commands="\n".join(found.commands) if found else "",
    )


class _Line:
    """A file that csv writes a line to, which is taken out again."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text = text


def render_csv(fleet: Fleet) -> Iterator[str]:
    """A head and a line a row, as RFC 4180 says; what a spreadsheet would take for a formula has an apostrophe."""
    line = _Line()
    writer = csv.writer(line)
    for row in _with_head(rows(fleet)):
        writer.writerow(["" if value is None else _cell(value) for value in row])
        yield line.text


def _with_head(found: Iterable[Row]) -> Iterator[tuple[object, ...]]:
    yield Row._fields
    yield from found


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
