"""What belongs together in a report, in whatever form it is printed: findings of a cause, and sentences of a person."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Optional

from azpreflight.engine import waivers
from azpreflight.engine.assess import own_error
from azpreflight.model import CauseEntry, ExtensionVerdict, Finding, Readiness, Report, Result, Severity, Stage, Status
from azpreflight.text import count

REASONS = 3
"""Reasons for "does not apply" that are spelled out; the others are only counted."""
SAID = "the report in "
"""Begins what a log says is to be done, which is no advice of this program."""
DOCUMENTATION = "https://r-seed-9d6d86b0.example/azpreflight"
"""Where the pages of the checks and causes are, in their folders."""

Named = tuple[str, Finding]  # a finding with the id of its check

SITE = "site-"
"""Begins the ids of checks that a site defines, which have no page of ours."""
_ID = re.compile("[a-z0-9-]{1,60}")
"""That of a check: in a report out of a log it may be anything, and stands in a command or an address here."""


def is_id(text: str) -> bool:
    """It has the form of an id of a check, or of a cause."""
    return _ID.fullmatch(text) is not None


def address(folder: str, page_id: str) -> Optional[str]:
    """The web page of a check (folder "checks") or a cause ("causes"); None for what is not an id, or a site's own."""
    ours = is_id(page_id) and not page_id.startswith(SITE)
    return f"{DOCUMENTATION}/{folder}/{page_id}/" if ours else None


def message_of(finding: Finding) -> str:
    """What is wrong, and why the site lives with it if it does."""
    return finding.message if finding.waived is None else f"{finding.message} ({waivers.words(finding.waived)})"


def verdict_word(report: Report) -> str:
    """NOT READY, UNDECIDED or READY."""
    return report.verdict.value.upper().replace("-", " ")


def verdict_sentence(report: Report) -> str:
    """Whether it works, and why not."""
    subject = "this VM" if report.run.stage is Stage.FIRSTBOOT else "a VM from this image"
    if report.verdict is Readiness.NOT_READY:
        errors = [entry.cause.value for entry in report.causes if entry.severity is Severity.ERROR]
        return f"{subject} fails, or will fail, because of {', '.join(errors)}" if errors else _own_errors(report)
    if all(result.status is Status.NOT_APPLICABLE for result in report.results):
        return "none of these checks applies here, so nothing is known"
    if report.verdict is Readiness.UNDECIDED:
        blind = sum(result.status is Status.UNKNOWN and result.severity is Severity.ERROR for result in report.results)
        return f"no error was found, but {count(blind, 'check')} that may be one could not be determined"
    severities = Counter(finding.severity for result in report.results for finding in result.findings)
    lesser = [count(severities[s], s.value) for s in (Severity.WARNING, Severity.NOTE) if severities[s]]
    return f"nothing was found that stops {subject}" + (f" ({', '.join(lesser)})" if lesser else "")


def _own_errors(report: Report) -> str:
    """Where nothing that is known to stop provisioning was found, and the site has asked for more."""
    checks = [result.check for result in report.results if own_error(result)]
    return f"nothing was found that stops provisioning, but {', '.join(checks)} failed"


def findings_of(entry: CauseEntry, results: Sequence[Result]) -> list[Named]:
    """The findings of this cause, the one that its entry speaks of first, then by severity.

    A report out of a log may have lost its results: then what the entry says itself.
    """
    findings = [
        (result.check, finding)
        for result in results
        if result.cause is entry.cause and not result.because_of
        for finding in result.findings
    ]
    if not findings:
        own = Finding(entry.severity, entry.summary, entry.fix, entry.commands, confidence=entry.confidence)
        return [(entry.check, replace(own, confidence_reason=entry.confidence_reason, waived=entry.waived))]
    return sorted(findings, key=lambda named: (not _spoken_of(entry, *named), -named[1].severity.rank))


def _spoken_of(entry: CauseEntry, check: str, finding: Finding) -> bool:
    return check == entry.check and entry.summary.startswith(finding.message)


def by_fix(findings: Iterable[Named]) -> list[list[Named]]:
    """Findings with the same fix and the same commands together, in the order of their first."""
    groups: dict[tuple[str, tuple[str, ...]], list[Named]] = {}
    for check, finding in findings:
        groups.setdefault((finding.fix, finding.commands), []).append((check, finding))
    return list(groups.values())


def without_cause(results: Iterable[Result]) -> list[Named]:
    """What failed, stands for no cause and is a symptom of none, the worst first."""
    alone = [result for result in results if result.cause is None and not result.because_of]
    found = ((result.check, finding) for result in alone for finding in result.findings)
    return sorted(found, key=lambda named: -named[1].severity.rank)


def unknown(results: Iterable[Result]) -> list[tuple[Severity, str, list[str]]]:
    """What could not be determined: checks with one reason together, possible errors first."""
    groups: dict[tuple[Severity, str], list[str]] = {}
    for result in results:
        if result.status is Status.UNKNOWN and result.severity is not None:
            groups.setdefault((result.severity, result.reason or ""), []).append(result.check)
    ordered = sorted(groups.items(), key=lambda item: -item[0][0].rank)
    return [(severity, reason, checks) for (severity, reason), checks in ordered]


def at_most(severity: Severity) -> str:
    """What a check that could not be determined would be, where that is no error."""
    return "" if severity is Severity.ERROR else f" (a {severity.value} at most)"


def extension(one: ExtensionVerdict) -> str:
    """What is said of one extension."""
    return f"extension {one.name}: works: {one.will_work}, package: {one.package}; {one.why}"


def not_applicable(results: Sequence[Result]) -> str:
    """How many checks do not apply, and for which reasons."""
    reasons = Counter(result.reason or "" for result in results if result.status is Status.NOT_APPLICABLE)
    named = [f"{reason}: {number}" for reason, number in reasons.most_common(REASONS)]
    rest = sum(reasons.values()) - sum(number for _, number in reasons.most_common(REASONS))
    named += [f"other reasons: {rest}"] if rest else []
    return f"{sum(reasons.values())} not applicable ({', '.join(named)})"


def counts(report: Report) -> str:
    """How many checks came out how, and how long it took."""
    by_status = Counter(result.status for result in report.results)
    parts = [f"{count(by_status[Status.PASS], 'check')} passed"]
    parts += [f"{by_status[Status.FAIL]} failed"] if by_status[Status.FAIL] else []
    parts += [f"{by_status[Status.UNKNOWN]} unknown"] if by_status[Status.UNKNOWN] else []
    parts += [not_applicable(report.results)] if by_status[Status.NOT_APPLICABLE] else []
    parts += [f"{len(report.ignored)} ignored ({', '.join(report.ignored)})"] if report.ignored else []
    return f"{', '.join(parts)}; took {report.run.duration_s:.2f} s"


def subject(report: Report) -> str:
    """What was asked of which machine: the same machine may be fit for one stage and not for another."""
    run, tool = report.run, report.tool
    system = " ".join(word for word in (run.os.id, run.os.version_id) if word) or "unknown system"
    parts = [f"stage {run.stage.value}", run.profile.value, f"platform {run.platform.value}", system]
    parts += [f"kernel {run.kernel}"] if run.kernel else []
    parts += [f"{'disk image' if run.image else 'root'} {run.root}"] if run.root else []
    parts += ["files only"] if run.files_only else []
    parts += [] if run.privileged else ["unprivileged"]
    return f"{', '.join(parts)}; {tool.name} {tool.version}"
