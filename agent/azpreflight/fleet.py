"""Many machines at once: what each says of itself, and which of them have the same cause. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Optional

from azpreflight.model import Cause, CauseEntry, Os, Readiness, Report, Stage


@dataclass(frozen=True)
class Machine:
    """A machine by the newest report of its log; where there is none, by the reason for that."""

    log: str
    verdict: Optional[Readiness] = None
    """None: its log holds no report."""
    causes: "tuple[CauseEntry, ...]" = ()
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


@dataclass(frozen=True)
class Group:
    """Machines with the same root cause, found by the same check in the same words, and mended by the same commands."""

    cause: CauseEntry
    """That of the first of them."""
    machines: "tuple[Machine, ...]"


@dataclass(frozen=True)
class Fleet:
    """All machines, and what they have in common."""

    machines: "tuple[Machine, ...]"
    older: int
    """Logs that do not count, because there is a newer one of the same machine."""
    groups: "tuple[Group, ...]"
    """Errors first, then by the number of machines."""


def machine(log: str, report: Report, reason: Optional[str], exit_code: int) -> Machine:
    """What counts of a report; all the rest is left behind, because there may be very many."""
    run = report.run
    return Machine(log, report.verdict, report.causes, run.stage, run.started_at, run.vm_id, run.os, reason, exit_code)


def fleet(machines: "Iterable[Machine]") -> Fleet:
    """The machines of these logs, in their order, each once."""
    read = list(machines)
    newest: dict[str, Machine] = {}
    for one in read:
        known = newest.get(one.vm_id) if one.vm_id else None
        if one.vm_id and (known is None or _at(one) >= _at(known)):
            newest[one.vm_id] = one
    kept = tuple(one for one in read if not one.vm_id or newest[one.vm_id] is one)
    return Fleet(kept, len(read) - len(kept), _groups(kept))


def _at(one: Machine) -> str:
    return one.started_at or ""


def _groups(machines: "Sequence[Machine]") -> "tuple[Group, ...]":
    same: dict[tuple[object, ...], list[Machine]] = {}
    for one in machines:
        if one.causes:
            root = one.causes[0]
            key = (root.cause, root.check, root.severity, root.summary, root.remedy, root.commands)
            same.setdefault(key, []).append(one)
    groups = [Group(members[0].causes[0], tuple(members)) for members in same.values()]
    return tuple(sorted(groups, key=_order))


def _order(group: Group) -> "tuple[int, int, int]":
    return -group.cause.severity.rank, -len(group.machines), list(Cause).index(group.cause.cause)
