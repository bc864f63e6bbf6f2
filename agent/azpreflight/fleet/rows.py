"""What one log, or one file of reports, says of its machines: a pure function of its content.

It runs in this process, in several, or on a cluster, and makes the same rows everywhere.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Optional

from azpreflight import foreign
from azpreflight.console import decode as console
from azpreflight.engine import fleet
from azpreflight.engine.fleet import Machine, Traits
from azpreflight.explain import LogCause, explain
from azpreflight.model import CauseEntry, Report, codec
from azpreflight.render import decoded
from azpreflight.render.decoded import Log
from azpreflight.render.json import REPORT_SCHEMA, SNAPSHOT_SCHEMA

LINES_MOST = 100_000
"""Lines of a file of JSON lines that are read, the last."""
FOREIGN_VERSION = "its report is of a version that this one cannot read"
FROM_LOG = "explain-log"
PIECE = 1 << 20
"""Bytes of a log that are explained at once: each takes some ten times its size meanwhile."""
"""Stands for the check where a log itself shows the cause."""
_PARTS = {"cause": "causes", "result": "results", "extension": "extensions"}
"""The kinds of JSON lines that a report's parts are written as, by the part."""


def rows(name: str, content: bytes, unread: Optional[str], traits: Traits, now: datetime.datetime) -> Iterator[Machine]:
    """A row of a log, or one of each machine in a file of reports. `unread` names what of it is not in `content`."""
    documents = list(_documents(content)) if content.lstrip()[:1] == b"{" else []
    if documents:
        yield from _of_documents(name, documents, traits, now)
    else:
        yield _with(_of_log(name, content, unread, now), traits)


def lost(name: str, reason: str, traits: Traits) -> Machine:
    """The row of a log that is not to be had."""
    return Machine(name, reason=reason, unread=True, traits=traits)


def without_report(name: str, content: bytes, log: Log) -> Machine:
    """The row of a log that holds no report, or whose newest cannot be read: what the log itself shows.

    Its verdict stays open, because silence in a log proves nothing; and its id is left out, so that no such log is
    counted in place of a report.
    """
    pieces = (content[at : at + PIECE] for at in range(0, len(content), PIECE))
    found = explain(name, pieces, log.unread)
    reason = decoded.why_none(log) + (f"; the last that it shows: {found.last.milestone}" if found.last else "")
    return Machine(name, None, tuple(_seen(one) for one in found.causes), reason=reason)


def _seen(found: LogCause) -> CauseEntry:
    return CauseEntry(
        found.cause,
        FROM_LOG,
        found.severity,
        found.confidence,
        found.confidence_reason,
        found.summary,
        found.fix,
        found.commands,
        (),
    )


# --- logs ---------------------------------------------------------------------------------------------------------


def _of_log(name: str, content: bytes, unread: Optional[str], now: datetime.datetime) -> Machine:
    log = Log(name, console.decode(content), unread)
    counted = decoded.counted(log, now)
    if counted is None:
        return without_report(name, content, log)
    lost_frames = [decoded.lost(frame) for frame in log.decoded.damaged if frame.newest]
    return replace(
        fleet.machine(name, counted.report),
        report=counted.id,
        reports=tuple(one.id for one in log.decoded.reports[: fleet.IDS_MOST]),
        doubt=counted.doubt,
        lost=lost_frames[0] if lost_frames else None,
    )


# --- reports ------------------------------------------------------------------------------------------------------


def _of_documents(
    name: str, documents: Sequence[Mapping[str, Any]], traits: Traits, now: datetime.datetime
) -> Iterator[Machine]:
    """A report, a history with one a line, or the lines of a collector, in which there may be many machines."""
    reports = [(_id(document), report) for document in documents if (report := _report(document)) is not None]
    if not reports:
        yield _with(Machine(name, reason=_what_it_is(documents)), traits)
        return
    by_machine: dict[Optional[str], list[tuple[str, Report]]] = {}
    for each in reversed(reports):  # the newest first, as it stands in the file
        by_machine.setdefault(each[1].run.vm_id, []).append(each)
    alone = len(by_machine) == 1
    for vm_id, found in sorted(by_machine.items(), key=lambda item: item[0] or ""):
        row = _newest(name if alone else f"{name}: {vm_id or 'no id'}", found, now)
        yield _with(row, traits if alone else Traits())


def _newest(name: str, reports: Sequence[tuple[str, Report]], now: datetime.datetime) -> Machine:
    place, doubt = fleet.counted([report for _, report in reports], now)
    ids = tuple(one for one, _ in reports[: fleet.IDS_MOST])
    return replace(fleet.machine(name, reports[place][1]), report=reports[place][0], reports=ids, doubt=doubt)


def _documents(content: bytes) -> Iterator[Mapping[str, Any]]:
    """The JSON objects in it: the whole file, or one a line; lines that belong to one run are put together."""
    try:
        whole = [foreign.loads(content)]
    except ValueError:
        whole = list(_lines(content.splitlines()[-LINES_MOST:]))
    yield from _together(one for one in whole if isinstance(one, dict))


def _lines(lines: Iterable[bytes]) -> Iterator[Any]:
    for line in lines:
        try:
            yield foreign.loads(line)
        except ValueError:
            continue


def _together(documents: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """What is whole as it is, and the rows of each run as one, whatever order a collector has brought them into."""
    runs: dict[tuple[str, ...], dict[str, Any]] = {}
    parts: list[tuple[tuple[str, ...], str, Mapping[str, Any]]] = []
    for one in documents:
        kind = one.get("kind")
        run = tuple(str(one.get(key)) for key in ("time", "vm_id", "boot_id"))
        if kind == "run":
            runs[run] = {**one, "causes": [], "results": [], "extensions": [], "facts": {}}
        elif isinstance(kind, str) and kind in _PARTS:
            parts.append((run, _PARTS[kind], one))
        elif kind is None:
            yield one
    for run, name, one in parts:
        if run in runs:
            runs[run][name].append(one)
    yield from runs.values()


def _report(document: Mapping[str, Any]) -> Optional[Report]:
    """The report; None for what is none, or of a version that this one cannot read."""
    if document.get("schema") != REPORT_SCHEMA:
        return None
    try:
        report: Report = codec.decode(Report, document)
    except codec.DecodeError:
        return None
    return report


def _id(document: Mapping[str, Any]) -> str:
    """Of the run and its verdict, so that a report is known again in the daemon's history, which has no facts."""
    words = [str(document.get(key)) for key in ("run", "verdict", "causes")]
    return hashlib.sha256("\n".join(words).encode("utf-8", "backslashreplace")).hexdigest()[:12]


def _what_it_is(documents: Sequence[Mapping[str, Any]]) -> str:
    schemas = {one.get("schema") for one in documents}
    if SNAPSHOT_SCHEMA in schemas:
        return "it is a snapshot of record, which assess makes a report of"
    return FOREIGN_VERSION if REPORT_SCHEMA in schemas else "it is JSON, and no report"


def _with(row: Machine, traits: Traits) -> Machine:
    """The row, with what Azure says of the machine where the report says nothing."""
    values = {one.name: getattr(row.traits, one.name) or getattr(traits, one.name) for one in fields(Traits)}
    return replace(row, traits=Traits(**values))
