"""Group what failed into causes, and tell each cause's symptoms from it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import attrgetter

from azpreflight.model import Cause, CauseEntry, Check, Confidence, Finding, Result, Severity

_RANK = attrgetter("rank")
_At = tuple[str, int]  # a finding: check id, and its place among that check's findings


def diagnose(checks: Sequence[Check], results: Sequence[Result]) -> tuple[tuple[Result, ...], tuple[CauseEntry, ...]]:
    """The results with `because_of` filled in, and the causes, most severe first.

    A finding is a symptom of a finding of a check that its own depends on, directly or through symptoms between them,
    if that one's flow covers its flow. What no finding explains is a root, and roots of one cause make one entry. A
    symptom is no worse than its causes: what a rule stops today that is not in the image weighs as that rule does.
    """
    failed = {result.check: result for result in results if result.findings}
    by_id = {check.id: check for check in checks}
    roots_of = {
        (check_id, number): _roots((check_id, number), by_id, failed, frozenset())
        for check_id, result in failed.items()
        for number in range(len(result.findings))
    }
    explained = tuple(_explained(result, roots_of, failed) for result in results)
    return explained, _causes(checks, failed, roots_of)


def _explained(result: Result, roots_of: Mapping[_At, set[_At]], failed: Mapping[str, Result]) -> Result:
    """The result with what is behind it."""
    if not result.findings:
        return result
    findings = tuple(
        replace(finding, severity=_weight(finding, roots_of[(result.check, number)], failed))
        for number, finding in enumerate(result.findings)
    )
    severity = max((finding.severity for finding in findings), key=_RANK)
    return replace(result, because_of=_because_of(result, roots_of), findings=findings, severity=severity)


def _weight(finding: Finding, roots: set[_At], failed: Mapping[str, Result]) -> Severity:
    """The severity of a finding in the light of its roots; a root without a cause is in nobody's list of causes."""
    if any(failed[check_id].cause is None for check_id, _ in roots):
        return finding.severity
    worst = max((failed[check_id].findings[number].severity for check_id, number in roots), key=_RANK)
    return min(finding.severity, worst, key=_RANK)


def _roots(at: _At, by_id: Mapping[str, Check], failed: Mapping[str, Result], seen: frozenset[_At]) -> set[_At]:
    """The findings behind this one that nothing explains; itself if nothing explains it."""
    check_id, number = at
    flows = _flows(failed[check_id].findings[number])
    explainers = {
        (dependency, other)
        for dependency in by_id[check_id].depends_on
        if dependency in failed
        for other, finding in enumerate(failed[dependency].findings)
        if (dependency, other) not in seen and _explains(finding, flows)
    }
    if not explainers:
        return {at}
    return set().union(*(_roots(explainer, by_id, failed, seen | {at}) for explainer in explainers))


def _flows(finding: Finding) -> tuple[str, ...]:
    return () if finding.flow is None else (finding.flow,)


def _explains(finding: Finding, flows: tuple[str, ...]) -> bool:
    patterns = (*_flows(finding), *finding.breaks)
    return any(covers(pattern, flow) for pattern in patterns for flow in flows)


def covers(pattern: str, flow: str) -> bool:
    """True if whatever stops `pattern` stops `flow`: equal, "any", "name *", or "tcp *:443" for "tcp 1.2.3.4:443"."""
    if pattern in ("any", flow):
        return True
    kind, _, target = pattern.partition(" ")
    flow_kind, _, flow_target = flow.partition(" ")
    if kind != flow_kind or not target.startswith("*"):
        return False
    return flow_target.endswith(target[1:])


def _because_of(result: Result, roots_of: Mapping[_At, set[_At]]) -> tuple[str, ...]:
    behind = [roots_of[(result.check, number)] for number in range(len(result.findings))]
    names = {check_id for roots in behind for check_id, _ in roots}
    return () if result.check in names else tuple(sorted(names))


def _causes(
    checks: Sequence[Check], failed: Mapping[str, Result], roots_of: Mapping[_At, set[_At]]
) -> tuple[CauseEntry, ...]:
    roots = {root for behind in roots_of.values() for root in behind}
    by_cause: dict[Cause, list[_At]] = {}
    for check in checks:
        for number in range(len(failed[check.id].findings) if check.id in failed else 0):
            if check.cause is not None and (check.id, number) in roots:
                by_cause.setdefault(check.cause, []).append((check.id, number))
    entries = [_cause_entry(cause, ats, failed, roots_of) for cause, ats in by_cause.items()]
    surest = list(Confidence)
    return tuple(sorted(entries, key=lambda entry: (-entry.severity.rank, surest.index(entry.confidence))))


def _cause_entry(
    cause: Cause, ats: list[_At], failed: Mapping[str, Result], roots_of: Mapping[_At, set[_At]]
) -> CauseEntry:
    surest = list(Confidence)
    findings = [(check_id, failed[check_id].findings[number]) for check_id, number in ats]
    ordered = sorted(findings, key=lambda item: (-item[1].severity.rank, surest.index(item[1].confidence)))
    check_id, worst = ordered[0]
    more = len(findings) - 1
    symptoms = {at[0] for at, behind in roots_of.items() if behind & set(ats)} - {at[0] for at in ats}
    return CauseEntry(
        cause=cause,
        check=check_id,
        severity=worst.severity,
        confidence=worst.confidence,
        confidence_reason=worst.confidence_reason,
        summary=worst.message + (f" (and {more} more finding{'s' if more > 1 else ''} of this cause)" if more else ""),
        fix=worst.fix,
        commands=tuple(dict.fromkeys(command for _, finding in ordered for command in finding.commands)),
        symptoms=tuple(check for check in failed if check in symptoms),
        waived=worst.waived,
    )
