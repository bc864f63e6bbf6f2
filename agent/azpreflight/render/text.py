"""The report as text for a person: the verdict, the causes and how to mend them, then what is left. ASCII, 100 columns.

Symptoms are one line under their cause; what passed is a number. A machine that is well gets a few lines.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from azpreflight.engine import timeline
from azpreflight.engine.baseline import sentences
from azpreflight.model import CauseEntry, ExtensionVerdict, Finding, Readiness, Report, Result, Severity, Stage, Status
from azpreflight.text import printable, wrapped

INDENT = " " * 9
"""As wide as "warning" and two blanks: what belongs to a severity stands to the right of it."""
DEEPER = INDENT + "  "
WITNESSES = 2
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


def render(report: Report, *, verbose: bool = False, quiet: bool = False, color: bool = False) -> str:
    """The report; `quiet` is the verdict alone, `verbose` lists every check, `color` marks what is bad."""
    verdict = _verdict(report, color)
    if quiet:
        return "\n".join(verdict) + "\n"
    wrong = [
        *(_cause(entry, report.results, color) for entry in report.causes),
        _no_cause(report.results, color),
        _since_capture(report),
        _timeline(report),
        _undecided(report.results),
        _extensions(report.extensions, verbose),
        _every_check(report.results) if verbose else [],
    ]
    end = [*_counts(report), *_asked(report)]
    blocks = [verdict, *wrong, end, _hints(report)] if any(wrong) else [[*verdict, *end]]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _painted(lines: _Lines, word: str, color: bool) -> _Lines:
    """The lines, the word that they begin with in its colour."""
    if not color or word not in _PAINT:
        return lines
    return [f"\x1b[{_PAINT[word]}m{word}\x1b[0m{lines[0][len(word) :]}", *lines[1:]]


def _headed(severity: Severity, text: str, color: bool) -> _Lines:
    return _painted(wrapped(text, f"{severity.value:<9}", INDENT), severity.value, color)


def _number(count: int, word: str) -> str:
    return f"{count} {word}" + ("" if count == 1 else "s")


def _severe_first(findings: "Iterable[tuple[str, Finding]]") -> "list[tuple[str, Finding]]":
    return sorted(findings, key=lambda item: -item[1].severity.rank)


# --- the verdict --------------------------------------------------------------------------------------------------


def _verdict(report: Report, color: bool) -> _Lines:
    word = report.verdict.value.upper().replace("-", " ")
    return _painted(wrapped(f"{word}: {_verdict_sentence(report)}"), word, color)


def _verdict_sentence(report: Report) -> str:
    subject = "this VM" if report.run.stage is Stage.FIRSTBOOT else "a VM from this image"
    if report.verdict is Readiness.NOT_READY:
        errors = [entry.cause.value for entry in report.causes if entry.severity is Severity.ERROR]
        return f"{subject} fails, or will fail, because of {', '.join(errors)}"
    if report.verdict is Readiness.UNDECIDED:
        blind = sum(result.status is Status.UNKNOWN and result.severity is Severity.ERROR for result in report.results)
        return f"no error was found, but {_number(blind, 'check')} whose failure would be one could not look"
    if all(result.status is Status.NOT_APPLICABLE for result in report.results):
        return "none of the checks applies here, so nothing is known"
    severities = Counter(finding.severity for result in report.results for finding in result.findings)
    lesser = [_number(severities[s], s.value) for s in (Severity.WARNING, Severity.NOTE) if severities[s]]
    return f"nothing was found that stops {subject}" + (f" ({', '.join(lesser)})" if lesser else "")


# --- what failed --------------------------------------------------------------------------------------------------


def _cause(entry: CauseEntry, results: "Sequence[Result]", color: bool) -> _Lines:
    lines = _headed(entry.severity, f"{entry.cause.value} ({entry.check}): {entry.summary}", color)
    lines += wrapped(f"{entry.confidence.value}: {entry.confidence_reason}", INDENT, DEEPER)
    lines += _fix(entry.fix, entry.commands)
    for check, finding in _others(entry, results):
        lesser = "" if finding.severity is entry.severity else f", a {finding.severity.value}"
        lines += wrapped(f"also {check}{lesser}: {finding.message}", INDENT, DEEPER)
    for line in entry.evidence[:WITNESSES]:
        lines += wrapped(f"seen: {line}", INDENT, DEEPER)
    if entry.symptoms:
        lines += wrapped(f"explains {', '.join(entry.symptoms)}", INDENT, DEEPER)
    return lines


def _fix(fix: str, commands: "Sequence[str]") -> _Lines:
    label = "" if fix.startswith(SAID) else "fix: "
    return [*wrapped(f"{label}{fix}", INDENT, DEEPER), *(f"{DEEPER}$ {printable(command)}" for command in commands)]


def _others(entry: CauseEntry, results: "Sequence[Result]") -> "list[tuple[str, Finding]]":
    """The findings of this cause besides the one that its entry speaks of."""
    findings = _severe_first(
        (result.check, finding)
        for result in results
        if result.cause is entry.cause and not result.because_of
        for finding in result.findings
    )
    spoken_of = next(
        (item for item in findings if item[0] == entry.check and entry.summary.startswith(item[1].message)), None
    )
    return [item for item in findings if item is not spoken_of]


def _no_cause(results: "Sequence[Result]", color: bool) -> _Lines:
    """What failed, stands for no cause and is a symptom of none."""
    alone = _severe_first(
        (result.check, finding)
        for result in results
        if result.cause is None and not result.because_of
        for finding in result.findings
    )
    return [
        line
        for check, finding in alone
        for line in (
            *_headed(finding.severity, f"{check}: {finding.message}", color),
            *_fix(finding.fix, finding.commands),
        )
    ]


def _since_capture(report: Report) -> _Lines:
    """What passed when the image was sealed: whose the fault is not."""
    return [line for sentence in sentences(report.since_capture) for line in wrapped(sentence, rest=INDENT)]


def _timeline(report: Report) -> _Lines:
    """How far a first boot has come, where the daemon watched it."""
    return [line for sentence in timeline.sentences(report.timeline) for line in wrapped(sentence, rest=INDENT)]


def _undecided(results: "Sequence[Result]") -> _Lines:
    """What could not look, the checks with one reason together, those first whose failure would be an error."""
    groups: dict[tuple[Severity, str], list[str]] = {}
    for result in results:
        if result.status is Status.UNKNOWN and result.severity is not None:
            groups.setdefault((result.severity, result.reason or ""), []).append(result.check)
    ordered = sorted(groups.items(), key=lambda item: -item[0][0].rank)
    return [
        line
        for (severity, reason), checks in ordered
        for line in wrapped(f"{', '.join(checks)}: {reason}{_at_most(severity)}", f"{'unknown':<9}", INDENT)
    ]


def _at_most(severity: Severity) -> str:
    return "" if severity is Severity.ERROR else f" (a {severity.value} at most)"


def _extensions(extensions: "Sequence[ExtensionVerdict]", verbose: bool) -> _Lines:
    told = [extension for extension in extensions if verbose or extension.will_work != "yes"]
    return [
        line
        for extension in told
        for line in wrapped(
            f"extension {extension.name}: works: {extension.will_work}, package: {extension.package}; {extension.why}",
            rest=INDENT,
        )
    ]


# --- all of it ----------------------------------------------------------------------------------------------------


def _every_check(results: "Sequence[Result]") -> _Lines:
    return [line for result in results for line in _one_check(result)]


def _one_check(result: Result) -> _Lines:
    mark = _MARK[result.status]
    said = result.title if result.status is Status.PASS else result.reason or ""
    lines = wrapped(f"{result.check}: {said}" if said else result.check, f"{mark} ", " " * 7)
    for finding in result.findings:
        lines += wrapped(f"{finding.severity.value}: {finding.message}", INDENT, DEEPER)
        lines += _fix(finding.fix, finding.commands)
    if result.because_of:
        lines += wrapped(f"because of {', '.join(result.because_of)}", INDENT, DEEPER)
    return lines


def _counts(report: Report) -> _Lines:
    by_status = Counter(result.status for result in report.results)
    parts = [f"{_number(by_status[Status.PASS], 'check')} passed"]
    parts += [f"{by_status[Status.FAIL]} failed"] if by_status[Status.FAIL] else []
    parts += [f"{by_status[Status.UNKNOWN]} could not look"] if by_status[Status.UNKNOWN] else []
    parts += [_not_applicable(report.results)] if by_status[Status.NOT_APPLICABLE] else []
    parts += [f"{len(report.ignored)} ignored ({', '.join(report.ignored)})"] if report.ignored else []
    return wrapped(f"{', '.join(parts)}; looked for {report.run.duration_s:.2f} s")


def _not_applicable(results: "Sequence[Result]") -> str:
    reasons = Counter(result.reason or "" for result in results if result.status is Status.NOT_APPLICABLE)
    told = [f"{reason}: {count}" for reason, count in reasons.most_common(REASONS)]
    rest = sum(reasons.values()) - sum(count for _, count in reasons.most_common(REASONS))
    told += [f"other reasons: {rest}"] if rest else []
    return f"{sum(reasons.values())} not applicable ({', '.join(told)})"


def _asked(report: Report) -> _Lines:
    """What was asked of which machine: the same machine may be fit for one stage and not for another."""
    run = report.run
    system = " ".join(word for word in (run.os.id, run.os.version_id) if word) or "unknown system"
    parts = [f"stage {run.stage.value}", run.profile.value, f"platform {run.platform.value}", system]
    parts += [f"kernel {run.kernel}"] if run.kernel else []
    parts += [f"{'disk image' if run.image else 'root'} {run.root}"] if run.root else []
    parts += ["files only"] if run.files_only else []
    parts += [] if run.privileged else ["unprivileged"]
    return wrapped(f"{', '.join(parts)}; {report.tool.name} {report.tool.version}")


def _hints(report: Report) -> _Lines:
    """Where to read more about what failed."""
    alone = [result.check for result in report.results if result.findings and result.cause is None]
    ids = [*(entry.cause.value for entry in report.causes), *alone]
    return [f"azpreflight explain {name}" for name in dict.fromkeys(ids) if _ID.fullmatch(name)]
