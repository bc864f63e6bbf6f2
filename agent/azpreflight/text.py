"""Foreign text made safe for one line of a message or a terminal; plurals and lists in words.

File names, DNS answers and certificates come from outside and may hold control characters that reprogram a terminal.
Everything that is printed for a person passes through `printable`; what becomes part of a message through `plain`.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable, Sequence

from azpreflight.dataclass import dataclass
from azpreflight.shell import argument

SHOWN = 5
"""Names in one message; the rest is counted."""


def plain(text: str, limit: int = 80) -> str:
    """The text as printable ASCII, cut at `limit` characters."""
    line = "".join(char if char.isprintable() else " " for char in text)
    line = line.encode("ascii", "backslashreplace").decode()
    return line if len(line) <= limit else line[: limit - 3] + "..."


def several(names: Sequence[str], shown: int = SHOWN, limit: int = 80) -> str:
    """Names as one phrase: "a, b and c", or "a, b and 7 more"; each is cut at `limit` characters."""
    words = [plain(name, limit) for name in names]
    if len(words) > shown:
        words = [*words[: shown - 1], f"{len(words) - shown + 1} more"]
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def count(number: int, noun: str) -> str:
    """ "1 file", "3 files"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def similar(name: str, known: Iterable[str]) -> str:
    """A hint at the known name that was probably meant, or nothing."""
    import difflib

    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def files(paths: Sequence[str]) -> str:
    """Paths as arguments of a shell command."""
    return " ".join(argument(path) for path in paths)


WIDTH = 100
"""Columns: fits a terminal beside an editor, a CI log and the portal's serial console."""


@dataclass(frozen=True)
class Columns:
    """How long lines are."""

    prose: int = WIDTH
    names: int = sys.maxsize
    """Lines that name a log: whole, so that they can be searched, but for those on a terminal."""


def printable(text: str) -> str:
    """The text with everything but printable ASCII written as an escape: \\n, \\x1b, \\xe9, \\u200b."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if " " <= character <= "~" else _escape(character) for character in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


_TOGETHER = re.compile(r"(?<=[0-9]) (?=(?:ms|s|min|h|[KMG]i?B|bytes)\b)|(?<=\btcp) (?=[0-9])|(?<=\budp) (?=[0-9])")
_NO_BREAK = "\0"
"""For a blank at which no line ends; nothing printable is it."""


def wrapped(text: str, first: str = "", rest: str = "", width: int = WIDTH) -> list[str]:
    """Lines of at most `width` columns, the first after `first`, the others after `rest`.

    A word that is longer than a line stays whole, so that names and addresses can be copied; a number stays with its
    unit, and a protocol with its address.
    """
    lines = textwrap.wrap(
        _TOGETHER.sub(_NO_BREAK, printable(text)),
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_NO_BREAK, " ") for line in lines] or [first.rstrip()]
