"""Markdown as a real parser of it sees it."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from azpreflight.render import markdown
from azpreflight.render.arrangement import DOCUMENTATION
from azpreflight.text import printable
from tests.support.hostile_reports import EVERY, hostile
from tests.support.reports import BROKEN, READY, RULE

GFM = MarkdownIt("gfm-like")
assert GFM.linkify is not None
GFM.linkify.set({"fuzzy_link": False})  # a bare name of a host is no link in the dialect of GitHub
OURS = {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "strong", "a", "code", "pre", "hr"}
OURS |= {"span", "br"}


class Page(HTMLParser):
    """The elements of a page, its text, and where its links lead."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(GFM.render(source))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_verdict_the_causes_and_their_fixes() -> None:
    page = Page(markdown.render(BROKEN))
    assert page.text.startswith("NOT READY: this VM fails")
    for said in (RULE.message, RULE.fix, *RULE.commands, "Could not", "gen-users", "/etc/shadow"):
        assert said in page.text
    assert {"h2", "table", "pre", "a"} <= page.tags <= OURS
    assert f"{DOCUMENTATION}/causes/guest-firewall/" in page.links
    assert "pre" not in Page(markdown.render(READY)).tags


@given(st.text())
def test_any_text_is_shown_as_it_is(foreign: str) -> None:
    """Word for word, in a paragraph and within a table, and nothing of it is markup."""
    shown = " ".join(printable(foreign).split())
    for source in (f"- **x** {markdown.text(foreign)}", f"| a |\n| - |\n| x {markdown.text(foreign)} |"):
        page = Page(source)
        assert " ".join(page.text.split()).endswith(shown)
        assert page.links == []
        assert page.tags <= {"ul", "li", "strong", "table", "thead", "tbody", "tr", "th", "td", "span"}


@pytest.mark.parametrize("text", EVERY)
def test_hostile_text_stays_text(text: str) -> None:
    page = Page(markdown.render(hostile(text)))
    assert page.tags <= OURS
    assert [link for link in page.links if not link.startswith(DOCUMENTATION)] == []


def test_nobody_is_mentioned() -> None:
    """What GitHub and GitLab make a mention or a reference of never stands beside its name."""
    said = markdown.render(hostile("@everyone #12"))
    assert "@everyone" not in said.replace("\n$", "").split("```")[0] and "#12" not in said.split("```")[0]


def test_what_begins_with_www_is_no_link() -> None:
    """GFM makes one of it (its specification, extended www autolink), where the parser of this test does not."""
    assert markdown.text("see WWW.example.org, a//b and c.d") == (
        "see WWW<span>.</span>example.org, a/<span>/</span>b and c.d"
    )


def test_a_command_cannot_leave_its_block() -> None:
    evil = replace(RULE, commands=("echo ```` \n```",))
    results = (replace(BROKEN.results[0], findings=(evil,)),)
    page = Page(markdown.render(replace(BROKEN, results=results)))
    assert "echo ```` \\n```" in page.text
