"""A first boot as a drawing, as `systemd-analyze plot` draws one: what was reached when, and what is waited for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Optional

from azpreflight.engine.timeline import sentences
from azpreflight.model import Milestone
from azpreflight.render.html.drawing import NARROW, WIDE, box, drawing, label, line, shortened
from azpreflight.render.html.element import Element, element, together
from azpreflight.render.html.page import section

TOP, ROW, BAR = 34, 30, 14
"""Heights of the axis, of a row, and of its bar."""
NAMES = 150
"""Units that the names take in the wide drawing; in the narrow one they stand above their bars."""
NARROW_ROW = 44
MARKS = 8
"""About as many marks of the axis."""
SLACK = 1.25
"""A limit is drawn if the axis grows by no more than this for it."""


def boot(milestones: Sequence[Milestone]) -> Element:
    """The section; nothing where nobody watched."""
    if not milestones:
        return together()
    told = sentences(tuple(milestones))
    return section(
        "boot",
        "First boot",
        [element("p", _sentence(one), class_="lead") for one in told[:1]],
        element("figure", _drawn(milestones, told, narrow=False), _drawn(milestones, told, narrow=True)),
        [element("p", _sentence(one)) for one in told[1:]],
    )


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _drawn(milestones: Sequence[Milestone], told: Sequence[str], *, narrow: bool) -> Element:
    axis = _Axis(milestones, narrow)
    row = NARROW_ROW if narrow else ROW
    height = TOP + row * len(milestones) + 6
    parts = list(axis.marks(height))
    before = 0.0
    for place, one in enumerate(milestones):
        parts += _row(one, before, axis, TOP + row * place)
        before = one.at_s if one.at_s is not None else before
    name = "boot-narrow" if narrow else "boot-wide"
    said = "; ".join(told)
    return drawing(name, axis.width, height, "Timeline of the first boot", said, parts, "narrow" if narrow else "wide")


class _Axis:
    """Seconds since boot across the drawing."""

    def __init__(self, milestones: Sequence[Milestone], narrow: bool) -> None:
        self.narrow = narrow
        self.width = NARROW if narrow else WIDE
        self.left = 0 if narrow else NAMES
        reached = max((one.at_s for one in milestones if one.at_s is not None), default=0.0)
        waited = max((one.waited_s for one in milestones if one.at_s is None), default=0.0)
        self.now = max(reached + waited, 1.0)
        limits = [one.allowed_s for one in milestones if one.allowed_s is not None]
        self.end = max([self.now, *(limit for limit in limits if limit <= self.now * SLACK)])

    def x(self, seconds: float) -> float:
        """Where this time is."""
        return self.left + (self.width - self.left - 12) * min(max(seconds, 0.0), self.end) / self.end

    def marks(self, height: float) -> Iterator[Element]:
        """Lines at round times, with the time above."""
        step = _round(self.end / (MARKS / 2 if self.narrow else MARKS))
        for place in range(int(self.end / step) + 1):
            x = self.x(place * step)
            yield line(x, TOP - 6, x, height, "grid")
            kind = "small" if place == 0 else "small middle" if place * step < self.end * 0.97 else "small end"
            yield label(x, TOP - 12, f"{place * step:g} s", kind)


def _round(step: float) -> float:
    """The next larger of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in (1, 2, 5, 10) if step <= power * factor * 1.0001)


def _row(one: Milestone, before: float, axis: _Axis, y: float) -> Iterator[Element]:
    reached = one.at_s is not None
    until = one.at_s if one.at_s is not None else axis.now
    late = one.allowed_s is not None and until > one.allowed_s
    bar_y = y + (22 if axis.narrow else 6)
    start, end = axis.x(before), axis.x(until)
    kind = ("bar" if reached else "bar waits") + (" late" if late else "")
    yield box(start, bar_y, max(end - start, 3), BAR, kind)
    if one.allowed_s is not None and one.allowed_s <= axis.end and (late or not reached):
        x = axis.x(one.allowed_s)
        yield line(x, bar_y - 4, x, bar_y + BAR + 4, "limit")
    said = _said(one)
    if axis.narrow:
        yield label(0, y + 15, shortened(f"{one.name}: {said}", 46), "name" if not late else "name late")
        return
    yield label(0, y + 18, one.name, "name")
    if end + 8 + 6.2 * len(said) < axis.width:
        yield label(end + 8, y + 18, said, "small")
    elif start - 8 - 6.2 * len(said) > axis.left:
        yield label(start - 8, y + 18, said, "small end")
    else:
        yield label(start + 8, y + 17, said, "on-bar")


def _said(one: Milestone) -> str:
    if one.at_s is not None:
        return f"{one.at_s:.1f} s (+{one.waited_s:.1f})"
    return f"not yet, {one.waited_s:.0f} s" + _allowed(one.allowed_s)


def _allowed(seconds: Optional[float]) -> str:
    return f" (limit {seconds:.0f} s)" if seconds is not None else ""
