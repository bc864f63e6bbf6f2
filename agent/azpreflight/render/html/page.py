"""What every page has: the document with its policy, sections, folded parts, commands to copy, and marks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Optional

from azpreflight.render import arrangement
from azpreflight.render.html.element import BREAK, Child, Element, classes, element, sheet, together
from azpreflight.render.html.style import CSS, HASH

POLICY = f"default-src 'none'; style-src '{HASH}'; base-uri 'none'; form-action 'none'"
"""Nothing is loaded, and nothing runs; the one style sheet is known by its hash."""


def document(title: str, head: Child, sections: Iterable[Element], foot: Child) -> str:
    """The whole page: verdict, contents, sections, and what it was made by."""
    kept = [one for one in sections if one.markup]
    page = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=POLICY),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="color-scheme", content="light dark"),
            element("meta", name="referrer", content="no-referrer"),
            element("title", title),
            sheet(CSS),
        ),
        element(
            "body",
            element("header", head),
            element("main", kept, id="main"),
            element("footer", foot),
        ),
        lang="en",
    )
    return f"<!DOCTYPE html>\n{page.markup}\n"


def section(name: str, title: str, *children: Child) -> Element:
    """A part of the page that can be jumped to."""
    return element(
        "section", element("h2", title, id=f"{name}-head"), children, id=name, aria_labelledby=f"{name}-head"
    )


def folded(summary: Child, *children: Child, kind: Optional[str] = None, name: Optional[str] = None) -> Element:
    """What is shown once it is asked for."""
    return element("details", element("summary", summary), children, class_=kind, id=name)


def badge(word: str, kind: str) -> Element:
    """A word as a mark."""
    return element("span", word, class_=f"badge {kind}")


def commands(lines: Sequence[str]) -> Optional[Element]:
    """Commands, each of which one click selects whole."""
    if not lines:
        return None
    inside = [together(element("code", line, class_="command"), "" if line is lines[-1] else BREAK) for line in lines]
    return element("pre", inside, class_="commands", tabindex="0", role="group", aria_label="Commands")


def printed(lines: Iterable[Child], said: str) -> Element:
    """Lines as a program printed them; `said` is what they are."""
    inside = [together(line, BREAK) for line in lines]
    return element("pre", inside, class_="printed", tabindex="0", role="group", aria_label=said)


def check_link(check: str) -> Child:
    """To the check on this page."""
    return element("a", check, href=f"#check-{check}") if arrangement.is_id(check) else check


def page_link(folder: str, page_id: str) -> Optional[Element]:
    """To the page of a check or a cause."""
    found = arrangement.address(folder, page_id)
    return element("p", element("a", f"About {page_id}", href=found), class_="more") if found else None


def fix(sentence: str, lines: Sequence[str]) -> Element:
    """What is to be done; words of a log are shown as that."""
    said = sentence.startswith(arrangement.SAID)
    return element(
        "div",
        element("p", None if said else element("strong", "Fix: "), sentence),
        commands(lines),
        class_=classes("fix", "quoted" if said else None),
    )
