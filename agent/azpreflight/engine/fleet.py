"""Many machines at once: what each says of itself, and which of them have the same cause. Pure.

A log is what somebody says of a machine, and not a proof: it is not signed, and whoever may write to one console may
write a report of any machine. So nothing that a log says makes another log's word void. Logs of one machine that agree
are one machine; one that has the other's report in it goes on from there; any others are told as what they are: logs
that claim one machine and disagree.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace
from typing import Any, Optional

from azpreflight.dataclass import dataclass
from azpreflight.engine.assess import undecided
from azpreflight.engine.tally import NAMED_MOST, Tally, tally
from azpreflight.model import CauseEntry, Os, Readiness, Report, Severity, Stage, Status, bounds

SLACK = datetime.timedelta(days=1)
"""How far a clock may be ahead of the reader's before its time orders nothing."""
WORST_FIRST = (Readiness.NOT_READY, Readiness.UNDECIDED, Readiness.READY)
CAUSES_MOST = 16
"""Causes of one machine that are kept: as many as there are words for them."""
IDS_MOST = 128
"""Reports of one log that are remembered: as many as a log is searched for."""
CLAIMS_MOST = 64
"""Logs of one machine that are compared with one another; of more than that, none replaces another."""


@dataclass(frozen=True)
class Traits:
    """What a machine was made of and where it runs, by its own metadata service; None is unknown."""

    image: Optional[str] = None
    """publisher:offer:sku of the marketplace, or the gallery's image."""
    image_version: Optional[str] = None
    region: Optional[str] = None
    size: Optional[str] = None
    subnets: tuple[str, ...] = ()
    """10.0.0.0/24, of every interface."""
    agent: Optional[str] = None
    """Version of waagent."""


@dataclass(frozen=True)
class Machine:
    """A machine by the newest report of its log; where there is none, by the reason for that."""

    log: str
    verdict: Optional[Readiness] = None
    """None: its log holds no report."""
    causes: tuple[CauseEntry, ...] = ()
    """As in its report, without their evidence: the root first."""
    stage: Optional[Stage] = None
    started_at: Optional[str] = None
    """When it looked, in its own time, as ISO 8601 in UTC."""
    vm_id: Optional[str] = None
    boot_id: Optional[str] = None
    os: Optional[Os] = None
    traits: Traits = field(default_factory=Traits)
    tool: Optional[str] = None
    """The version of azpreflight that wrote the report."""
    reason: Optional[str] = None
    """Why there is no report, or why it is undecided."""
    unread: bool = False
    """The log itself could not be had."""
    exit_code: int = 3
    """That of `decode` for this log."""
    report: Optional[str] = None
    """The id of the report that counts."""
    reports: tuple[str, ...] = ()
    """The ids of all reports in its log."""
    doubt: Optional[str] = None
    """Why the reports of its log may not be in order; then the worst of them counts."""
    lost: Optional[str] = None
    """Why the newest report of its log cannot be had, so that an older one counts."""
    worst: Optional[Severity] = None
    """Of all findings of its report."""
    blind: bool = False
    """A check that matters could not be decided, or none applied."""
    bug: bool = False
    """A bug of azpreflight is in the report."""
    disputed: bool = False
    """Another log claims this machine and says something else."""


@dataclass(frozen=True)
class Dispute:
    """Logs that say that they are of one machine, and do not say the same of it."""

    vm_id: str
    machines: tuple[Machine, ...]


@dataclass(frozen=True)
class Fleet:
    """All machines, and what they have in common."""

    machines: Iterable[Machine]
    """One a log, by name: of a machine that logs disagree about, each of them. Can be gone through again and again."""
    tally: Tally
    """Their numbers and groups; without those that logs disagree about."""
    older: int = 0
    """Logs that do not count: another log of the same machine agrees, or has their report and a newer one."""
    disputes: tuple[Dispute, ...] = ()
    codes: frozenset[int] = frozenset()
    """The exit codes of all machines."""


def machine(log: str, report: Report) -> Machine:
    """What counts of a report; all the rest is left behind, because there may be very many."""
    run = report.run
    findings = [found.severity for result in report.results for found in result.findings]
    reasons = [f"{one.check}: {one.reason}" for one in report.results if undecided(one)]
    return Machine(
        log,
        report.verdict,
        tuple(_kept(entry) for entry in report.causes[:CAUSES_MOST]),
        stage=run.stage,
        started_at=run.started_at,
        vm_id=run.vm_id,
        boot_id=run.boot_id,
        os=run.os,
        traits=_traits(report.facts),
        tool=report.tool.version,
        reason=bounds.sentence("; ".join(reasons)) if report.verdict is Readiness.UNDECIDED else None,
        worst=max(findings, key=lambda severity: severity.rank, default=None),
        blind=bool(reasons) or all(one.status is Status.NOT_APPLICABLE for one in report.results),
        bug=any(result.traceback for result in report.results),
    )


def judged(one: Machine, fail_on: Severity) -> Machine:
    """The machine with its exit code: 2 for a log that could not be read, 1 or 3 for one without a report."""
    if one.unread:
        return replace(one, exit_code=2)
    if one.bug:
        return replace(one, exit_code=70)
    severities = [one.worst] if one.verdict is not None else [entry.severity for entry in one.causes]
    if any(severity is not None and severity.rank >= fail_on.rank for severity in severities):
        return replace(one, exit_code=1)
    return replace(one, exit_code=3 if one.blind or one.verdict is None else 0)


def _kept(entry: CauseEntry) -> CauseEntry:
    """The cause, its texts no longer than in a report of ours; a command that is longer would do something else."""
    commands = entry.commands if all(len(one) <= bounds.COMMAND for one in entry.commands) else ()
    return replace(
        entry,
        summary=bounds.sentence(entry.summary),
        fix=bounds.sentence(entry.fix),
        confidence_reason=bounds.sentence(entry.confidence_reason),
        commands=commands[: bounds.FINDINGS],
        symptoms=entry.symptoms[: bounds.FINDINGS],
        evidence=(),
    )


# --- what it was made of ------------------------------------------------------------------------------------------


def _traits(facts: Any) -> Traits:
    """From the answer of the metadata service and the agents' files, where the report has them."""
    instance = _at(facts, "platform", "metadata", "instance")
    agent = _word(_at(facts, "agents", "waagent"), "version")
    subnets = _at(instance, "subnets")
    names = [name for name in (subnets if isinstance(subnets, (list, tuple)) else ()) if isinstance(name, str)]
    image, version = image_of(*(_word(instance, key) for key in ("publisher", "offer", "sku", "version", "image")))
    return Traits(
        image, version, _word(instance, "location"), _word(instance, "vm_size"), tuple(sorted(names)[:8]), agent
    )


def image_of(
    publisher: Optional[str], offer: Optional[str], sku: Optional[str], version: Optional[str], whole: Optional[str]
) -> tuple[Optional[str], Optional[str]]:
    """The name of an image and its version: of the marketplace, or of a gallery by its reference."""
    if publisher and offer and sku:
        return f"{publisher}:{offer}:{sku}", version
    if not whole:
        return None, version
    name, _, inner = whole.partition("/versions/")
    return name, inner or version


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else getattr(value, key, None)
    return value


def _word(value: Any, key: str) -> Optional[str]:
    found = _at(value, key)
    return found[:120] if isinstance(found, str) and found else None


# --- the reports of one log ---------------------------------------------------------------------------------------


def counted(reports: Sequence[Report], now: datetime.datetime) -> tuple[int, Optional[str]]:
    """Which of the reports of one log counts, which are given newest first, and why their order is in doubt.

    The last one counts, as it stands in the log. A frame may have been copied from further up, or from another
    machine's log: then it is of an earlier time than one before it, or of another machine, and the worst counts.
    """
    first = reports[0]
    others = [place for place, one in enumerate(reports) if one.run.vm_id != first.run.vm_id]
    later = [place for place, one in enumerate(reports[1:], 1) if _is_later(one, first, now)]
    if others:
        return _worst(reports, [0, *others]), "it has reports of more than one machine"
    if later:
        return _worst(reports, [0, *later]), "its last report is of an earlier time than one before it"
    return 0, None


def _is_later(one: Report, other: Report, now: datetime.datetime) -> bool:
    mine, others = at(one.run.started_at, now), at(other.run.started_at, now)
    return mine is not None and others is not None and mine > others


def _worst(reports: Sequence[Report], places: Sequence[int]) -> int:
    return min(places, key=lambda place: WORST_FIRST.index(reports[place].verdict))


def at(text: Optional[str], now: datetime.datetime) -> Optional[datetime.datetime]:
    """A machine's time; None for one that is none, or is in the future, and orders nothing."""
    try:
        told = datetime.datetime.fromisoformat((text or "").replace("Z", "+00:00"))
    except ValueError:
        return None
    return told if told.tzinfo is not None and told <= now + SLACK else None


# --- the logs of one machine --------------------------------------------------------------------------------------


def standing(claims: Iterable[Machine], now: datetime.datetime) -> tuple[Machine, ...]:
    """Of the logs that claim one machine those that count: one, or all that disagree, which are marked.

    Does not depend on the order in which they come.
    """
    logs = sorted(claims, key=lambda one: one.log)
    if len(logs) <= CLAIMS_MOST:
        logs = [one for one in logs if not any(_goes_on(other, one, now) for other in logs)] or logs
    if len({(one.verdict, _said(one)) for one in logs}) == 1:
        return (_newest(logs, now),)
    return tuple(replace(one, disputed=True) for one in logs)


def _goes_on(one: Machine, before: Machine, now: datetime.datetime) -> bool:
    """It has the other's report, and a newer one that the other has not."""
    mine, others = at(one.started_at, now), at(before.started_at, now)
    in_order = mine is not None and others is not None and mine >= others
    return in_order and before.report in one.reports and one.report not in before.reports


def _newest(logs: Sequence[Machine], now: datetime.datetime) -> Machine:
    """Of logs that say the same, the last by time."""
    earliest = datetime.datetime.min.replace(tzinfo=datetime.timezone.utc)
    return max(logs, key=lambda one: at(one.started_at, now) or earliest)


def _said(one: Machine) -> Optional[tuple[object, ...]]:
    if not one.causes:
        return None
    root = one.causes[0]
    return (root.cause, root.check, root.severity, root.summary, root.fix, root.commands)


def fleet(machines: Iterable[Machine], now: datetime.datetime, named: Optional[int] = NAMED_MOST) -> Fleet:
    """The machines of these logs, each once, all in memory. `named` is how many of a group are."""
    read = list(machines)
    claims: dict[str, list[Machine]] = {}
    for one in read:
        if one.vm_id:
            claims.setdefault(one.vm_id, []).append(one)
    known = [one for logs in claims.values() for one in standing(logs, now)]
    kept = sorted([*(one for one in read if not one.vm_id), *known], key=lambda one: one.log)
    return fleet_of(kept, len(read) - len(kept), named)


def fleet_of(kept: Iterable[Machine], older: int, named: Optional[int] = NAMED_MOST) -> Fleet:
    """The fleet of these machines, of which each counts or is disputed."""
    disputes: dict[str, list[Machine]] = {}
    codes: set[int] = set()
    counted = tally(_apart(kept, disputes, codes), named)
    told = tuple(Dispute(vm_id, tuple(logs)) for vm_id, logs in sorted(disputes.items()))
    return Fleet(kept, counted, older, told, frozenset(codes))


def _apart(kept: Iterable[Machine], disputes: dict[str, list[Machine]], codes: set[int]) -> Iterator[Machine]:
    """Those that no two logs disagree about; the others by their id, and the exit codes of all."""
    for one in kept:
        codes.add(one.exit_code)
        if one.disputed:
            disputes.setdefault(one.vm_id or "", []).append(one)
        else:
            yield one
