"""Inline drawings (SVG) from few shapes; their colours are classes of the style sheet: the policy allows no others."""

from __future__ import annotations

from azpreflight.render.html.element import Child, Element, element

WIDE, NARROW = 960, 340
"""Units across: about as many pixels on a screen, and on a phone."""


def drawing(name: str, width: float, height: float, title: str, said: str, parts: Child, kind: str) -> Element:
    """One drawing, with a title and a description for who does not see it. `kind` is its class."""
    return element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", said, id=f"{name}-said"),
        parts,
        viewBox=f"0 0 {width:g} {height:g}",
        class_=kind,
        role="img",
        aria_labelledby=f"{name}-title {name}-said",
    )


def box(x: float, y: float, width: float, height: float, kind: str, title: Child = None) -> Element:
    """A rectangle with round corners; `title` is a text that is shown for it."""
    return _shape("rect", title, x=_n(x), y=_n(y), width=_n(max(width, 0)), height=_n(height), rx="4", class_=kind)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Element:
    """A straight line."""
    return element("line", x1=_n(x1), y1=_n(y1), x2=_n(x2), y2=_n(y2), class_=kind)


def dot(x: float, y: float, radius: float, kind: str) -> Element:
    """A circle."""
    return element("circle", cx=_n(x), cy=_n(y), r=_n(radius), class_=kind)


def label(x: float, y: float, text: str, kind: str) -> Element:
    """A line of text that begins at x, or has its middle (class middle) or its end (class end) there."""
    return element("text", text, x=_n(x), y=_n(y), class_=kind)


def tick(x: float, y: float, size: float) -> Element:
    """The mark of what is in order."""
    turn = f"M{_n(x - size / 2)} {_n(y)}l{_n(size / 3)} {_n(size / 3)} {_n(size * 0.6)} {_n(-size * 0.7)}"
    return element("g", dot(x, y, size, "mark open"), element("path", d=turn, class_="sign"))


def cross(x: float, y: float, size: float) -> Element:
    """The mark of an end."""
    arm = size * 0.4
    left, right, above, below = _n(x - arm), _n(x + arm), _n(y - arm), _n(y + arm)
    turn = f"M{left} {above}L{right} {below}M{right} {above}L{left} {below}"
    return element("g", dot(x, y, size, "mark shut"), element("path", d=turn, class_="sign"))


def unsure(x: float, y: float, size: float) -> Element:
    """The mark of what is not known."""
    return element("g", dot(x, y, size, "mark unknown"), label(x, y + size * 0.45, "?", "sign middle"))


def shortened(text: str, most: int) -> str:
    """The text in at most so many characters; the whole stands elsewhere on the page."""
    return text if len(text) <= most else text[: most - 3] + "..."


def _shape(tag: str, title: Child, **attributes: str) -> Element:
    if title is None:
        return element(tag, **attributes)
    return element("g", element("title", title), element(tag, **attributes))


def _n(value: float) -> str:
    """A number as short as it can be."""
    return f"{value:.1f}".rstrip("0").rstrip(".")
