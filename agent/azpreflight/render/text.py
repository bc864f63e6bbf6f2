"""The report as text for a person at a terminal: the verdict, the causes in order, what is unknown, the counts. ASCII.

A cause has its findings below it, each with its own fix and commands; symptoms are one line; what passed is a number. A
healthy machine gets a few lines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Optional

from azpreflight.engine import timeline, waivers
from azpreflight.engine.assess import own_error
from azpreflight.engine.baseline import sentences
from azpreflight.model import CauseEntry, ExtensionVerdict, Finding, Readiness, Report, Result, Severity, Stage, Status
from azpreflight.render import firewall_dump
from azpreflight.text import WIDTH, count, printable, wrapped

INDENT = "  "
NARROWEST, WIDEST = 40, 120
"""Columns: below, hardly a word fits beside the indentation; above, a line is tiring to read."""
SHOWN = 10
"""Findings of one cause that are shown; the JSON has all."""
EVIDENCE = 2
"""Lines of the agents' logs that are shown for a cause; the JSON has them all."""
REASONS = 3
"""Reasons for "does not apply" that are spelled out; the others are only counted."""

SAID = "the report in "
"""Begins what a log says is to be done, which is no advice of this program."""

_PAINT = {"error": "1;31", "warning": "1;33", "NOT READY": "1;31", "UNDECIDED": "1;33", "READY": "1;32"}
_MARK = {
    Status.PASS: "[PASS]",
    Status.FAIL: "[FAIL]",
    Status.UNKNOWN: "[UNKN]",
    Status.NOT_APPLICABLE: "[N/A ]",
}

_ID = re.compile("[a-z0-9-]{1,60}")
"""That of a check: in a report out of a log it may be anything, and stands in a command here."""

_Lines = list[str]
_Named = tuple[str, Finding]  # a finding with the id of its check


def render(
    report: Report, *, verbose: bool = False, quiet: bool = False, color: bool = False, width: int = WIDTH
) -> str:
    """The report. `quiet`: the verdict alone. `verbose`: every check, and the firewall's rules. `color`: with colors.
    `width`: columns of a line; a longer word, such as a path, stays whole so that it can be copied.
    """
    page = _Page(report, color, min(max(width, NARROWEST), WIDEST), None if verbose else SHOWN)
    if quiet:
        return "\n".join(page.verdict()) + "\n"
    found = [
        *(page.cause(entry) for entry in report.causes),
        *page.without_cause(),
        page.since_capture(),
        page.timeline(),
        page.unknown(),
        page.extensions(every=verbose),
        *((page.every_check(), firewall_dump.lines(report.facts)) if verbose else ()),
    ]
    end = [*page.counts(), *page.subject()]
    blocks = [page.verdict(), *found, end] if any(found) else [[*page.verdict(), *end]]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


@dataclass(frozen=True)
class _Page:
    """One report on its way to lines."""

    report: Report
    color: bool
    width: int
    most: Optional[int]
    """Findings of one cause; None: all."""

    def _wrapped(self, text: str, indent: str = "") -> _Lines:
        """At this indentation, further lines two columns to the right of it."""
        return wrapped(text, indent, indent + INDENT, self.width)

    def _headed(self, word: str, text: str) -> _Lines:
        lines = self._wrapped(f"{word}: {text}")
        if not self.color or word not in _PAINT:
            return lines
        return [f"\x1b[{_PAINT[word]}m{word}\x1b[0m{lines[0][len(word) :]}", *lines[1:]]

    # the verdict

    def verdict(self) -> _Lines:
        """One sentence: whether it works, and why not."""
        return self._headed(self.report.verdict.value.upper().replace("-", " "), _verdict_sentence(self.report))

    # what failed

    def cause(self, entry: CauseEntry) -> _Lines:
        """A cause, its findings with their fixes, and what it explains."""
        findings = _of_cause(entry, self.report.results)
        lines = self._headed(entry.severity.value, entry.cause.value)
        for number, group in enumerate(_by_fix(findings[: self.most])):
            lines += self._group(group, entry, first=number == 0)
        more = len(findings[self.most :]) if self.most is not None else 0
        lines += self._wrapped(f"and {count(more, 'more finding')} of this cause", INDENT) if more else []
        for line in entry.evidence[:EVIDENCE]:
            lines += self._wrapped(f"log evidence: {line}", INDENT)
        if entry.symptoms:
            lines += self._wrapped(f"explains: {', '.join(entry.symptoms)}", INDENT)
        return [*lines, *_more(entry.cause.value)]

    def _group(self, group: Sequence[_Named], entry: CauseEntry, first: bool) -> _Lines:
        """Findings that one fix is for."""
        lines: _Lines = []
        for check, finding in group:
            lesser = "" if finding.severity is entry.severity else f" ({finding.severity.value})"
            lines += self._wrapped(f"{check}{lesser}: {finding.message}", INDENT)
            if first or (finding.confidence, finding.confidence_reason) != (entry.confidence, entry.confidence_reason):
                lines += self._wrapped(f"{finding.confidence.value}: {finding.confidence_reason}", INDENT * 2)
            lines += self._waived(finding, INDENT * 2)
            first = False
        return [*lines, *self._fix(group[-1][1], INDENT * 2)]

    def _waived(self, finding: Finding, indent: str) -> _Lines:
        return self._wrapped(waivers.words(finding.waived), indent) if finding.waived is not None else []

    def _fix(self, finding: Finding, indent: str) -> _Lines:
        commands = [f"{indent}{INDENT}$ {printable(command)}" for command in finding.commands]
        label = "" if finding.fix.startswith(SAID) else "fix: "
        return [*self._wrapped(f"{label}{finding.fix}", indent), *commands]

    def without_cause(self) -> list[_Lines]:
        """What failed, stands for no cause and is a symptom of none: a block a check."""
        alone = [result for result in self.report.results if result.cause is None and not result.because_of]
        ordered = sorted(
            ((result.check, finding) for result in alone for finding in result.findings),
            key=lambda named: -named[1].severity.rank,
        )
        return [
            [
                *self._headed(finding.severity.value, f"{check}: {finding.message}"),
                *self._waived(finding, INDENT),
                *self._fix(finding, INDENT),
                *_more(check),
            ]
            for check, finding in ordered
        ]

    # what else is known, and what is not

    def since_capture(self) -> _Lines:
        """What passed when the image was sealed."""
        return [line for sentence in sentences(self.report.since_capture) for line in self._wrapped(sentence)]

    def timeline(self) -> _Lines:
        """How far a first boot has come, where the daemon watched it."""
        return [line for sentence in timeline.sentences(self.report.timeline) for line in self._wrapped(sentence)]

    def unknown(self) -> _Lines:
        """What could not be determined, the checks with one reason together, possible errors first."""
        groups: dict[tuple[Severity, str], list[str]] = {}
        for result in self.report.results:
            if result.status is Status.UNKNOWN and result.severity is not None:
                groups.setdefault((result.severity, result.reason or ""), []).append(result.check)
        ordered = sorted(groups.items(), key=lambda item: -item[0][0].rank)
        return [
            line
            for (severity, reason), checks in ordered
            for line in self._wrapped(f"unknown: {', '.join(checks)}: {reason}{_at_most(severity)}")
        ]

    def extensions(self, every: bool) -> _Lines:
        """The extensions that will not work, or of which that is not known."""
        return [
            line
            for one in self.report.extensions
            if every or one.will_work != "yes"
            for line in self._wrapped(_extension(one))
        ]

    def every_check(self) -> _Lines:
        """Each check with its status, and its findings."""
        return [line for result in self.report.results for line in self._one_check(result)]

    def _one_check(self, result: Result) -> _Lines:
        words = result.title if result.status is Status.PASS else result.reason or ""
        lines = self._wrapped(f"{_MARK[result.status]} {result.check}{f': {words}' if words else ''}")
        for finding in result.findings:
            lines += self._wrapped(f"{finding.severity.value}: {finding.message}", INDENT * 2)
            lines += self._waived(finding, INDENT * 3)
            lines += self._fix(finding, INDENT * 3)
        if result.because_of:
            lines += self._wrapped(f"because of {', '.join(result.because_of)}", INDENT * 2)
        return lines

    # the end

    def counts(self) -> _Lines:
        """How many checks came out how, and how long it took."""
        report = self.report
        by_status = Counter(result.status for result in report.results)
        parts = [f"{count(by_status[Status.PASS], 'check')} passed"]
        parts += [f"{by_status[Status.FAIL]} failed"] if by_status[Status.FAIL] else []
        parts += [f"{by_status[Status.UNKNOWN]} unknown"] if by_status[Status.UNKNOWN] else []
        parts += [_not_applicable(report.results)] if by_status[Status.NOT_APPLICABLE] else []
        parts += [f"{len(report.ignored)} ignored ({', '.join(report.ignored)})"] if report.ignored else []
        return self._wrapped(f"{', '.join(parts)}; took {report.run.duration_s:.2f} s")

    def subject(self) -> _Lines:
        """What was asked of which machine: the same machine may be fit for one stage and not for another."""
        run, tool = self.report.run, self.report.tool
        system = " ".join(word for word in (run.os.id, run.os.version_id) if word) or "unknown system"
        parts = [f"stage {run.stage.value}", run.profile.value, f"platform {run.platform.value}", system]
        parts += [f"kernel {run.kernel}"] if run.kernel else []
        parts += [f"{'disk image' if run.image else 'root'} {run.root}"] if run.root else []
        parts += ["files only"] if run.files_only else []
        parts += [] if run.privileged else ["unprivileged"]
        return self._wrapped(f"{', '.join(parts)}; {tool.name} {tool.version}")


def _verdict_sentence(report: Report) -> str:
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


def _of_cause(entry: CauseEntry, results: Sequence[Result]) -> list[_Named]:
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


def _by_fix(findings: Iterable[_Named]) -> list[list[_Named]]:
    """Findings with the same fix and the same commands together, in the order of their first."""
    groups: dict[tuple[str, tuple[str, ...]], list[_Named]] = {}
    for check, finding in findings:
        groups.setdefault((finding.fix, finding.commands), []).append((check, finding))
    return list(groups.values())


def _more(page_id: str) -> _Lines:
    """Where to read more; nothing for what is not an id, as in a report that somebody forged."""
    return [f"{INDENT}more: azpreflight explain {page_id}"] if _ID.fullmatch(page_id) else []


def _at_most(severity: Severity) -> str:
    return "" if severity is Severity.ERROR else f" (a {severity.value} at most)"


def _extension(one: ExtensionVerdict) -> str:
    return f"extension {one.name}: works: {one.will_work}, package: {one.package}; {one.why}"


def _not_applicable(results: Sequence[Result]) -> str:
    reasons = Counter(result.reason or "" for result in results if result.status is Status.NOT_APPLICABLE)
    named = [f"{reason}: {number}" for reason, number in reasons.most_common(REASONS)]
    rest = sum(reasons.values()) - sum(number for _, number in reasons.most_common(REASONS))
    named += [f"other reasons: {rest}"] if rest else []
    return f"{sum(reasons.values())} not applicable ({', '.join(named)})"
