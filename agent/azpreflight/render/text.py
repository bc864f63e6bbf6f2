"""The report as text for a person at a terminal: the verdict, the causes in order, what is unknown, the counts. ASCII.

A cause has its findings below it, each with its own fix and commands; symptoms are one line; what passed is a number. A
healthy machine gets a few lines.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.engine import timeline, waivers
from azpreflight.engine.baseline import sentences
from azpreflight.model import CauseEntry, Finding, Report, Result, Status
from azpreflight.render import arrangement, firewall_dump, routing_dump
from azpreflight.render.arrangement import SAID, Named
from azpreflight.shell import folded
from azpreflight.text import WIDTH, count, printable, wrapped

INDENT = "  "
SHOWN = 10
"""Findings of one cause that are shown; the JSON has all."""
EVIDENCE = 2
"""Lines of the agents' logs that are shown for a cause; the JSON has them all."""
_PAINT = {"error": "1;31", "warning": "1;33", "NOT READY": "1;31", "UNDECIDED": "1;33", "READY": "1;32"}
_MARK = {
    Status.PASS: "[PASS]",
    Status.FAIL: "[FAIL]",
    Status.UNKNOWN: "[UNKN]",
    Status.NOT_APPLICABLE: "[N/A ]",
}

_Lines = list[str]


def render(
    report: Report,
    *,
    verbose: bool = False,
    quiet: bool = False,
    color: bool = False,
    links: bool = False,
    width: int = WIDTH,
    fold: bool = False,
) -> str:
    """The report. `quiet`: the verdict alone. `verbose`: every check, routes and rules. `color`: with colors.
    `links`: ids of pages are links to them (OSC 8).
    `width`: columns of a line; a longer word, such as a path, stays whole so that it can be copied. `fold`: a command
    that is longer is folded, as on a terminal, and not left as one line.
    """
    page = _Page(report, color, links, width, fold, None if verbose else SHOWN)
    if quiet:
        return "\n".join(page.verdict()) + "\n"
    found = [
        *(page.cause(entry) for entry in report.causes),
        *page.without_cause(),
        page.since_capture(),
        page.timeline(),
        page.unknown(),
        page.extensions(every=verbose),
        *((page.every_check(), routing_dump.lines(report.facts), firewall_dump.lines(report.facts)) if verbose else ()),
    ]
    end = [*page.counts(), *page.subject()]
    blocks = [page.verdict(), *found, end] if any(found) else [[*page.verdict(), *end]]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


@dataclass(frozen=True)
class _Page:
    """One report on its way to lines."""

    report: Report
    color: bool
    links: bool
    width: int
    fold: bool
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
        return self._headed(arrangement.verdict_word(self.report), arrangement.verdict_sentence(self.report))

    # where to read more

    def _more(self, folder: str, page_id: str) -> _Lines:
        """The page, here and on the web; nothing for what is not an id, as in a report that somebody forged."""
        address = arrangement.address(folder, page_id)
        if address is None:
            return []
        if self.links:
            return [f"{INDENT}more: azpreflight explain {_link(page_id, address)}"]
        if len(address) + len(INDENT * 2) > self.width:
            return [f"{INDENT}more: azpreflight explain {page_id}"]
        return self._wrapped(f"more: azpreflight explain {page_id}, or {address}", INDENT)

    # what failed

    def cause(self, entry: CauseEntry) -> _Lines:
        """A cause, its findings with their fixes, and what it explains."""
        findings = arrangement.findings_of(entry, self.report.results)
        lines = self._headed(entry.severity.value, entry.cause.value)
        for number, group in enumerate(arrangement.by_fix(findings[: self.most])):
            lines += self._group(group, entry, first=number == 0)
        more = len(findings[self.most :]) if self.most is not None else 0
        lines += self._wrapped(f"and {count(more, 'more finding')} of this cause", INDENT) if more else []
        for line in entry.evidence[:EVIDENCE]:
            lines += self._wrapped(f"log evidence: {line}", INDENT)
        if entry.symptoms:
            lines += self._wrapped(f"explains: {', '.join(entry.symptoms)}", INDENT)
        return [*lines, *self._more("causes", entry.cause.value)]

    def _group(self, group: Sequence[Named], entry: CauseEntry, first: bool) -> _Lines:
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
        first, rest = f"{indent}{INDENT}$ ", f"{indent}{INDENT * 3}"
        width = self.width if self.fold else sys.maxsize
        commands = [line for one in finding.commands for line in folded(printable(one), first, rest, width)]
        label = "" if finding.fix.startswith(SAID) else "fix: "
        return [*self._wrapped(f"{label}{finding.fix}", indent), *commands]

    def without_cause(self) -> list[_Lines]:
        """What failed, stands for no cause and is a symptom of none: a block a check."""
        return [
            [
                *self._headed(finding.severity.value, f"{check}: {finding.message}"),
                *self._waived(finding, INDENT),
                *self._fix(finding, INDENT),
                *self._more("checks", check),
            ]
            for check, finding in arrangement.without_cause(self.report.results)
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
        return [
            line
            for severity, reason, checks in arrangement.unknown(self.report.results)
            for line in self._wrapped(f"unknown: {', '.join(checks)}: {reason}{arrangement.at_most(severity)}")
        ]

    def extensions(self, every: bool) -> _Lines:
        """The extensions that will not work, or of which that is not known."""
        return [
            line
            for one in self.report.extensions
            if every or one.will_work != "yes"
            for line in self._wrapped(arrangement.extension(one))
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
        return self._wrapped(arrangement.counts(self.report))

    def subject(self) -> _Lines:
        """What was asked of which machine: the same machine may be fit for one stage and not for another."""
        return self._wrapped(arrangement.subject(self.report))


def _link(words: str, address: str) -> str:
    """Words that lead to an address where the terminal knows such links, and words alone elsewhere (OSC 8)."""
    return f"\x1b]8;;{address}\x1b\\{words}\x1b]8;;\x1b\\"
