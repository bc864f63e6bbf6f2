"""The program on a real terminal of a given width: what a person sees, as a screen and as a picture."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pexpect
import pyte
from PIL import Image, ImageDraw, ImageFont

from azpreflight.engine.timeline import timeline
from azpreflight.model import Report, Stage
from azpreflight.render import json
from tests.support.examples import whole_report
from tests.support.reports import READY, UNDECIDED

WIDTHS = (60, 80, 100, 120)
LINES = 600
"""Of a screen that is never scrolled."""
TIMEOUT = 60
"""Seconds for one run; it takes half a second."""
WATCHED = timeline({"address": 8.2, "default-route": 8.2, "imds": 11.9, "wire-server": 301.0}, 1350.0)
NAMES = ("healthy", "forced-tunnel", "guest-firewall", "not-generalised", "first-boot")
FONTS = Path("/usr/share/fonts/truetype/dejavu")
SIZE = 14
"""Of the font, in pixels."""
PALETTE = {
    "default": "#d4d4d4",
    "red": "#f14c4c",
    "brown": "#e5c07b",
    "green": "#98c379",
    "blue": "#61afef",
}
"""pyte calls yellow brown."""
BACKGROUND = "#1e1e1e"


def report(name: str) -> Report:
    """One of the five."""
    if name == "healthy":
        return READY
    if name == "first-boot":
        return replace(UNDECIDED, timeline=WATCHED, run=replace(UNDECIDED.run, stage=Stage.FIRSTBOOT))
    checks = {"forced-tunnel": "path-tunnel", "guest-firewall": "firewall-wireserver", "not-generalised": "gen-users"}
    return whole_report(checks[name])


def saved(name: str, folder: Path) -> Path:
    """The report as a file."""
    path = folder / f"{name}.json"
    path.write_text(json.render(report(name)))
    return path


def screen(arguments: Sequence[str], width: int, environment: Mapping[str, str] | None = None) -> pyte.Screen:
    """What stands on a terminal once the program has ended."""
    surroundings = {
        key: value
        for key, value in os.environ.items()
        if "COLOR" not in key and key not in ("TMUX", "STY", "COLUMNS", "LINES")
    }
    child = pexpect.spawn(
        sys.executable,
        ["-m", "azpreflight", *arguments],
        dimensions=(LINES, width),
        env={**surroundings, "TERM": "xterm-256color", **(environment or {})},
        timeout=TIMEOUT,
    )
    written = child.read()
    child.close()
    shown = pyte.Screen(width, LINES)
    pyte.ByteStream(shown).feed(written)
    return shown


def lines(shown: pyte.Screen) -> list[str]:
    """Its text without what is empty at the end."""
    rows = [row.rstrip() for row in shown.display]
    return rows[: max((at + 1 for at, row in enumerate(rows) if row), default=0)]


def colors(shown: pyte.Screen) -> set[str]:
    """Colors of its letters, but for the terminal's own."""
    cells = (shown.buffer[row][column] for row in range(LINES) for column in range(shown.columns))
    return {cell.fg for cell in cells if cell.data.strip()} - {"default"}


def picture(shown: pyte.Screen) -> Image.Image:
    """As a terminal with a dark background draws it."""
    fonts = {
        bold: ImageFont.truetype(str(FONTS / f"DejaVuSansMono{'-Bold' if bold else ''}.ttf"), SIZE)
        for bold in (False, True)
    }
    wide, high = int(fonts[False].getbbox("M")[2]), SIZE + 4
    rows = max(len(lines(shown)), 1)
    image = Image.new("RGB", (shown.columns * wide + 16, rows * high + 16), BACKGROUND)
    draw = ImageDraw.Draw(image)
    for row in range(rows):
        for column in range(shown.columns):
            cell = shown.buffer[row][column]
            at = (8 + column * wide, 8 + row * high)
            draw.text(at, cell.data, font=fonts[cell.bold], fill=PALETTE.get(cell.fg, PALETTE["default"]))
    return image
