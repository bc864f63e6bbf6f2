"""From what was seen in a boot to who provisioned, how far it came, and why it ended there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Optional

from azpreflight.azure.log_signatures import BY_ID, Step
from azpreflight.dataclass import dataclass
from azpreflight.explain.meanings import DONE, MEANINGS, REMARKS, Meaning
from azpreflight.explain.model import ExplainedLog, LogCause, LogKind, LogLine, LogMilestone, Remark
from azpreflight.explain.scan import Place, Scanned, Sighting
from azpreflight.model import Cause, Confidence, Readiness, Severity

EVIDENCE_MOST = 6
"""Lines that are shown for one cause; one signature gives its first and its last."""
_DECIDES = 3
"""Weight of a line that names the cause."""
DOWNLOADS = (Cause.NO_EGRESS, Cause.PROXY, Cause.TLS_INTERCEPTION)
"""Their severity is by whether the package came all the same; a VM without DNS has lost more than that."""
EXPLAINED_BY: Mapping[Cause, tuple[Cause, ...]] = {
    Cause.PLATFORM_UNREACHABLE: (Cause.GUEST_FIREWALL, Cause.NO_NETWORK, Cause.BOOT_CONFIG),
    Cause.NO_PROVISIONING_AGENT: (
        *(Cause.PROVISIONING_MEDIA, Cause.PLATFORM_UNREACHABLE, Cause.NO_NETWORK, Cause.GUEST_FIREWALL),
        *(Cause.BOOT_CONFIG, Cause.AGENT_CONFIG),
    ),
    Cause.TLS_INTERCEPTION: (Cause.CLOCK,),
    Cause.NO_NETWORK: (Cause.BOOT_CONFIG,),
    Cause.PROVISIONING_MEDIA: (Cause.BOOT_CONFIG, Cause.NO_NETWORK),
}
"""What a cause follows from where both are seen."""


@dataclass(frozen=True)
class Source:
    """A log, or a member of a bundle, and what was found in it."""

    name: Optional[str]
    """The member; None where the log is one file."""
    scanned: Scanned


@dataclass(frozen=True)
class _Seen:
    """A sighting that counts against the boot."""

    source: Source
    sighting: Sighting
    meaning: Meaning


def judge(file: str, kind: LogKind, sources: Sequence[Source], unread: Optional[str]) -> ExplainedLog:
    """The explanation of a log that consists of these."""
    timeline = tuple(_timeline(sources))
    reached = {Step(item.milestone) for item in timeline}
    causes = tuple(_causes(sources))
    provisioned = Step.READY in reached or any(name in one.scanned.newest.sightings for one in sources for name in DONE)
    ends = sources[0].scanned.end if len(sources) == 1 else None
    return ExplainedLog(
        file=file,
        kind=kind,
        provisioner=_provisioner(sources),
        verdict=_verdict(causes, provisioned, sources),
        timeline=timeline,
        causes=causes,
        not_in_this_log=tuple(step.value for step in Step if step not in reached),
        remarks=tuple(_remarks(sources, {(one.file, one.line) for cause in causes for one in cause.evidence})),
        last=timeline[-1] if timeline else None,
        ends=None if ends is None else _line(sources[0], ends),
        boots=max((one.scanned.boots for one in sources), default=1),
        kernel=_value(sources, "kernel-started"),
        os=_value(sources, "init-welcome"),
        agent=_agent(sources),
        vm_id=_value(sources, "vm-id"),
        has_report=any(one.scanned.framed for one in sources),
        unread=unread,
    )


def _verdict(causes: Sequence[LogCause], provisioned: bool, sources: Sequence[Source]) -> Readiness:
    if any(one.severity is Severity.ERROR for one in causes):
        return Readiness.NOT_READY
    failed = any(
        name in one.scanned.newest.sightings for one in sources for name in ("extension-failed", "kernel-crash-dump")
    )
    return Readiness.READY if provisioned and not failed else Readiness.UNDECIDED


# --- how far it came ----------------------------------------------------------------------------------------------


def _timeline(sources: Sequence[Source]) -> Iterator[LogMilestone]:
    """The first line of each step, by time where all have one, else by the order of the steps."""
    first: dict[Step, tuple[Source, Place]] = {}
    for source in sources:
        for sighting in source.scanned.newest.sightings.values():
            step = BY_ID[sighting.id].step
            if step is not None and (step not in first or _before(source, sighting.first, first[step])):
                first[step] = source, sighting.first
    found = [(step, *first[step]) for step in Step if step in first]
    marks = [LogMilestone(_at(source, place), step.value, place.line, source.name) for step, source, place in found]
    if len(sources) == 1:
        marks.sort(key=lambda mark: mark.line)
    elif all(mark.at_s is not None for mark in marks):
        marks.sort(key=lambda mark: mark.at_s or 0.0)
    yield from marks


def _before(source: Source, place: Place, other: tuple[Source, Place]) -> bool:
    if source.name == other[0].name:
        return place.line < other[1].line
    mine, theirs = _at(source, place), _at(*other)
    return mine is not None and (theirs is None or mine < theirs)


def _at(source: Source, place: Place) -> Optional[float]:
    return source.scanned.newest.seconds(place.written)


# --- why it ended there -------------------------------------------------------------------------------------------


def _causes(sources: Sequence[Source]) -> Iterator[LogCause]:
    """The causes that remain once what was passing, and what follows from another, is left out."""
    by_cause: dict[Cause, list[_Seen]] = {}
    for source in sources:
        for sighting in source.scanned.newest.sightings.values():
            cause, meaning = BY_ID[sighting.id].cause, MEANINGS.get(sighting.id)
            if cause is None or meaning is None or meaning.severity is Severity.NOTE:
                continue
            if not _undone(sources, source, sighting, meaning):
                by_cause.setdefault(cause, []).append(_Seen(source, sighting, meaning))
    weights = {cause: max(one.meaning.weight for one in seen) for cause, seen in by_cause.items()}
    roots = [cause for cause in by_cause if not _follows(cause, weights)]
    made = [(weights[cause], _cause(cause, by_cause[cause], sources)) for cause in roots]
    made.sort(key=lambda item: (-item[1].severity.rank, -item[0], list(Cause).index(item[1].cause)))
    yield from (cause for _, cause in made)


def _follows(cause: Cause, weights: Mapping[Cause, int]) -> bool:
    return any(weights.get(other, 0) >= min(weights[cause], 2) for other in EXPLAINED_BY.get(cause, ()))


def _undone(sources: Sequence[Source], source: Source, sighting: Sighting, meaning: Meaning) -> bool:
    """It went on: a later line shows what could not be, had this lasted."""
    done = DONE if Step.READY in meaning.undone_by else ()
    names = {name for name, one in BY_ID.items() if one.step in meaning.undone_by}.union(done, meaning.undone_by_lines)
    return any(
        _later(other, seen.last, source, sighting.last)
        for other in sources
        for seen in other.scanned.newest.sightings.values()
        if seen.id in names
    )


def _later(source: Source, place: Place, other: Source, than: Place) -> bool:
    if source.name == other.name:
        return place.line > than.line
    mine, theirs = place.written, than.written
    if mine.clock is None or theirs.clock is None or mine.has_year != theirs.has_year:
        return True
    return mine.clock > theirs.clock


def _cause(cause: Cause, seen: Sequence[_Seen], sources: Sequence[Source]) -> LogCause:
    main = max(seen, key=lambda one: one.meaning.weight)
    meaning = main.meaning
    severity = max((one.meaning.severity for one in seen), key=lambda severity: severity.rank)
    if cause in DOWNLOADS and _delivered(sources):
        severity = Severity.WARNING
    confidence = Confidence.POSSIBLE if meaning.weight == 1 else Confidence.LIKELY
    earlier = " in the boot before the last one of this log" if main.source.scanned.earlier else ""
    return LogCause(
        cause=cause,
        severity=severity,
        confidence=confidence,
        confidence_reason=f"a log's line says so{earlier}; {meaning.alternative}",
        summary=meaning.summary,
        fix=meaning.fix,
        commands=meaning.commands,
        evidence=tuple(_evidence([main, *(one for one in seen if one is not main)])),
    )


def _evidence(seen: Sequence[_Seen]) -> Iterator[LogLine]:
    lines = [
        _line(one.source, place) for one in seen for place in dict.fromkeys((one.sighting.first, one.sighting.last))
    ]
    unique = {(line.file, line.line): line for line in reversed(lines)}
    shown = [line for line in lines if unique[line.file, line.line] is line][:EVIDENCE_MOST]
    yield from sorted(shown, key=lambda line: (line.file or "", line.line))


def _delivered(sources: Sequence[Source]) -> bool:
    """The packages came by another path."""
    seen = {name for one in sources for name in one.scanned.newest.sightings}
    return ("extensions-terminal" in seen and not seen & {"extension-failed", "download-failed"}) or (
        "download-by-host" in seen and "download-failed" not in seen
    )


def _line(source: Source, place: Place) -> LogLine:
    return LogLine(place.line, place.text, _at(source, place), source.name)


# --- who, and what else -------------------------------------------------------------------------------------------


def _remarks(sources: Sequence[Source], shown: Collection[tuple[Optional[str], int]]) -> Iterator[Remark]:
    """Lines that are worth knowing and are not evidence already."""
    for source in sources:
        for sighting in source.scanned.newest.sightings.values():
            means = _remark(sighting.id)
            if means is not None and (source.name, sighting.last.line) not in shown:
                yield Remark(means, _line(source, sighting.last), sighting.count)


def _remark(name: str) -> Optional[str]:
    """What a line without a cause, or without a consequence, is worth saying for."""
    meaning = MEANINGS.get(name)
    return meaning.summary if meaning is not None and meaning.severity is Severity.NOTE else REMARKS.get(name)


def _provisioner(sources: Sequence[Source]) -> Optional[str]:
    """By the agent's own words, else by which of them speaks of provisioning."""
    seen = {name: sighting for one in sources for name, sighting in one.scanned.newest.sightings.items()}
    chosen = seen.get("chosen-agent")
    if chosen is not None:
        return "cloud-init" if "cloud-init" in chosen.last.words else "waagent"
    for agent, marks in _MARKS.items():
        if any(mark in seen for mark in marks):
            return agent
    return None


_MARKS: Mapping[str, tuple[str, ...]] = {
    "azure-init": ("azure-init-started", "azure-init-ready", "azure-init-failed", "azure-init-already"),
    "cloud-init": ("waits-for-cloud-init", "cloud-init-reported-ready", "cloud-init-started", "cloud-init-running"),
    "waagent": ("waagent-provisioned", "provisioning-failed", "disc-read", "dvd-not-mounted"),
}


def _value(sources: Sequence[Source], *names: str) -> Optional[str]:
    """The value in the last line of the first of these signatures that was seen."""
    for name in names:
        for source in sources:
            sighting = source.scanned.newest.sightings.get(name)
            if sighting is not None and sighting.last.value is not None:
                return sighting.last.value
    return None


def _agent(sources: Sequence[Source]) -> Optional[str]:
    """The version of the one that provisions; where that is not shown, of the one that is."""
    cloud_init, waagent = ("cloud-init-started", "cloud-init-running"), ("waagent-started",)
    of = {"waagent": waagent, "cloud-init": cloud_init, None: (*cloud_init, *waagent)}
    return _value(sources, *of.get(_provisioner(sources), ()))
