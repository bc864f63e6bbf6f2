"""What was got back out of serial console logs as a page. What a log says is to be done is shown as its words."""

from __future__ import annotations

from collections.abc import Sequence

from azpreflight.console.decode import Condition, Recovered
from azpreflight.model import CauseEntry, Report
from azpreflight.render import arrangement
from azpreflight.render.decoded import Log, as_said, lost, report_of, why_none
from azpreflight.render.html import report as page
from azpreflight.render.html.element import Element, element, together
from azpreflight.render.html.page import badge, document, fix, folded, page_link, section
from azpreflight.text import count


def render(logs: tuple[Log, ...]) -> str:
    """One page: a report alone as a page of its own, several as short as their causes."""
    read = [(log, report) for log in logs for one in log.decoded.reports if (report := report_of(one)) is not None]
    if len(logs) == 1 and len(read) == 1:
        log, report = read[0]
        return page.render(as_said(report, log.name), _log_head(log))
    number = sum(len(log.decoded.reports) for log in logs)
    title = f"{count(number, 'report')} in {count(len(logs), 'log')}"
    head = together(element("p", "azpreflight decode", class_="tool"), element("h1", title))
    parts = [_log(place, log) for place, log in enumerate(logs)]
    return document(
        f"azpreflight decode: {title}", head, parts, element("p", "The newest report of a log is the first.")
    )


def _log_head(log: Log) -> Element:
    recovered = log.decoded.reports[0]
    lines = [f"{log.name}: report {recovered.id}, {_condition(recovered)}", *_notes(log)]
    lines += [f"left out by the machine: {', '.join(recovered.omitted)}"] if recovered.omitted else []
    return together(element("p", line, class_="quiet") for line in lines)


def _log(place: int, log: Log) -> Element:
    notes = [*_notes(log), *([why_none(log)] if not log.decoded.reports else [])]
    return section(
        f"log-{place + 1}",
        log.name,
        [element("p", note, class_="quiet") for note in notes],
        [_recovered(one, log.name, newest=number == 0) for number, one in enumerate(log.decoded.reports)],
    )


def _notes(log: Log) -> list[str]:
    """What of the log was not inspected, or could not be brought back."""
    notes = [f"not inspected: {log.unread}"] if log.unread else []
    notes += [f"not inspected: {count(log.decoded.skipped, 'older report')}"] if log.decoded.skipped else []
    return [*notes, *(f"a report that is lost, {lost(frame)}" for frame in log.decoded.damaged)]


def _recovered(recovered: Recovered, log: str, *, newest: bool) -> Element:
    report = report_of(recovered)
    if report is None:
        return element("p", f"report {recovered.id} is of a version that this one cannot read")
    head = together(
        badge(arrangement.verdict_word(report), report.verdict.value), " ", arrangement.verdict_sentence(report)
    )
    inside = _brief(as_said(report, log), recovered)
    if newest:
        return element("article", element("h3", head), inside, class_="card")
    return folded(head, inside, kind="card")


def _brief(report: Report, recovered: Recovered) -> list[Element]:
    lines = [f"report {recovered.id}, {report.run.started_at}, {_condition(recovered)}", arrangement.subject(report)]
    lines += [f"left out by the machine: {', '.join(recovered.omitted)}"] if recovered.omitted else []
    return [*(element("p", line, class_="quiet") for line in lines), *_causes(report.causes)]


def _causes(entries: Sequence[CauseEntry]) -> list[Element]:
    return [
        element(
            "div",
            element("p", badge(one.severity.value, one.severity.value), " ", element("strong", one.cause.value)),
            element("p", one.summary, class_="message"),
            element("p", f"{one.confidence.value}: {one.confidence_reason}", class_="quiet"),
            fix(one.fix, one.commands),
            page_link("causes", one.cause.value),
            class_="group",
        )
        for one in entries
    ]


def _condition(recovered: Recovered) -> str:
    if recovered.condition is Condition.COMPLETE:
        return f"complete ({count(recovered.lines, 'line')})"
    return (
        f"repaired: {recovered.lost} of {count(recovered.lines, 'line')} lost, {recovered.joined} mixed with other text"
    )
