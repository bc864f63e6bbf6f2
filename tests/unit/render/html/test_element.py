"""Markup: what is a string is text, wherever it stands."""

from __future__ import annotations

import ast
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.render.html import element as module
from azpreflight.render.html.element import classes, element, sheet, together
from azpreflight.text import printable

FOLDER = Path(module.__file__ or "").parent


class Read(HTMLParser):
    """What a browser reads: the tags in order, their attributes, and the text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text())
def test_a_string_is_text(foreign: str) -> None:
    """As a child and as the value of an attribute: it arrives word for word, in printable ASCII."""
    read = Read(element("p", foreign, title=foreign).markup)
    assert read.tags == ["p"] and read.text == printable(foreign)
    assert read.attributes == [("title", printable(foreign))]


def test_children_and_attributes() -> None:
    made = element("p", "a", None, [element("b", "c"), ["d"]], class_="x", aria_label="y", hidden=True, id=None)
    assert made.markup == '<p class="x" aria-label="y" hidden>a<b>c</b>d</p>'
    assert together("<", element("i")).markup == "&lt;<i></i>"
    assert element("line", x1=1).markup == '<line x1="1"/>'
    assert classes("a", None, "b") == "a b"


@pytest.mark.parametrize("attribute", ["onclick", "onload", "style", "src", "srcdoc", "action", "formaction"])
def test_what_runs_or_loads_is_no_attribute(attribute: str) -> None:
    with pytest.raises(ValueError, match="no attribute"):
        element("a", "x", **{attribute: "y"})


@pytest.mark.parametrize("address", ["javascript:alert(1)", " https://x", "data:,x", "//x", "http://x", ""])
def test_what_is_neither_of_the_page_nor_https_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match="an address"):
        element("a", "x", href=address)


def test_no_script_and_no_tag_out_of_text() -> None:
    for tag in ("script", "a b", "p onclick", "<p"):
        with pytest.raises(ValueError, match="no element"):
            element(tag)
    with pytest.raises(ValueError, match="markup"):
        sheet("</style><script>")


def test_only_one_module_makes_markup() -> None:
    """Elsewhere an Element comes from a function that escapes: nobody puts a text into one."""
    makers = {
        path.name
        for path in FOLDER.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Element"
    }
    assert makers == {"element.py"}
