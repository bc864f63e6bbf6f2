"""Files in nft's own language, as `nft -f` reads them (nft(8)): what they include, and where each rule stands.

Nothing is understood of a rule but where it begins and ends; the kernel counts the rules of a chain, and a file that
has as many in the same chain has them in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from azpreflight.firewall.boot.load_plan import Line, Reader

INCLUDE_PATH = "/etc"
"""Where nft looks for files without a path (its default; `--includepath` adds others)."""
NOT_FOLLOWED = "include-in-a-place-where-it-is-not-followed"
"""Instead of an include that is not on a line of its own: the loader refuses it, and never reads a file that it was not
given, which of an image's text would be one of this machine's."""
DEPTH = 16
"""Includes within includes; nft refuses more."""
MAX_INCLUDES = 500
"""Files of one image; a directory of them has a few dozen."""
DEEPEST = 8
"""Blocks within blocks that are told apart; a chain in a table is the second, and nft knows no third."""
MISSING = "/run/azpreflight/missing"
"""Stands for an included file that is not there, so that the loader fails as it would at boot."""
_INCLUDE = re.compile(r'^\s*include\s+"([^"]+)"\s*(?:;\s*)?(?:#.*)?$')
_HIDDEN_INCLUDE = re.compile(r"\binclude\b")


def included(reader: Reader, lines: Sequence[Line], within: tuple[str, ...] = ()) -> tuple[Line, ...]:
    """The lines with those of the included files in their places. A name with wildcards may stand for none. A file
    that includes itself, and one too many of them, is not followed."""
    whole: list[Line] = []
    for line in lines:
        if "include" not in line.text:
            whole.append(line)
            continue
        match = _INCLUDE.match(line.text)
        if match is None or len(within) >= DEPTH or reader.includes >= MAX_INCLUDES:
            whole.append(line._replace(text=_HIDDEN_INCLUDE.sub(NOT_FOLLOWED, line.text)))
            continue
        for path in _named(reader, match[1]):
            reader.includes += 1
            text = reader.lines(path) if path not in within else None
            missing = (line._replace(text=f'include "{MISSING}{path}"'),)
            whole += missing if text is None else included(reader, text, (*within, path))
    return tuple(whole)


def _named(reader: Reader, name: str) -> tuple[str, ...]:
    path = name if name.startswith("/") else f"{INCLUDE_PATH}/{name.removeprefix('./')}"
    return reader.image.glob(path) if any(mark in path for mark in "*?[") else (path,)


class Statement(NamedTuple):
    """One statement, without what follows an opening brace of a block of tables or chains."""

    line: Line
    """Where it begins."""
    text: str
    context: tuple[str, ...]
    """The headers of the blocks around it: ("table inet filter", "chain output")."""


_TABLE = re.compile(r"^(?:add |create )?table ")
_CHAIN = re.compile(r"^(?:(?:add|create) )?chain ")


def statements(lines: Sequence[Line]) -> Iterator[Statement]:
    """All statements in order; a set or map with its elements is one."""
    context: list[str] = []
    deeper = 0
    words: list[str] = []
    began, inner = None, 0
    for line, piece in _pieces(lines):
        opens = piece == "{" and not inner and _opens_block(words)
        if not opens and (inner or piece not in ("}", "\n", ";")):
            if piece not in ("\n", ";"):
                began = began or line
                inner += (piece == "{") - (piece == "}")
                words.append(piece)
            continue
        text = " ".join(words)
        if words:
            yield Statement(began or line, text, tuple(context))
        if opens and len(context) < DEEPEST:
            context.append(text)
        elif opens:
            deeper += 1
        elif piece == "}" and deeper:
            deeper -= 1
        elif piece == "}":
            del context[-1:]
        words, began = [], None
    if words and began is not None:
        yield Statement(began, " ".join(words), tuple(context))


def _opens_block(words: Sequence[str]) -> bool:
    """A brace after these words opens a table or a chain, and not a set or a map."""
    text = " ".join(words[:2]) + " "
    return bool(_TABLE.match(text) or _CHAIN.match(text))


_PIECE = re.compile(r'"[^"]*"|#.*$|[{};]|\\$|[^\s{};"#]+')


def _pieces(lines: Sequence[Line]) -> Iterator[tuple[Line, str]]:
    """Words, braces and ends of lines; comments are left out, and a line that ends in a backslash goes on."""
    for line in lines:
        found = _PIECE.findall(line.text)
        goes_on = bool(found) and found[-1] == "\\"
        for piece in found:
            if not piece.startswith("#") and piece != "\\":
                yield line, piece
        if not goes_on:
            yield line, "\n"
