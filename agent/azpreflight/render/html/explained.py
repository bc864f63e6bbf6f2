"""Logs without a report as a page: causes with their lines, the boot as a drawing, and what is not there."""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.explain.model import ExplainedLog, LogCause, LogMilestone
from azpreflight.model import Milestone
from azpreflight.render import explained as words
from azpreflight.render.html.boot import boot
from azpreflight.render.html.element import Child, Element, element, together
from azpreflight.render.html.page import badge, document, fix, page_link, printed, section
from azpreflight.text import count


def render(logs: tuple[ExplainedLog, ...]) -> str:
    """One page; of a log alone its boot is drawn too."""
    title = logs[0].file if len(logs) == 1 else count(len(logs), "log")
    head = together(element("p", "azpreflight explain-log", class_="tool"), element("h1", title))
    drawn = [boot(tuple(_milestones(logs[0].timeline)))] if len(logs) == 1 else []
    parts = [*(_log(place, log, alone=len(logs) == 1) for place, log in enumerate(logs)), *drawn]
    foot = element("p", "A log reports what failed, and seldom why: a cause is likely at best.")
    return document(f"azpreflight explain-log: {title}", head, parts, foot)


def _log(place: int, log: ExplainedLog, *, alone: bool) -> Element:
    lead = together(badge(log.verdict.value, log.verdict.value), " ", words.VERDICTS[log.verdict])
    return section(
        f"log-{place + 1}",
        words.KINDS[log.kind].capitalize() if alone else log.file,
        element("p", lead, class_="lead"),
        [element("p", line, class_="quiet") for line in words.about(log)],
        [_cause(cause) for cause in log.causes],
        [element("p", line) for line in words.progress(log)],
        _remarks(log),
    )


def _cause(cause: LogCause) -> Element:
    return element(
        "article",
        element("p", badge(cause.severity.value, cause.severity.value), " ", element("strong", cause.cause.value)),
        element("p", cause.summary, class_="message"),
        printed([f"{words.place(line)}: {line.text}" for line in cause.evidence], "Lines of the log"),
        element("p", f"{cause.confidence.value}: {cause.confidence_reason}", class_="quiet"),
        fix(cause.fix, cause.commands),
        page_link("causes", cause.cause.value),
        class_="card",
    )


def _remarks(log: ExplainedLog) -> Child:
    if not log.remarks:
        return None
    lines = [f"{remark.means}: {words.place(remark.evidence)}: {remark.evidence.text}" for remark in log.remarks]
    return together(element("h3", "Also in this log"), printed(lines, "Other lines of the log"))


def _milestones(timeline: tuple[LogMilestone, ...]) -> Iterator[Milestone]:
    """Those with a time, as the drawing takes them."""
    before = 0.0
    for mark in sorted((mark for mark in timeline if mark.at_s is not None), key=lambda mark: mark.at_s or 0.0):
        at = max(mark.at_s or 0.0, 0.0)
        yield Milestone(mark.milestone, at, round(at - before, 1), None)
        before = at
