"""All checks, which radio buttons filter by status without a script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from azpreflight.model import Finding, Result, Status
from azpreflight.render import arrangement
from azpreflight.render.html.element import Child, Element, element, together
from azpreflight.render.html.page import badge, check_link, fix, folded, page_link, section
from azpreflight.text import count

WORDS = {
    Status.FAIL: ("failed", "fail"),
    Status.UNKNOWN: ("unknown", "unknown"),
    Status.PASS: ("passed", "pass"),
    Status.NOT_APPLICABLE: ("not applicable", "na"),
}
"""In the order in which they are shown: the word, and its class."""

MOST = 50
"""Findings of one check that are shown; the JSON has all."""


def checks(results: Sequence[Result]) -> Element:
    """The section with every check; nothing where there is no result."""
    if not results:
        return together()
    found = Counter(result.status for result in results)
    order = list(WORDS)
    rows = sorted(results, key=lambda result: order.index(result.status))
    return section(
        "checks",
        "All checks",
        element(
            "fieldset",
            element("legend", "Show"),
            [
                _choice(WORDS[status], found[status], chosen=status is rows[0].status)
                for status in WORDS
                if found[status]
            ],
            _choice(("all", "all"), len(results)),
            class_="filter",
        ),
        element("div", [_check(one) for one in rows], class_="rows"),
    )


def _choice(said: tuple[str, str], number: int, chosen: bool = False) -> Element:
    """One of the buttons; what is worst is chosen, and a check that a link leads to is shown whatever is chosen."""
    word, kind = said
    name = f"show-{kind}"
    return together(
        element("input", type="radio", name="show", id=name, checked=chosen),
        element("label", f"{word} ({number})", for_=name),
    )


def _check(result: Result) -> Element:
    word, kind = WORDS[result.status]
    summary = together(
        badge(word, kind),
        " ",
        element("span", result.check, class_="id"),
        " ",
        element("span", _told(result), class_="title"),
    )
    name = f"check-{result.check}" if arrangement.is_id(result.check) else None
    return folded(
        summary,
        element("p", result.reason) if result.reason else None,
        [_finding(one) for one in result.findings[:MOST]],
        _left(len(result.findings) - MOST),
        _because(result.because_of),
        element("p", f"probe {result.probe}, {result.duration_s:.3f} s", class_="quiet"),
        page_link("checks", result.check),
        kind=f"check {kind}",
        name=name,
    )


def _left(number: int) -> Child:
    return (
        element("p", f"and {count(number, 'more finding')}, see --format json", class_="quiet") if number > 0 else None
    )


def _told(result: Result) -> str:
    """What a line of the list says: the title is true of a pass alone."""
    if result.findings:
        more = len(result.findings) - 1
        return arrangement.message_of(result.findings[0]) + (f" (and {more} more)" if more else "")
    return result.title if result.status is Status.PASS else result.reason or result.title


def _finding(one: Finding) -> Element:
    return element(
        "div",
        element("p", badge(one.severity.value, one.severity.value), " ", arrangement.message_of(one), class_="message"),
        fix(one.fix, one.commands),
        class_="finding",
    )


def _because(checks_behind: Sequence[str]) -> Child:
    if not checks_behind:
        return None
    links: list[Child] = []
    for check in checks_behind:
        links += [", " if links else None, check_link(check)]
    return element("p", "Because of ", links, ".")
