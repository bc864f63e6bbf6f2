"""Markup that cannot be made from text by accident: a string is always text, and only `element` makes an Element.

What is printed is 7-bit ASCII, as everywhere in azpreflight: whatever else stands in a name is written as an escape, so
that neither a control character nor a mark of writing direction reaches the browser.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Optional, Union

from azpreflight.dataclass import dataclass
from azpreflight.text import printable

EMPTY = frozenset(("meta", "input", "link", "br", "line", "rect", "circle", "path", "polyline", "use"))
"""Elements that have no content."""
_NAME = re.compile("[a-z][a-zA-Z0-9]*")
_ATTRIBUTE = re.compile("[a-zA-Z][a-zA-Z-]*[0-9]?")
_FORBIDDEN = ("style", "srcdoc", "src", "srcset", "action", "formaction", "ping", "background")
"""Attributes that load something, or that the page's own policy refuses."""
_LEADS = ("#", "https://")


@dataclass(frozen=True)
class Element:
    """Markup that is complete in itself."""

    markup: str


BREAK = Element("\n")
"""The end of a line in what keeps its lines."""
Child = Union[str, Element, None, Iterable["Child"]]
"""A string is text; None is nothing, for what is there only at times."""
Value = Union[str, int, float, bool, None]
"""True is an attribute without a value; False and None are none at all."""


def element(tag: str, *children: Child, **attributes: Value) -> Element:
    """One element. `class_` is class and `for_` is for; an underscore inside a name is a hyphen.

    ValueError, which is a bug of the caller's, for a name that is no name, an attribute that is or may load code, and
    an address that is neither of this page nor https.
    """
    if not _NAME.fullmatch(tag) or tag == "script":
        raise ValueError(f"no element of this page is called {tag!a}")
    head = f"<{tag}{''.join(_attribute(name, value) for name, value in attributes.items())}>"
    if tag in EMPTY:
        return Element(f"{head[:-1]}/>")
    return Element(f"{head}{''.join(_inside(child) for child in children)}</{tag}>")


def together(*children: Child) -> Element:
    """Several as one, without an element around them."""
    return Element("".join(_inside(child) for child in children))


def sheet(css: str) -> Element:
    """A style sheet, which is a constant of this package: its text is not escaped, so it may hold no end tag."""
    if "</" in css or "<!" in css:
        raise ValueError("a style sheet with markup in it")
    return Element(f"<style>{css}</style>")


def _inside(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Element):
        return child.markup
    if isinstance(child, str):
        return escape(printable(child))
    return "".join(_inside(one) for one in child)


def _attribute(name: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    if not _ATTRIBUTE.fullmatch(name) or name.startswith("on") or name in _FORBIDDEN:
        raise ValueError(f"no attribute of this page is called {name!a}")
    if value is True:
        return f" {name}"
    if name == "href" and not str(value).startswith(_LEADS):
        raise ValueError(f"an address that is neither of this page nor https: {value!a}")
    return f' {name}="{escape(printable(str(value)))}"'


def classes(*names: Optional[str]) -> str:
    """The value of a class attribute, without those that are None."""
    return " ".join(name for name in names if name)
