"""Many machines at once: what each says of itself, and which of them have the same cause. Pure.

A log is what somebody says of a machine, and not a proof: it is not signed, and whoever may write to one console may
write a report of any machine. So nothing that a log says makes another log's word void. Logs of one machine that agree
are one machine; one that has the other's report in it goes on from there; any others are told as what they are: logs
that claim one machine and disagree.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Optional

from azpreflight.model import Cause, CauseEntry, Os, Readiness, Report, Stage

SLACK = datetime.timedelta(days=1)
"""How far a clock may be ahead of the reader's before its time orders nothing."""
WORST_FIRST = (Readiness.NOT_READY, Readiness.UNDECIDED, Readiness.READY)


@dataclass(frozen=True)
class Machine:
    """A machine by the newest report of its log; where there is none, by the reason for that."""

    log: str
    verdict: Optional[Readiness] = None
    """None: its log holds no report."""
    causes: tuple[CauseEntry, ...] = ()
    """As in its report: the root first."""
    stage: Optional[Stage] = None
    started_at: Optional[str] = None
    """When it looked, in its own time, as ISO 8601 in UTC."""
    vm_id: Optional[str] = None
    os: Optional[Os] = None
    reason: Optional[str] = None
    """Why there is no report, or why it is undecided."""
    exit_code: int = 3
    """That of `decode` for this log."""
    report: Optional[str] = None
    """The id of the frame that counts."""
    doubt: Optional[str] = None
    """Why the reports of its log may not be in order; then the worst of them counts."""


@dataclass(frozen=True)
class Group:
    """Machines with the same root cause, found by the same check in the same words, and fixed by the same commands."""

    cause: CauseEntry
    """That of the first of them."""
    machines: tuple[Machine, ...]


@dataclass(frozen=True)
class Dispute:
    """Logs that say that they are of one machine, and do not say the same of it."""

    vm_id: str
    machines: tuple[Machine, ...]


@dataclass(frozen=True)
class Fleet:
    """All machines, and what they have in common."""

    machines: tuple[Machine, ...]
    """One a log: of a machine that logs disagree about, each of them."""
    older: int
    """Logs that do not count: another log of the same machine agrees, or has their report and a newer one."""
    groups: tuple[Group, ...]
    """Errors first, then by the number of machines; without those that logs disagree about."""
    disputes: tuple[Dispute, ...] = ()


def machine(log: str, report: Report, reason: Optional[str], exit_code: int) -> Machine:
    """What counts of a report; all the rest is left behind, because there may be very many."""
    run = report.run
    return Machine(log, report.verdict, report.causes, run.stage, run.started_at, run.vm_id, run.os, reason, exit_code)


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


# --- the logs of all ----------------------------------------------------------------------------------------------


def fleet(
    machines: Iterable[Machine], now: datetime.datetime, held: Optional[Mapping[str, AbstractSet[str]]] = None
) -> Fleet:
    """The machines of these logs, in their order, each once. `held` are the ids of all reports of a log, by its name,
    which fills while the machines are read."""
    read, ids = list(machines), held or {}
    claims: dict[str, list[Machine]] = {}
    for one in read:
        if one.vm_id:
            claims.setdefault(one.vm_id, []).append(one)
    standing = {vm_id: _standing(logs, ids, now) for vm_id, logs in claims.items()}
    disputes = tuple(Dispute(vm_id, tuple(logs)) for vm_id, logs in standing.items() if not _agree(logs))
    disputed = {id(one) for dispute in disputes for one in dispute.machines}
    single = {id(_newest(logs, now)) for logs in standing.values() if _agree(logs)}
    kept = tuple(one for one in read if not one.vm_id or id(one) in disputed or id(one) in single)
    return Fleet(kept, len(read) - len(kept), _groups([one for one in kept if id(one) not in disputed]), disputes)


def _standing(logs: Sequence[Machine], held: Mapping[str, AbstractSet[str]], now: datetime.datetime) -> list[Machine]:
    """The logs without earlier copies: those whose report another log has too, and goes on from there. All of them
    where each goes on from another."""
    return [one for one in logs if not any(_goes_on(other, one, held, now) for other in logs)] or list(logs)


def _goes_on(one: Machine, before: Machine, held: Mapping[str, AbstractSet[str]], now: datetime.datetime) -> bool:
    """It has the other's report, and a newer one that the other has not."""
    mine, others = at(one.started_at, now), at(before.started_at, now)
    in_order = mine is not None and others is not None and mine >= others
    contains = before.report is not None and before.report in held.get(one.log, ())
    return in_order and contains and one.report not in held.get(before.log, ())


def _agree(logs: Sequence[Machine]) -> bool:
    return len({(one.verdict, _key(one)) for one in logs}) == 1


def _newest(logs: Sequence[Machine], now: datetime.datetime) -> Machine:
    """Of logs that say the same, the last by time."""
    earliest = datetime.datetime.min.replace(tzinfo=datetime.timezone.utc)
    return max(logs, key=lambda one: at(one.started_at, now) or earliest)


def _key(one: Machine) -> Optional[tuple[object, ...]]:
    if not one.causes:
        return None
    root = one.causes[0]
    return (root.cause, root.check, root.severity, root.summary, root.fix, root.commands)


def _groups(machines: Sequence[Machine]) -> tuple[Group, ...]:
    same: dict[tuple[object, ...], list[Machine]] = {}
    for one in machines:
        key = _key(one)
        if key is not None:
            same.setdefault(key, []).append(one)
    groups = [Group(members[0].causes[0], tuple(members)) for members in same.values()]
    return tuple(sorted(groups, key=_order))


def _order(group: Group) -> tuple[int, int, int]:
    return -group.cause.severity.rank, -len(group.machines), list(Cause).index(group.cause.cause)
