"""Why it fails: each cause with findings, evidence, fix and commands; then what else is wrong, or not known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Optional

from azpreflight.model import CauseEntry, ExtensionVerdict, Finding, Result
from azpreflight.render import arrangement
from azpreflight.render.arrangement import Named
from azpreflight.render.html.element import Child, Element, element, together
from azpreflight.render.html.page import badge, check_link, fix, folded, page_link, section
from azpreflight.text import count

SHOWN, MOST = 10, 200
"""Fixes of one cause that are shown at once, the others being folded, and findings at all; the JSON has the rest."""


def causes(entries: Sequence[CauseEntry], results: Sequence[Result]) -> Element:
    """The section of the causes; nothing where there is none."""
    if not entries:
        return together()
    return section("causes", "Cause" if len(entries) == 1 else "Causes", [_cause(one, results) for one in entries])


def _cause(entry: CauseEntry, results: Sequence[Result]) -> Element:
    findings = arrangement.findings_of(entry, results)
    groups = arrangement.by_fix(findings[:MOST])
    shown, rest = groups[:SHOWN], groups[SHOWN:]
    return element(
        "article",
        element("h3", badge(entry.severity.value, entry.severity.value), " ", entry.cause.value),
        element(
            "p",
            element("strong", f"{entry.confidence.value}: "),
            entry.confidence_reason,
            class_="quiet",
        ),
        [_group(group, entry) for group in shown],
        folded(f"further fixes ({len(rest)})", [_group(group, entry) for group in rest]) if rest else None,
        _left(len(findings) - MOST),
        _evidence(entry.evidence),
        _explains(entry.symptoms),
        page_link("causes", entry.cause.value),
        class_=f"card {entry.severity.value}",
    )


def _left(number: int) -> Optional[Element]:
    said = f"and {count(number, 'more finding')} of this cause, see --format json"
    return element("p", said, class_="quiet") if number > 0 else None


def _group(group: Sequence[Named], entry: CauseEntry) -> Element:
    """Findings that one fix is for."""
    last = group[-1][1]
    return element(
        "div",
        [finding(check, one, lesser=one.severity is not entry.severity, entry=entry) for check, one in group],
        fix(last.fix, last.commands),
        class_="group",
    )


def finding(check: str, one: Finding, *, lesser: bool, entry: Optional[CauseEntry] = None) -> Element:
    """What is wrong, by which check, and what shows it. `lesser`: with its own severity."""
    own = entry is None or (one.confidence, one.confidence_reason) != (entry.confidence, entry.confidence_reason)
    return element(
        "div",
        element(
            "p",
            badge(one.severity.value, one.severity.value) if lesser else None,
            " " if lesser else None,
            arrangement.message_of(one),
            class_="message",
        ),
        element(
            "p",
            check_link(check),
            f" - {one.confidence.value}: {one.confidence_reason}" if own else None,
            class_="quiet",
        ),
        _details(one),
        class_="finding",
    )


def _details(one: Finding) -> Child:
    seen = {**({"flow": one.flow} if one.flow else {}), **one.evidence}
    if not seen:
        return None
    return element("dl", [element("div", element("dt", name), element("dd", said)) for name, said in seen.items()])


def _evidence(lines: Sequence[str]) -> Child:
    if not lines:
        return None
    return element(
        "div", element("p", "Log evidence:"), element("ul", [element("li", line) for line in lines], class_="log")
    )


def _explains(symptoms: Sequence[str]) -> Child:
    if not symptoms:
        return None
    links: list[Child] = []
    for symptom in symptoms:
        links += [", " if links else None, check_link(symptom)]
    return element("p", "Explains ", links, ".", class_="quiet")


def others(results: Sequence[Result]) -> Element:
    """Findings that stand for no cause."""
    found = arrangement.without_cause(results)
    if not found:
        return together()
    cards = [
        element(
            "article",
            finding(check, one, lesser=True),
            fix(one.fix, one.commands),
            page_link("checks", check),
            class_=f"card {one.severity.value}",
        )
        for check, one in found
    ]
    return section("others", "Other findings", cards)


def unknown(results: Iterable[Result]) -> Element:
    """What could not be determined, and why."""
    groups = arrangement.unknown(results)
    if not groups:
        return together()
    items = []
    for severity, reason, checks in groups:
        links: list[Child] = []
        for check in checks:
            links += [", " if links else None, check_link(check)]
        items.append(
            element(
                "li",
                element("p", reason or "no reason is known", arrangement.at_most(severity)),
                element("p", links, class_="quiet"),
            )
        )
    return section("unknown", "Could not be determined", element("ul", items, class_="unknown-list"))


def extensions(found: Sequence[ExtensionVerdict]) -> Element:
    """Whether each extension will install and work."""
    if not found:
        return together()
    kinds = {"yes": "pass", "no": "error"}
    rows = [
        element(
            "li",
            element(
                "p",
                badge(
                    {"yes": "works", "no": "does not work"}.get(one.will_work, "unknown"),
                    kinds.get(one.will_work, "unknown"),
                ),
                " ",
                element("strong", one.name),
            ),
            element("p", f"package: {one.package}; {one.why}", class_="quiet"),
        )
        for one in found
    ]
    return section("extensions", "Extensions", element("ul", rows, class_="plain-list"))
