"""Text for terminals and consoles: printable ASCII only, wrapped.

File names, DNS answers and certificates come from outside and may hold control characters that reprogram a terminal.
Everything that is printed for a person passes through `plain`.
"""

import textwrap

WIDTH = 100
"""Columns: fits a terminal beside an editor, a CI log and the portal's serial console."""


def plain(text: str) -> str:
    """The text with everything but printable ASCII written as an escape: \\n, \\x1b, \\xe9, \\u200b."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if " " <= character <= "~" else _escape(character) for character in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def wrapped(text: str, first: str = "", rest: str = "", width: int = WIDTH) -> "list[str]":
    """Lines of at most `width` columns, the first after `first`, the others after `rest`.

    A word that is longer than a line stays whole, so that names and addresses can be copied.
    """
    return textwrap.wrap(
        plain(text), width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    ) or [first.rstrip()]
